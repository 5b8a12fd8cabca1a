//! `AF_XDP` sockets: one queue of an interface, with its memory and its four rings.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::ring::{Consuming, Mapping, Producing};

/// Not in all C libraries' headers.
const AF_XDP: libc::c_int = 44;

/// Octets that the kernel keeps before each frame, whatever is asked for (`XDP_PACKET_HEADROOM`).
pub(crate) const HEADROOM: usize = 256;

/// Sizes of memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Octets of the place of one frame: 2,048, or a page.
    pub(crate) place: u32,
    /// Places in each direction, and entries of each ring: a power of two.
    pub(crate) frames: u32,
}

/// A socket that is bound to a queue.
///
/// Its memory is a row of places, named by their offset: those below [`Self::first_to_send`] are for frames that come in, and
/// belong to the kernel until they turn up in `received`; the others for frames that leave, and belong to us until they are in `sending`.
#[derive(Debug)]
pub(crate) struct Xsk {
    socket: OwnedFd,
    sizes: Sizes,
    pub(crate) memory: Mapping,
    /// Free places for frames to come.
    pub(crate) free: Producing<u64>,
    /// Places of frames that have left.
    pub(crate) sent: Consuming<u64>,
    pub(crate) received: Consuming<libc::xdp_desc>,
    pub(crate) sending: Producing<libc::xdp_desc>,
}

/// A socket that belongs to no interface yet; `EPERM` without `CAP_NET_RAW`, `EAFNOSUPPORT` if this kernel has none.
pub(crate) fn open() -> io::Result<OwnedFd> {
    // SAFETY: socket takes no pointers; the result is checked before use.
    let fd = unsafe { libc::socket(AF_XDP, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

impl Xsk {
    /// Gives a socket its memory and rings; `ENOBUFS` where the process may not lock as much.
    pub(crate) fn new(socket: OwnedFd, sizes: Sizes) -> io::Result<Self> {
        let octets = u64::from(sizes.place) * u64::from(sizes.frames) * 2;
        let memory = Mapping::anonymous(octets as usize)?;
        let registration = libc::xdp_umem_reg {
            addr: memory.address(),
            len: octets,
            chunk_size: sizes.place,
            headroom: 0,
            flags: 0,
            tx_metadata_len: 0,
        };
        set(&socket, libc::XDP_UMEM_REG, &registration)?;
        for ring in [libc::XDP_UMEM_FILL_RING, libc::XDP_UMEM_COMPLETION_RING, libc::XDP_RX_RING, libc::XDP_TX_RING] {
            set(&socket, ring, &sizes.frames)?;
        }
        let layouts = layouts(&socket)?;
        let (fd, size) = (socket.as_fd(), sizes.frames);
        let free = Producing::of(fd, libc::XDP_UMEM_PGOFF_FILL_RING as libc::off_t, &layouts.fr, size)?;
        let sent = Consuming::of(fd, libc::XDP_UMEM_PGOFF_COMPLETION_RING as libc::off_t, &layouts.cr, size)?;
        let received = Consuming::of(fd, libc::XDP_PGOFF_RX_RING, &layouts.rx, size)?;
        let sending = Producing::of(fd, libc::XDP_PGOFF_TX_RING, &layouts.tx, size)?;
        Ok(Self { socket, sizes, memory, free, sent, received, sending })
    }

    /// Binds it to a queue of an interface: without copies where the driver can do that. `EINVAL` if there is no such queue.
    pub(crate) fn bind(&self, interface: u32, queue: u32) -> io::Result<()> {
        let address = libc::sockaddr_xdp {
            sxdp_family: AF_XDP as libc::__u16,
            sxdp_flags: libc::XDP_USE_NEED_WAKEUP,
            sxdp_ifindex: interface,
            sxdp_queue_id: queue,
            sxdp_shared_umem_fd: 0,
        };
        let length = size_of::<libc::sockaddr_xdp>() as libc::socklen_t;
        // SAFETY: `address` is a sockaddr_xdp of that length and outlives the call.
        check(unsafe { libc::bind(self.socket.as_raw_fd(), (&raw const address).cast(), length) } as isize)
    }

    /// The places of frames to come.
    pub(crate) fn places_to_receive(&self) -> impl Iterator<Item = u64> + use<> {
        let place = u64::from(self.sizes.place);
        (0..u64::from(self.sizes.frames)).map(move |number| number * place)
    }

    /// The places of frames that leave.
    pub(crate) fn places_to_send(&self) -> impl Iterator<Item = u64> + use<> {
        let all = u64::from(self.sizes.place) * u64::from(self.sizes.frames);
        self.places_to_receive().map(move |place| all + place)
    }

    /// The place that an address lies in.
    pub(crate) fn place_of(&self, address: u64) -> u64 {
        address & !(u64::from(self.sizes.place) - 1)
    }

    /// Has the kernel look at the ring of frames to send: 32 of them, where it copies them. `ENETDOWN` while the interface is down, `ENXIO`
    /// when it is gone.
    pub(crate) fn wake_sender(&self) -> io::Result<()> {
        // SAFETY: no octets are sent and no address given, so both pointers may be null.
        check(unsafe {
            libc::sendto(self.socket.as_raw_fd(), std::ptr::null(), 0, libc::MSG_DONTWAIT, std::ptr::null(), 0)
        })
    }

    /// Has the kernel look at the ring of free places.
    pub(crate) fn wake_receiver(&self) -> io::Result<()> {
        // SAFETY: no octets are asked for, so the pointer may be null.
        check(unsafe { libc::recv(self.socket.as_raw_fd(), std::ptr::null_mut(), 0, libc::MSG_DONTWAIT) })
    }
}

impl AsRawFd for Xsk {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

fn layouts(socket: &OwnedFd) -> io::Result<libc::xdp_mmap_offsets> {
    // SAFETY: xdp_mmap_offsets is made of numbers, for all of which zero is a value.
    let mut layouts: libc::xdp_mmap_offsets = unsafe { std::mem::zeroed() };
    let mut length = size_of::<libc::xdp_mmap_offsets>() as libc::socklen_t;
    let (fd, value) = (socket.as_raw_fd(), (&raw mut layouts).cast());
    // SAFETY: the kernel writes at most `length` octets to `value`, which is that long and outlives the call.
    check(unsafe { libc::getsockopt(fd, libc::SOL_XDP, libc::XDP_MMAP_OFFSETS, value, &raw mut length) } as isize)?;
    Ok(layouts)
}

fn set<T>(socket: &OwnedFd, option: libc::c_int, value: &T) -> io::Result<()> {
    let (length, value) = (size_of::<T>() as libc::socklen_t, std::ptr::from_ref(value).cast());
    // SAFETY: the kernel reads at most `length` octets of `value`, which is that long and outlives the call.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_XDP, option, value, length) } as isize)
}

fn check(result: isize) -> io::Result<()> {
    if result >= 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
