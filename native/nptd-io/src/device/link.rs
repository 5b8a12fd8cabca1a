//! Whether an interface that somebody else looks after has a link. Where it has none, the kernel takes frames and loses them
//! without a word.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Outgoing, Transmitted};

/// What is known of a link, for all workers: it works until its bell has rung and the interface was asked.
#[derive(Clone, Debug)]
pub struct Link(Arc<AtomicBool>);

impl Default for Link {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Link {
    /// Remembers what the interface says.
    pub fn heed(&self, is_up: bool) -> bool {
        self.0.store(is_up, Ordering::Relaxed);
        is_up
    }

    /// What becomes of frames while there is no link; none while there is one.
    pub fn refuse(&self, frames: &mut dyn Iterator<Item = Outgoing<'_>>) -> Option<Transmitted> {
        if self.0.load(Ordering::Relaxed) {
            return None;
        }
        let failure = Some(io::Error::from_raw_os_error(libc::ENETDOWN));
        Some(Transmitted { sent: 0, refused: frames.count() as u64, failure })
    }
}
