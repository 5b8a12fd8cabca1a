//! IPv4 identifications of what we send in our own name (6864-5.3.1, 7857-S10): unique per source, destination and
//! protocol for as long as a 16-bit counter allows, and not to be guessed from those of other destinations.

use alloc::boxed::Box;

use siphasher::sip::SipHasher24;

use crate::share::Share;

/// Counters, chosen by hash: 2 KiB.
const COUNTERS: usize = 1_024;

/// Makes identifications.
pub(super) struct Identifications {
    hasher: SipHasher24,
    counters: Box<[u16; COUNTERS]>,
    /// The range of one worker: its first one, and how many there are.
    range: (u32, u32),
}

impl Identifications {
    pub fn new(secret: &[u8; 16], share: Share) -> Self {
        let count = 65_536 / u32::from(share.workers());
        let range = (u32::from(share.worker()) * count, count);
        Self { hasher: SipHasher24::new_with_key(secret), counters: Box::new([0; COUNTERS]), range }
    }

    /// The next identification from an external source to a destination, and the `count - 1` after it.
    pub fn next(&mut self, source: u32, destination: u32, protocol: u8, count: u16) -> u16 {
        let mut message = [0; 9];
        let octets = source.to_be_bytes().into_iter().chain(destination.to_be_bytes()).chain([protocol]);
        for (place, octet) in message.iter_mut().zip(octets) {
            *place = octet;
        }
        let hash = self.hasher.hash(&message);
        let offset = (hash >> 48) as u16;
        let sequence = match self.counters.get_mut(hash as usize % COUNTERS) {
            Some(counter) => {
                let sequence = counter.wrapping_add(offset);
                *counter = counter.wrapping_add(count);
                sequence
            }
            None => offset,
        };
        let (first, range) = self.range;
        (first + u32::from(sequence) % range) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_datagrams_to_one_destination_differ_3022_6_3() {
        let mut identifications = Identifications::new(&[5; 16], Share::ALONE);
        let first = identifications.next(1, 2, 17, 1);
        assert_eq!(identifications.next(1, 2, 17, 1), first.wrapping_add(1));
        assert_ne!(Identifications::new(&[6; 16], Share::ALONE).next(1, 2, 17, 1), first);
    }
}
