//! The receive ring of a packet socket (TPACKET_V2): places in memory that is shared with the kernel, each with a header, one
//! frame, and a word that says whose it is.

use std::sync::atomic::{AtomicU32, Ordering};

use super::ring::Mapping;

/// Octets of a place: an ordinary frame with all headers before it.
pub(super) const PLACE: u32 = 2_048;

/// Places: 4 MiB of them.
pub(super) const PLACES: u32 = 2_048;

/// Where `struct tpacket2_hdr` has the octets that are here, and where they begin. The length of the whole frame and both of them
/// follow the word of the owner.
const LENGTHS: u64 = 4;

/// The ring, at the place of the next frame.
#[derive(Debug)]
pub(crate) struct PacketRing {
    memory: Mapping,
    next: u32,
}

/// The frame of one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// So many octets of header and frame were copied; where they fill the room there may have been more.
    Copied(usize),
    /// It is longer than a place, and waits whole at the socket.
    AtSocket,
    /// It is longer than a place, and there was no memory to keep it.
    Lost,
}

impl PacketRing {
    /// A ring of [`PLACES`] that is mapped.
    pub(super) fn over(memory: Mapping) -> Self {
        Self { memory, next: 0 }
    }

    /// Copies the next frame, behind a header of so many octets that the kernel has put before it; none if none is waiting.
    pub(crate) fn take(&mut self, header_len: usize, space: &mut [u8]) -> Option<Taken> {
        let start = u64::from(self.next) * u64::from(PLACE);
        let owner = self.memory.word(start).filter(|owner| is_ours(owner))?;
        let taken = self.copy(start, owner, header_len, space);
        owner.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.next = (self.next + 1) % PLACES;
        Some(taken)
    }

    fn copy(&self, start: u64, owner: &AtomicU32, header_len: usize, space: &mut [u8]) -> Taken {
        let mut lengths = [0; 10];
        if !self.memory.read(start + LENGTHS, &mut lengths) {
            return Taken::Lost;
        }
        let [l0, l1, l2, l3, h0, h1, h2, h3, m0, m1] = lengths;
        let [whole, here] = [[l0, l1, l2, l3], [h0, h1, h2, h3]].map(u32::from_ne_bytes);
        if here < whole {
            let waits = owner.load(Ordering::Relaxed) & libc::TP_STATUS_COPY != 0;
            return if waits { Taken::AtSocket } else { Taken::Lost };
        }
        let begin = usize::from(u16::from_ne_bytes([m0, m1])).saturating_sub(header_len);
        let octets = (here as usize + header_len).min(space.len());
        let is_copied = space.get_mut(..octets).is_some_and(|space| self.memory.read(start + begin as u64, space));
        if is_copied { Taken::Copied(octets) } else { Taken::Lost }
    }
}

fn is_ours(owner: &AtomicU32) -> bool {
    owner.load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
}
