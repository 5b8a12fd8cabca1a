//! A counter with a file descriptor: wakes a thread that sleeps in `poll`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Wakes one poller. Waking twice before it looks is the same as waking once.
#[derive(Debug)]
pub(crate) struct EventFd(File);

impl EventFd {
    /// A new one that nobody has woken yet.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: eventfd takes no pointers; the result is checked before use.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and nobody else owns it.
        Ok(Self(File::from(unsafe { OwnedFd::from_raw_fd(fd) })))
    }

    /// Wakes the poller.
    pub(crate) fn wake(&self) {
        // It can fail only when the counter is full, and then the poller is awake already.
        let _ = (&self.0).write(&1_u64.to_ne_bytes());
    }

    /// Forgets all calls of [`Self::wake`] so far.
    pub(crate) fn clear(&self) {
        // It can fail only when nobody has woken, and then there is nothing to forget.
        let _ = (&self.0).read(&mut [0; 8]);
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
