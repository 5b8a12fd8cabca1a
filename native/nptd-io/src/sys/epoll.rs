//! Several descriptors behind one, for who can wait for one only.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Reads as ready while one of its descriptors has something to read.
#[derive(Debug)]
pub(crate) struct Epoll(OwnedFd);

impl Epoll {
    /// Watches these descriptors until they are closed.
    pub(crate) fn of(descriptors: &[RawFd]) -> io::Result<Self> {
        // SAFETY: epoll_create1 takes no pointers; the result is checked before use.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and nobody else owns it.
        let epoll = unsafe { OwnedFd::from_raw_fd(fd) };
        for watched in descriptors {
            let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 0 };
            // SAFETY: `event` is a valid epoll_event for the whole call, which copies it.
            if unsafe { libc::epoll_ctl(fd, libc::EPOLL_CTL_ADD, *watched, &raw mut event) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(Self(epoll))
    }
}

impl AsRawFd for Epoll {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
