//! The calls that the standard library lacks: many datagrams at once, waiting for many sockets, processor time.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Datagrams of one call.
pub const BATCH: usize = 64;

/// Room for a datagram; the rest of a longer one is lost, and it counts all the same.
const ROOM: usize = 128;

/// Octets of receive buffer to ask for: some milliseconds of datagrams, each of which is charged about 1 KiB.
const BUFFER_OCTETS: libc::c_int = 8 << 20;

/// Where the datagrams of one batch go to.
pub struct Batch {
    /// Empty: to where the socket is connected.
    addresses: Vec<libc::sockaddr_in6>,
    lengths: Vec<libc::socklen_t>,
}

impl Batch {
    /// All to where the socket is connected.
    pub fn connected() -> Self {
        Self { addresses: Vec::new(), lengths: Vec::new() }
    }

    /// One to each address, at most [`BATCH`].
    pub fn to(addresses: &[SocketAddr]) -> Self {
        let (addresses, lengths) = addresses.iter().take(BATCH).map(raw_address).unzip();
        Self { addresses, lengths }
    }

    /// Sends the batch; returns how many datagrams the kernel took.
    pub fn send(&self, socket: &UdpSocket, payload: &[u8]) -> u64 {
        let mut part = libc::iovec { iov_base: payload.as_ptr().cast_mut().cast(), iov_len: payload.len() };
        let mut messages = [EMPTY; BATCH];
        for message in &mut messages {
            message.msg_hdr.msg_iov = &raw mut part;
            message.msg_hdr.msg_iovlen = 1;
        }
        for (message, (address, length)) in messages.iter_mut().zip(self.addresses.iter().zip(&self.lengths)) {
            message.msg_hdr.msg_name = std::ptr::from_ref(address).cast_mut().cast();
            message.msg_hdr.msg_namelen = *length;
        }
        let count = if self.addresses.is_empty() { BATCH } else { self.addresses.len() };
        // SAFETY: the first `count` messages are initialised; each points to `part` and, if at all, to an address that
        // is as long as it says; all of that outlives the call, which reads it only.
        let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), count as libc::c_uint, 0) };
        u64::try_from(sent).unwrap_or(0)
    }
}

/// A message header without anything.
const EMPTY: libc::mmsghdr = libc::mmsghdr {
    msg_hdr: libc::msghdr {
        msg_name: std::ptr::null_mut(),
        msg_namelen: 0,
        msg_iov: std::ptr::null_mut(),
        msg_iovlen: 0,
        msg_control: std::ptr::null_mut(),
        msg_controllen: 0,
        msg_flags: 0,
    },
    msg_len: 0,
};

/// An address as the kernel reads it. The room of the larger family does for both: the length says which one it is.
fn raw_address(address: &SocketAddr) -> (libc::sockaddr_in6, libc::socklen_t) {
    let mut raw = libc::sockaddr_in6 {
        sin6_family: libc::AF_INET6 as libc::sa_family_t,
        sin6_port: address.port().to_be(),
        sin6_flowinfo: 0,
        sin6_addr: libc::in6_addr { s6_addr: [0; 16] },
        sin6_scope_id: 0,
    };
    match address {
        SocketAddr::V6(address) => {
            raw.sin6_addr.s6_addr = address.ip().octets();
            (raw, size_of::<libc::sockaddr_in6>() as libc::socklen_t)
        }
        SocketAddr::V4(address) => {
            // The IPv4 address lies where the IPv6 one has its flow label.
            raw.sin6_family = libc::AF_INET as libc::sa_family_t;
            raw.sin6_flowinfo = u32::from_ne_bytes(address.ip().octets());
            (raw, size_of::<libc::sockaddr_in>() as libc::socklen_t)
        }
    }
}

/// Memory for one batch of received datagrams.
pub struct Receiver(Box<[[u8; ROOM]; BATCH]>);

impl Receiver {
    /// Empty memory.
    pub fn new() -> Self {
        Self(Box::new([[0; ROOM]; BATCH]))
    }

