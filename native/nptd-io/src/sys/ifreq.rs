//! `ioctl` with `struct ifreq`: making a TAP or TUN device, its MTU, whether it is up, bringing it up.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

// The C libraries disagree on the type of a request number.
const GET_MTU: libc::Ioctl = libc::SIOCGIFMTU as libc::Ioctl;
const SET_MTU: libc::Ioctl = libc::SIOCSIFMTU as libc::Ioctl;
const GET_FLAGS: libc::Ioctl = libc::SIOCGIFFLAGS as libc::Ioctl;
const SET_FLAGS: libc::Ioctl = libc::SIOCSIFFLAGS as libc::Ioctl;

/// Longest interface name, without the terminating zero.
pub(crate) const NAME_LEN_MAX: usize = libc::IFNAMSIZ - 1;

/// What a device carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Ethernet frames: TAP.
    Ethernet,
    /// IP packets: TUN.
    Ip,
}

/// Which queue of a device a descriptor is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// The only one of a new device.
    Sole,
    /// The first one of a new device that may get more.
    First,
    /// One more of a device that is there, in the same network namespace: elsewhere a new device would be made.
    Further,
}

/// Attaches an open `/dev/net/tun` to a device without packet information, with a virtio-net header in front of
/// each frame if that is wanted.
///
/// `EBUSY` if a device that should be new exists already.
pub(crate) fn attach(tun: &File, name: &str, layer: Layer, with_header: bool, queue: Queue) -> io::Result<()> {
    let header = if with_header { libc::IFF_VNET_HDR } else { 0 };
    let kind = match layer {
        Layer::Ethernet => libc::IFF_TAP,
        Layer::Ip => libc::IFF_TUN,
    };
    let queue = match queue {
        Queue::Sole => libc::IFF_TUN_EXCL,
        Queue::First => libc::IFF_TUN_EXCL | libc::IFF_MULTI_QUEUE,
        Queue::Further => libc::IFF_MULTI_QUEUE,
    };
    let flags = kind | libc::IFF_NO_PI | header | queue;
    let mut request = named(name)?;
    // Flags are 16 bits wide here, and IFF_TUN_EXCL is the highest of them.
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq, which `request` is.
    check(unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })
}

/// What the kernel may leave unfinished in what it hands over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// Nothing: checksums are finished, no packet is longer than the MTU.
    Nothing,
    /// Checksums, and TCP that is still to be cut.
    Tcp,
    /// UDP that is still to be cut as well (Linux 6.2).
    TcpAndUdp,
}

/// Tells the kernel what this device takes unfinished; `EINVAL` if it does not know that.
pub(crate) fn set_offload(tun: &File, unfinished: Unfinished) -> io::Result<()> {
    const TCP: libc::c_uint = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6;
    let mask = match unfinished {
        Unfinished::Nothing => 0,
        Unfinished::Tcp => TCP,
        Unfinished::TcpAndUdp => TCP | libc::TUN_F_USO4 | libc::TUN_F_USO6,
    };
    // SAFETY: TUNSETOFFLOAD takes its mask by value.
    check(unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETOFFLOAD, libc::c_ulong::from(mask)) })
}

/// Sets how many octets the virtio-net header has.
pub(crate) fn set_header_len(tun: &File, octets: usize) -> io::Result<()> {
    let octets = octets as libc::c_int;
    // SAFETY: TUNSETVNETHDRSZ reads one int, which `octets` is.
    check(unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETVNETHDRSZ, &raw const octets) })
}

/// A socket that configures interfaces of the calling thread's network namespace.
#[derive(Debug)]
pub(crate) struct InterfaceSocket(OwnedFd);

impl InterfaceSocket {
    /// Opens one.
    pub(crate) fn open() -> io::Result<Self> {
        // SAFETY: socket takes no pointers; the result is checked before use.
        let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and nobody else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Sets the longest IP packet of an interface, in octets.
    pub(crate) fn set_mtu(&self, name: &str, mtu: u16) -> io::Result<()> {
        let mut request = named(name)?;
        request.ifr_ifru.ifru_mtu = libc::c_int::from(mtu);
        // SAFETY: SIOCSIFMTU reads one ifreq, which `request` is.
        check(unsafe { libc::ioctl(self.0.as_raw_fd(), SET_MTU, &raw mut request) })
    }

    /// Brings an interface up.
    pub(crate) fn bring_up(&self, name: &str) -> io::Result<()> {
        let mut request = named(name)?;
        // SAFETY: SIOCGIFFLAGS reads and writes one ifreq, which `request` is.
        check(unsafe { libc::ioctl(self.0.as_raw_fd(), GET_FLAGS, &raw mut request) })?;
        // SAFETY: the call before filled in this member of the union.
        let flags = unsafe { request.ifr_ifru.ifru_flags };
        request.ifr_ifru.ifru_flags = flags | libc::IFF_UP as libc::c_short;
        // SAFETY: SIOCSIFFLAGS reads one ifreq, which `request` is.
        check(unsafe { libc::ioctl(self.0.as_raw_fd(), SET_FLAGS, &raw mut request) })
    }
}

/// The longest IP packet of an interface, in octets; the descriptor is any socket of its network namespace.
pub(crate) fn mtu(socket: BorrowedFd<'_>, name: &str) -> io::Result<u32> {
    let mut request = named(name)?;
    // SAFETY: SIOCGIFMTU reads and writes one ifreq, which `request` is.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), GET_MTU, &raw mut request) })?;
    // SAFETY: the call before filled in this member of the union.
    let mtu = unsafe { request.ifr_ifru.ifru_mtu };
    Ok(u32::try_from(mtu).unwrap_or(0))
}

/// Whether an interface is up and has a carrier; `ENODEV` if there is none of this name.
pub(crate) fn is_up(socket: BorrowedFd<'_>, name: &str) -> io::Result<bool> {
    let mut request = named(name)?;
    // SAFETY: SIOCGIFFLAGS reads and writes one ifreq, which `request` is.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), GET_FLAGS, &raw mut request) })?;
    // SAFETY: the call before filled in this member of the union.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    let both = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    Ok(flags & both == both)
}

/// A request about the interface of this name; `ENAMETOOLONG` beyond [`NAME_LEN_MAX`].
fn named(name: &str) -> io::Result<libc::ifreq> {
    if name.len() > NAME_LEN_MAX {
        return Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG));
    }
    let mut ifr_name = [0; libc::IFNAMSIZ];
    for (to, from) in ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    // The widest member, so that every octet the kernel copies is set.
    let ifru_map = libc::__c_anonymous_ifru_map { mem_start: 0, mem_end: 0, base_addr: 0, irq: 0, dma: 0, port: 0 };
    Ok(libc::ifreq { ifr_name, ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_map } })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
