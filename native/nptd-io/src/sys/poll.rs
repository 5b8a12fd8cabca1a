//! Sleeping until one of several descriptors has something to read.

use std::io;
use std::os::fd::RawFd;

use nptd_core::time::Duration;

/// Descriptors to wait for, by position.
#[derive(Debug)]
pub(crate) struct PollSet(Vec<libc::pollfd>);

impl PollSet {
    /// Watches these descriptors for reading. A closed one reads as ready, and its read tells why.
    pub(crate) fn new(descriptors: impl Iterator<Item = RawFd>) -> Self {
        Self(descriptors.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 }).collect())
    }

    /// Sleeps until a descriptor is ready, the time is over (none: never) or a signal comes.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let limit = timeout.map(|timeout| libc::timespec {
            tv_sec: libc::time_t::try_from(timeout.as_micros() / 1_000_000).unwrap_or(libc::time_t::MAX),
            tv_nsec: (timeout.as_micros() % 1_000_000 * 1_000).cast_signed(),
        });
        let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: the array is valid for its length and writable, `limit` is null or points to a timespec that
        // outlives the call, and a null signal mask leaves the mask alone.
        let ready = unsafe { libc::ppoll(self.0.as_mut_ptr(), self.0.len() as libc::nfds_t, limit, std::ptr::null()) };
        if ready >= 0 {
            return Ok(());
        }
        self.0.iter_mut().for_each(|entry| entry.revents = 0);
        match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            error => Err(error),
        }
    }

    /// Whether the descriptor at a position was ready when [`Self::wait`] returned.
    pub(crate) fn is_ready(&self, position: usize) -> bool {
        self.0.get(position).is_some_and(|entry| entry.revents != 0)
    }

    /// Stops watching the descriptor at a position.
    pub(crate) fn ignore(&mut self, position: usize) {
        if let Some(entry) = self.0.get_mut(position) {
            *entry = libc::pollfd { fd: -1, events: 0, revents: 0 };
        }
    }
}

/// Whether a descriptor would take what is written to it now. An error means that it never will again.
pub(crate) fn is_writable(fd: RawFd) -> io::Result<bool> {
    let mut entry = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: `entry` is one valid, writable pollfd for the whole call.
    if unsafe { libc::poll(&raw mut entry, 1, 0) } < 0 {
        // Interrupted, or no memory: this says nothing about the descriptor.
        return Ok(false);
    }
    if entry.revents & (libc::POLLERR | libc::POLLNVAL) != 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADFD));
    }
    Ok(entry.revents & libc::POLLOUT != 0)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use nptd_core::time::Duration;

    use super::PollSet;
    use crate::sys::clock::monotonic_us;
    use crate::sys::eventfd::EventFd;

    #[test]
    fn only_the_woken_descriptor_is_ready_until_it_is_cleared() -> std::io::Result<()> {
        let (quiet, woken) = (EventFd::new()?, EventFd::new()?);
        let mut set = PollSet::new([quiet.as_raw_fd(), woken.as_raw_fd()].into_iter());
        woken.wake();
        woken.wake();
        set.wait(None)?;
        assert!(!set.is_ready(0));
        assert!(set.is_ready(1));
        woken.clear();
        set.wait(Some(Duration::from_micros(0)))?;
        assert!(!set.is_ready(1));
        Ok(())
    }

    #[test]
    fn the_timeout_is_kept_to_the_millisecond() -> std::io::Result<()> {
        let before = monotonic_us();
        PollSet::new(std::iter::empty()).wait(Some(Duration::from_micros(2_500)))?;
        assert!(monotonic_us() - before >= 2_500);
        Ok(())
    }

    #[test]
    fn an_ignored_descriptor_wakes_nobody() -> std::io::Result<()> {
        let woken = EventFd::new()?;
        let mut set = PollSet::new(std::iter::once(woken.as_raw_fd()));
        woken.wake();
        set.ignore(0);
        set.wait(Some(Duration::from_micros(0)))?;
        assert!(!set.is_ready(0));
        Ok(())
    }
}
