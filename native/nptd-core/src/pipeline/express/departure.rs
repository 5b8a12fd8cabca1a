//! How a packet of the short way leaves: next hop, length, link header.

use crate::frame::{ChecksumState, Frame};
use crate::pipeline::transit::Transit;
use crate::plan::NextHop;
use crate::wire::ethernet;
use crate::wire::octets::{array_at, set_array};

/// Where the second half of a link header begins, in eights.
const TAIL: usize = ethernet::HEADER_LEN - 8;

/// Where a packet goes.
#[derive(Clone, Copy)]
pub struct Way {
    hop: NextHop<u128>,
    mtu: u16,
    /// Whether the device finishes checksums.
    takes_partial: bool,
    /// Whether it has link headers.
    has_link: bool,
    /// The first eight octets of the link header, and the eight from the seventh on, but for the type.
    head: [u8; 8],
    tail: [u8; 8],
}

/// A packet that is about to leave.
#[derive(Clone, Copy)]
pub struct Leaving {
    /// Octets in front of it in its buffer.
    pub start: usize,
    /// Its octets.
    pub length: usize,
    /// Whether a checksum is to be finished.
    pub is_partial: bool,
}

impl Leaving {
    /// A packet of `length` octets behind the link header of a frame.
    #[inline]
    pub fn of(frame: &Frame<'_>, link_len: usize) -> Self {
        let is_partial = matches!(frame.checksum, ChecksumState::Partial { .. });
        Self { start: frame.start() + link_len, length: 0, is_partial }
    }
}

/// What goes there.
#[derive(Clone, Copy)]
pub struct Departure {
    /// Octets of the link header that the packet came with.
    pub link_len: usize,
    /// Octets of the packet.
    pub length: usize,
    /// What its next link header says it is.
    pub ether_type: u16,
}

impl Transit<'_> {
    /// The way of a packet, unless it is too long or not finished for that device, or its next hop is not resolved. `last` is that
    /// of the packet before, since when no next hop can have changed.
    #[inline(always)]
    pub(super) fn way<'a>(
        &mut self,
        leaving: &Leaving,
        hop: NextHop<u128>,
        last: &'a mut Option<Way>,
    ) -> Option<&'a Way> {
        if last.as_ref().is_none_or(|way| way.hop != hop) {
            *last = Some(self.find_way(hop)?);
        }
        let way = last.as_ref()?;
        let needs_room = way.has_link && leaving.start < ethernet::HEADER_LEN;
        let is_unfinished = leaving.is_partial && !way.takes_partial;
        if leaving.length > usize::from(way.mtu) || is_unfinished || needs_room {
            return None;
        }
        self.octets = leaving.length;
        Some(way)
    }

    fn find_way(&mut self, hop: NextHop<u128>) -> Option<Way> {
        let device = self.plan().device(hop.device)?;
        let mut header = [0; ethernet::HEADER_LEN];
        if let Some(own) = device.mac {
            let station = self.neighbours.link_address(&mut self.context, hop)?;
            ethernet::write_header(&mut header, station, own, 0);
        }
        let takes_partial = self.offloads(hop.device).checksum;
        let (head, tail) = (array_at(&header, 0), array_at(&header, TAIL));
        Some(Way { hop, mtu: device.mtu, takes_partial, has_link: device.mac.is_some(), head, tail })
    }
}

impl Departure {
    /// Puts the next link header in the place of the one that the packet came with, if it has the same length (nearly always).
    #[inline(always)]
    pub fn link(&self, header: &mut [u8], way: &Way) {
        if let (true, Some(header)) = (way.has_link, header.first_chunk_mut::<{ ethernet::HEADER_LEN }>()) {
            way.write(header, self.ether_type);
        }
    }

    /// Sends the rewritten packet, after [`Self::link`].
    #[inline(always)]
    pub fn depart(&self, frame: &mut Frame<'_>, way: &Way) {
        frame.egress = way.hop.device;
        frame.truncate(self.link_len + self.length);
        match (way.has_link, self.link_len) {
            (true, ethernet::HEADER_LEN) => {}
            (true, _) => {
                // There is room for it: `Transit::way`.
                if frame.grow_front(ethernet::HEADER_LEN)
                    && let Some(header) = frame.octets_mut().first_chunk_mut()
                {
                    way.write(header, self.ether_type);
                }
            }
            (false, link_len) => frame.strip_front(link_len),
        }
    }
}

impl Way {
    /// In two pieces that overlap: as the processor likes it.
    #[inline(always)]
    fn write(&self, header: &mut [u8; ethernet::HEADER_LEN], ether_type: u16) {
        let [type_high, type_low] = ether_type.to_be_bytes();
        let [a, b, c, d, e, f, _, _] = self.tail;
        set_array(header, 0, self.head);
        set_array(header, TAIL, [a, b, c, d, e, f, type_high, type_low]);
    }
}
