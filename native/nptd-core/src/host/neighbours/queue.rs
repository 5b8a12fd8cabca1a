//! Packets that wait for address resolution: a few slots, shared by all neighbours, allocated once.

use alloc::vec::Vec;

use crate::frame::{ChecksumState, FRAME_LEN_MAX, Segmentation};
use crate::verdict::OutputKind;
use crate::wire::ethernet::HEADER_LEN;

/// Most packets that wait for all neighbours together.
pub const QUEUED_MAX: usize = 64;

/// Most packets that wait for one neighbour.
pub const QUEUED_PER_NEIGHBOUR_MAX: u8 = 8;

/// Octets of one slot: the longest packet there is.
const SLOT_LEN: usize = FRAME_LEN_MAX - HEADER_LEN;

// 64 slots x 65,536 octets: 4 MiB of address space, of which a slot touches only what its packets fill.
const _: () = assert!(QUEUED_MAX * SLOT_LEN <= 4 << 20 && QUEUED_MAX < NONE as usize);

/// No slot.
const NONE: u8 = u8::MAX;

/// What is known of a waiting packet beside its octets.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// Octets.
    pub length: usize,
    /// What it will be counted as when it leaves.
    pub kind: OutputKind,
    /// State of its transport checksum; `start` counts from the first octet of the packet.
    pub checksum: ChecksumState,
    /// Whether it is a super-packet.
    pub segmentation: Segmentation,
}

/// The packets of one neighbour, first come, first out.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    first: u8,
    last: u8,
    length: u8,
}

impl Chain {
    /// No packets.
    pub const EMPTY: Self = Self { first: NONE, last: NONE, length: 0 };

    /// Number of packets.
    pub const fn length(&self) -> u8 {
        self.length
    }
}

/// All slots.
pub struct PacketQueue {
    octets: Vec<u8>,
    waiting: [Option<Waiting>; QUEUED_MAX],
    next: [u8; QUEUED_MAX],
    free: u8,
}

impl PacketQueue {
    /// An empty queue with all its memory.
    pub fn new() -> Self {
        let mut next = [NONE; QUEUED_MAX];
        for (slot, next) in next.iter_mut().enumerate().take(QUEUED_MAX - 1) {
            *next = slot as u8 + 1;
        }
        Self { octets: alloc::vec![0; QUEUED_MAX * SLOT_LEN], waiting: [None; QUEUED_MAX], next, free: 0 }
    }

    /// Appends a packet to a chain and lends its octets, which hold anything; none when there is no room.
    pub fn push(&mut self, chain: &mut Chain, packet: Waiting) -> Option<&mut [u8]> {
        if chain.length >= QUEUED_PER_NEIGHBOUR_MAX || packet.length > SLOT_LEN || self.free == NONE {
            return None;
        }
        let slot = self.free;
        self.free = self.link(slot, NONE);
        self.link(chain.last, slot);
        if chain.first == NONE {
            chain.first = slot;
        }
        chain.last = slot;
        chain.length += 1;
        *self.waiting.get_mut(usize::from(slot))? = Some(packet);
        let start = usize::from(slot) * SLOT_LEN;
        self.octets.get_mut(start..start + packet.length)
    }

    /// Takes the first packet of a chain; its octets stay until the next push.
    pub fn pop(&mut self, chain: &mut Chain) -> Option<(Waiting, &[u8])> {
        let slot = chain.first;
        let packet = self.waiting.get_mut(usize::from(slot))?.take()?;
        chain.first = self.link(slot, self.free);
        self.free = slot;
        chain.length -= 1;
        if chain.first == NONE {
            *chain = Chain::EMPTY;
        }
        let start = usize::from(slot) * SLOT_LEN;
        Some((packet, self.octets.get(start..start + packet.length)?))
    }

    /// Sets what follows a slot and returns what followed it before; nothing follows [`NONE`].
    fn link(&mut self, slot: u8, next: u8) -> u8 {
        let place = self.next.get_mut(usize::from(slot));
        place.map_or(NONE, |place| core::mem::replace(place, next))
    }
}
