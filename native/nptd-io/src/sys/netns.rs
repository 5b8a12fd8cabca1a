//! Entering a named network namespace, as `ip netns` keeps them.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Where `ip netns add` leaves a handle of each namespace.
const NAMED_NAMESPACES: &str = "/run/netns";

/// Moves the calling thread into a named network namespace for the rest of its life.
pub(crate) fn enter(name: &str) -> io::Result<()> {
    if name.is_empty() || name.contains('/') || name == "." || name == ".." {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let namespace = File::open(format!("{NAMED_NAMESPACES}/{name}"))?;
    // SAFETY: setns takes no pointers, and the descriptor is open for the whole call.
    if unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
