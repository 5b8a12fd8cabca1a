//! Notices of the kernel about interfaces (`NETLINK_ROUTE`, group of links): a bell, not a message. What has changed is asked
//! of the device itself, so a notice that was lost in a full buffer loses nothing.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Rings when any interface of a network namespace is made, changed or removed.
#[derive(Debug)]
pub(crate) struct LinkBell(OwnedFd);

impl LinkBell {
    /// One in the network namespace of the calling thread, wherever it is used later.
    pub(crate) fn open() -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: socket takes no pointers; the result is checked before use.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and nobody else owns it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: sockaddr_nl is made of numbers, for all of which zero is a value.
        let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
        address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
        address.nl_groups = libc::RTMGRP_LINK as u32;
        let length = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
        // SAFETY: `address` is a valid sockaddr_nl of that length for the whole call.
        if unsafe { libc::bind(fd, (&raw const address).cast(), length) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(socket))
    }

    /// Takes all notices there are, whatever they say.
    pub(crate) fn clear(&self) {
        let mut notice = [0_u8; 64];
        loop {
            // SAFETY: `notice` is writable for its length; what does not fit is cut off.
            let taken = unsafe { libc::recv(self.0.as_raw_fd(), notice.as_mut_ptr().cast(), notice.len(), 0) };
            // A full buffer (ENOBUFS) is told once in place of what was lost, and then there may be more.
            let lost = taken < 0 && io::Error::last_os_error().raw_os_error() == Some(libc::ENOBUFS);
            if taken < 0 && !lost {
                return;
            }
        }
    }
}

impl AsRawFd for LinkBell {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
