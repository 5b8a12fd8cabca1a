//! Packets for the gateway itself that are about probes with ports.

use crate::frame::{ChecksumState, Frame};
use crate::host::probes::{Arrival, Claim, Family};
use crate::verdict::{DropReason, Verdict};
use crate::wire::checksum::{fold, pseudo_header4, pseudo_header6};
use crate::wire::octets::{set_u16, tail};
use crate::wire::{ipv4, ipv6, protocol, tcp};

use super::transit::Transit;

impl Transit<'_> {
    /// What becomes of such a packet, whose transport header begins at an offset; none if it is no affair of the probes.
    pub fn probe_service(&mut self, frame: &mut Frame<'_>, transport: usize, arrival: Arrival) -> Option<Verdict> {
        let message = tail(frame.octets(), transport);
        match self.probes.handle_service(&mut self.context, self.neighbours, arrival, message) {
            Claim::Nobody => None,
            Claim::Consumed => Some(Verdict::Consumed),
            Claim::Conversation => {
                complete_checksum(frame, transport, arrival.family);
                let has_room = self.probes.hand_over(arrival.slot, frame.octets());
                Some(if has_room { Verdict::Consumed } else { Verdict::Drop(DropReason::PassQueueFull) })
            }
        }
    }
}

/// Whoever is handed a TCP packet knows nothing of what its device vouches for.
fn complete_checksum(frame: &mut Frame<'_>, transport: usize, family: Family) {
    if frame.checksum == ChecksumState::Vouched {
        let (packet, length) = (frame.octets(), frame.len().saturating_sub(transport));
        let sum = match family {
            Family::V4 => pseudo_header4(ipv4::source(packet), ipv4::destination(packet), protocol::TCP, length as u16),
            Family::V6 => pseudo_header6(ipv6::source(packet), ipv6::destination(packet), protocol::TCP, length as u32),
        };
        set_u16(frame.octets_mut(), transport + tcp::CHECKSUM, fold(sum));
        frame.checksum = ChecksumState::Partial { start: transport as u16, offset: tcp::CHECKSUM as u16 };
    }
    frame.finish_checksum();
}