    /// Takes the datagrams that wait at a socket, up to a batch of them; returns their number.
    pub fn receive(&mut self, socket: &UdpSocket) -> u64 {
        let mut parts = self.0.each_mut().map(|room| libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: ROOM });
        let mut messages = [EMPTY; BATCH];
        for (message, part) in messages.iter_mut().zip(&mut parts) {
            message.msg_hdr.msg_iov = std::ptr::from_mut(part);
            message.msg_hdr.msg_iovlen = 1;
        }
        let none = std::ptr::null_mut();
        let (fd, count) = (socket.as_raw_fd(), BATCH as libc::c_uint);
        // SAFETY: all messages are initialised; each points to one part, and each part to memory of its length that
        // nobody else uses during the call.
        let received = unsafe { libc::recvmmsg(fd, messages.as_mut_ptr(), count, libc::MSG_DONTWAIT, none) };
        u64::try_from(received).unwrap_or(0)
    }
}

/// Asks for a receive buffer beyond the limit of ordinary users; without the privilege the usual one has to do.
pub fn ask_for_large_buffer(socket: &UdpSocket) {
    let octets = BUFFER_OCTETS;
    let (value, size) = ((&raw const octets).cast(), size_of_val(&octets) as libc::socklen_t);
    // SAFETY: `value` points to one integer of the size that is given, and the call only reads it.
    unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, value, size) };
}

/// Sockets to wait for, by position.
pub struct Readiness(OwnedFd);

impl Readiness {
    /// Watches sockets for reading.
    pub fn of(sockets: &[UdpSocket]) -> io::Result<Self> {
        // SAFETY: epoll_create1 takes no pointers; the result is checked before use.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and nobody else owns it.
        let epoll = unsafe { OwnedFd::from_raw_fd(fd) };
        for (index, socket) in sockets.iter().enumerate() {
            let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: index as u64 };
            let (watcher, fd) = (epoll.as_raw_fd(), socket.as_raw_fd());
            // SAFETY: `event` is a valid epoll_event for the whole call, which copies it.
            if unsafe { libc::epoll_ctl(watcher, libc::EPOLL_CTL_ADD, fd, &raw mut event) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(Self(epoll))
    }

    /// Sleeps until some sockets have something to read, and gives their positions.
    pub fn wait(&self) -> impl Iterator<Item = usize> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; BATCH];
        // SAFETY: `events` is valid, writable memory for as many entries as the call is told.
        let ready = unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), BATCH as libc::c_int, -1) };
        events.into_iter().take(usize::try_from(ready).unwrap_or(0)).map(|event| event.u64 as usize)
    }
}

/// Sleeps until one of two descriptors has something to read, and says which.
pub fn wait_readable(descriptors: [RawFd; 2]) -> [bool; 2] {
    let mut entries = descriptors.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
    // SAFETY: `entries` are two valid, writable pollfds for the whole call.
    unsafe { libc::poll(entries.as_mut_ptr(), 2, -1) };
    entries.map(|entry| entry.revents != 0)
}

/// Processor time of this process so far, in nanoseconds.
pub fn process_cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid, writable timespec for the whole call.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, UdpSocket};

    use super::{BATCH, Batch, Readiness, Receiver, process_cpu_ns};

    #[test]
    fn a_batch_arrives_where_it_was_sent_in_both_families() -> std::io::Result<()> {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let receivers = [UdpSocket::bind(address)?, UdpSocket::bind(address)?];
            let addresses = [receivers[0].local_addr()?, receivers[1].local_addr()?];
            let readiness = Readiness::of(&receivers)?;
            let sender = UdpSocket::bind(address)?;
            assert_eq!(Batch::to(&addresses).send(&sender, b"first"), 2);
            sender.connect(addresses[0])?;
            assert_eq!(Batch::connected().send(&sender, b"rest"), BATCH as u64);
            let mut ready: Vec<usize> = readiness.wait().collect();
            ready.sort_unstable();
            assert_eq!(ready, [0, 1]);
            let mut memory = Receiver::new();
            assert_eq!(memory.receive(&receivers[1]), 1);
            assert_eq!(memory.receive(&receivers[1]), 0);
            assert_eq!(memory.receive(&receivers[0]) + memory.receive(&receivers[0]), BATCH as u64 + 1);
        }
        Ok(())
    }

    #[test]
    fn nothing_is_sent_to_where_nothing_can_be() -> std::io::Result<()> {
        let sender = UdpSocket::bind("127.0.0.1:0")?;
        let foreign: SocketAddr = ([0; 8], 9).into();
        assert_eq!(Batch::to(&[foreign]).send(&sender, b"x"), 0);
        Ok(())
    }

    #[test]
    fn processor_time_grows_with_work() {
        let before = process_cpu_ns();
        let mut value = 1_u64;
        while process_cpu_ns() == before {
            value = std::hint::black_box(value.wrapping_mul(3));
        }
    }
}
