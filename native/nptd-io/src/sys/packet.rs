//! Packet sockets: `AF_PACKET` with virtio-net headers.

use std::ffi::CString;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use arrayvec::ArrayVec;

use super::packet_ring::{PLACE, PLACES, PacketRing};
use super::ring::Mapping;

// Not in the C library's headers, or not in all of them.
const PACKET_VNET_HDR: libc::c_int = 15;
const PACKET_IGNORE_OUTGOING: libc::c_int = 23;
/// `SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT`: whether the driver has taken a tag off.
const VLAN_TAG_PRESENT: u32 = (-0x1000_i32 + 48).cast_unsigned();

/// Octets of a piece of the ring: what the kernel asks for at once.
const BLOCK: u32 = 64 * 1_024;

/// Most frames of one call.
const SEND_MAX: usize = 64;

/// Octets that may wait in either direction, those in the ring aside: some fifty super-packets.
const BUFFER_OCTETS: libc::c_int = 4 << 20;

/// A socket that receives nothing before it is bound.
pub(crate) fn open() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: socket takes no pointers; the result is checked before use.
    let fd = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The index of an interface in the network namespace of the calling thread.
pub(crate) fn interface_index(name: &str) -> io::Result<libc::c_int> {
    let name = CString::new(name)?;
    // SAFETY: the name ends with a zero and outlives the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index.cast_signed()),
    }
}

/// Puts a virtio-net header before each frame, either way. Before [`share_ring`].
pub(crate) fn ask_for_headers(socket: &OwnedFd) -> io::Result<()> {
    set(socket, libc::SOL_PACKET, PACKET_VNET_HDR, &1_i32)
}

/// Has the socket receive what comes in by an interface, whatever link address it is for.
pub(crate) fn bind(socket: &OwnedFd, index: libc::c_int) -> io::Result<()> {
    set(socket, libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, &1_i32)?;
    set_buffer(socket, libc::SO_RCVBUFFORCE, libc::SO_RCVBUF)?;
    set_buffer(socket, libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)?;
    refuse_vlans(socket)?;
    hear_everything(socket, index)?;
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as libc::c_ushort,
        sll_protocol: (libc::ETH_P_ALL as u16).to_be(),
        sll_ifindex: index,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: `address` is a sockaddr_ll of that length and outlives the call.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) })
}

/// Has the kernel put what comes into a ring; what is longer than a place there waits at the socket. Before [`bind`].
pub(crate) fn share_ring(socket: &OwnedFd) -> io::Result<PacketRing> {
    // The third version waits until a block is full, or a timer ends.
    set(socket, libc::SOL_PACKET, libc::PACKET_VERSION, &(libc::tpacket_versions::TPACKET_V2 as libc::c_int))?;
    set(socket, libc::SOL_PACKET, libc::PACKET_COPY_THRESH, &1_i32)?;
    let request = libc::tpacket_req {
        tp_block_size: BLOCK,
        tp_block_nr: PLACES * PLACE / BLOCK,
        tp_frame_size: PLACE,
        tp_frame_nr: PLACES,
    };
    set(socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
    Mapping::of(socket.as_fd(), 0, (PLACES * PLACE) as usize).map(PacketRing::over)
}

/// Sends frames, at most [`SEND_MAX`], each made of some slices; returns how many were taken, which is one at least.
pub(crate) fn send(socket: BorrowedFd<'_>, frames: &[&[IoSlice<'_>]]) -> io::Result<usize> {
    // SAFETY: mmsghdr is made of numbers and pointers, for all of which zero is a value.
    let empty: libc::mmsghdr = unsafe { std::mem::zeroed() };
    let message = |frame: &&[IoSlice<'_>]| {
        let mut message = empty;
        // An IoSlice is an iovec on every Unix, and the call only reads them.
        message.msg_hdr.msg_iov = frame.as_ptr().cast_mut().cast();
        message.msg_hdr.msg_iovlen = frame.len();
        message
    };
    let mut messages: ArrayVec<libc::mmsghdr, SEND_MAX> = frames.iter().take(SEND_MAX).map(message).collect();
    let (fd, count) = (socket.as_raw_fd(), messages.len() as libc::c_uint);
    // SAFETY: each message points to as many slices as it says, each of them to octets that are there, and all of them outlive the call,
    // which reads all but the lengths in `messages`.
    let sent = unsafe { libc::sendmmsg(fd, messages.as_mut_ptr(), count, libc::MSG_DONTWAIT as _) };
    if sent > 0 { Ok(sent as usize) } else { Err(io::Error::last_os_error()) }
}

/// Has an interface take frames for any link address, as long as the socket is open.
pub(crate) fn hear_everything(socket: &OwnedFd, index: libc::c_int) -> io::Result<()> {
    let promiscuous = libc::packet_mreq {
        mr_ifindex: index,
        mr_type: libc::PACKET_MR_PROMISC as libc::c_ushort,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    set(socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &promiscuous)
}

/// What carries a VLAN tag is for an interface of that VLAN. The tag may be gone from the octets by now, so only the kernel
/// can tell.
fn refuse_vlans(socket: &OwnedFd) -> io::Result<()> {
    let instruction = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut filter = [
        instruction(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0, 0, VLAN_TAG_PRESENT),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, 0),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
    ];
    let program = libc::sock_fprog { len: filter.len() as libc::c_ushort, filter: filter.as_mut_ptr() };
    // The kernel copies the program, which `filter` outlives.
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

/// As large as wanted with `CAP_NET_ADMIN`, and as large as allowed without.
fn set_buffer(socket: &OwnedFd, forced: libc::c_int, allowed: libc::c_int) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, forced, &BUFFER_OCTETS)
        .or_else(|_| set(socket, libc::SOL_SOCKET, allowed, &BUFFER_OCTETS))
}

/// What has happened to the socket since it was asked last.
pub(crate) fn take_error(socket: BorrowedFd<'_>) -> io::Result<()> {
    let (mut error, mut length) = (0, size_of::<libc::c_int>() as libc::socklen_t);
    let (fd, value) = (socket.as_raw_fd(), (&raw mut error).cast());
    // SAFETY: the kernel writes at most `length` octets to `value`, which is an integer of that size and outlives the call.
    check(unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_ERROR, value, &raw mut length) })?;
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
}

fn set<T>(socket: &OwnedFd, level: libc::c_int, option: libc::c_int, value: &T) -> io::Result<()> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel reads at most `length` octets of `value`, which is that long and outlives the call.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, std::ptr::from_ref(value).cast(), length) })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
