//! Packets that wait for address resolution: a few slots, shared by all neighbours, allocated once.

use alloc::vec::Vec;

use crate::frame::{ChecksumState, DeviceIndex, FRAME_LEN_MAX, Segmentation};
use crate::verdict::OutputKind;
use crate::wire::ethernet::HEADER_LEN;
use crate::wire::octets::copy_to;

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

/// Octets of a packet that translation may change: the longest IPv4 and TCP headers.
const HEAD_LEN: usize = 120;

/// How a packet was received, so that its sender can be told of it as he knows it.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// Device it came in by.
    pub ingress: DeviceIndex,
    length: u8,
    head: [u8; HEAD_LEN],
}

impl Received {
    /// Nothing yet.
    pub const NOTHING: Self = Self { ingress: DeviceIndex(0), length: 0, head: [0; HEAD_LEN] };

    /// Notes an IP packet, as it was received.
    pub fn note(&mut self, ingress: DeviceIndex, packet: &[u8]) {
        self.ingress = ingress;
        if let Some(head) = packet.first_chunk::<HEAD_LEN>() {
            (self.head, self.length) = (*head, HEAD_LEN as u8);
            return;
        }
        self.length = packet.len() as u8;
        copy_to(&mut self.head, 0, packet);
    }

    /// Undoes translation in the first octets of the packet.
    pub fn restore(&self, packet: &mut [u8]) {
        if let Some(head) = self.head.get(..usize::from(self.length)) {
            copy_to(packet, 0, head);
        }
    }
}

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
    /// How it was received; none for packets of our own, and for those whose sender is told nothing.
    pub received: Option<Received>,
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

    /// Frees the packets of a chain whose senders are told nothing, and returns the others.
    pub fn keep_received(&mut self, mut chain: Chain) -> Chain {
        let mut kept = Chain::EMPTY;
        while let Some((packet, _)) = self.pop(&mut chain) {
            if packet.received.is_some() {
                // The slot freed last is the one taken first, so its octets stay where they are.
                let _ = self.push(&mut kept, packet);
            }
        }
        kept
    }

    /// Puts one chain behind another.
    pub fn append(&mut self, chain: &mut Chain, rest: Chain) {
        if rest.first == NONE {
            return;
        }
        self.link(chain.last, rest.first);
        if chain.first == NONE {
            chain.first = rest.first;
        }
        chain.last = rest.last;
        chain.length += rest.length;
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
