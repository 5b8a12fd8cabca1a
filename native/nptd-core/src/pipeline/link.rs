//! The link header: off when a frame comes in, on again when it leaves.

use super::transit::{Outcome, Transit};
use crate::frame::{FRAME_LEN_MAX, Frame};
use crate::host::arp;
use crate::host::neighbours::mapped4;
use crate::plan::NextHop;
use crate::verdict::{DropReason, Verdict};
use crate::wire::ethernet::{self, MacAddress};
use crate::wire::octets::u8_at;

/// Address family of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What a frame carries after its link header has been taken off.
pub enum Carries {
    /// An IP packet.
    Ip(Family, LinkDestination),
    /// Something that ended here.
    Done(Outcome),
}

/// Whom the link header addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkDestination {
    /// The gateway alone.
    Gateway,
    /// A group of stations: no unicast packet is forwarded out of such a frame (RFC 1122 section 3.3.6).
    Group,
}

impl Transit<'_> {
    /// Takes the link header off.
    pub fn receive(&mut self, frame: &mut Frame<'_>) -> Carries {
        match self.strip_link_header(frame) {
            Ok(carries) => carries,
            Err(reason) => Carries::Done(Outcome::local(Verdict::Drop(reason))),
        }
    }

    fn strip_link_header(&mut self, frame: &mut Frame<'_>) -> Result<Carries, DropReason> {
        let device = self.device(frame.ingress)?;
        if frame.len() > FRAME_LEN_MAX {
            return Err(DropReason::FrameTooLong);
        }
        let Some(mac) = device.mac else {
            return match u8_at(frame.octets(), 0) >> 4 {
                4 => Ok(Carries::Ip(Family::V4, LinkDestination::Gateway)),
                6 => Ok(Carries::Ip(Family::V6, LinkDestination::Gateway)),
                _ => Err(DropReason::UnsupportedEtherType),
            };
        };
        if frame.len() < ethernet::HEADER_LEN {
            return Err(DropReason::Truncated);
        }
        let destination = ethernet::destination(frame.octets());
        let addressed = match destination {
            own if own == mac => LinkDestination::Gateway,
            group if group.is_group() => LinkDestination::Group,
            _ => return Err(DropReason::NotForThisStation),
        };
        let family = match ethernet::ether_type(frame.octets()) {
            ethernet::TYPE_IPV4 => Family::V4,
            ethernet::TYPE_IPV6 => Family::V6,
            ethernet::TYPE_ARP => {
                if let Some(verdict) = self.hand_to_host(frame) {
                    return Ok(Carries::Done(Outcome::local(verdict)));
                }
                let verdict = arp::handle(&mut self.context, self.neighbours, frame);
                return Ok(Carries::Done(Outcome::local(verdict)));
            }
            ethernet::TYPE_VLAN | ethernet::TYPE_SERVICE_VLAN => return Err(DropReason::VlanTagged),
            _ => return Err(DropReason::UnsupportedEtherType),
        };
        frame.strip_front(ethernet::HEADER_LEN);
        Ok(Carries::Ip(family, addressed))
    }

    /// Sends an IPv4 packet to its next hop.
    pub fn transmit4(&mut self, frame: &mut Frame<'_>, hop: NextHop<u32>) -> Verdict {
        let hop = NextHop { device: hop.device, address: mapped4(hop.address) };
        self.transmit(frame, hop, ethernet::TYPE_IPV4)
    }

    /// Sends an IPv6 packet to its next hop.
    pub fn transmit6(&mut self, frame: &mut Frame<'_>, hop: NextHop<u128>) -> Verdict {
        self.transmit(frame, hop, ethernet::TYPE_IPV6)
    }

    /// Sends a packet back to the station it came from, as an answer.
    pub fn reply(&mut self, frame: &mut Frame<'_>, family: Family) -> Verdict {
        frame.egress = frame.ingress;
        let Some(mac) = self.plan().device(frame.ingress).and_then(|device| device.mac) else {
            return Verdict::Reply;
        };
        // The link header is still in front of the packet.
        if !frame.grow_front(ethernet::HEADER_LEN) {
            return Verdict::Drop(DropReason::Truncated);
        }
        let station = ethernet::source(frame.octets());
        let ether_type = match family {
            Family::V4 => ethernet::TYPE_IPV4,
            Family::V6 => ethernet::TYPE_IPV6,
        };
        ethernet::write_header(frame.octets_mut(), station, mac, ether_type);
        Verdict::Reply
    }

    fn transmit(&mut self, frame: &mut Frame<'_>, hop: NextHop<u128>, ether_type: u16) -> Verdict {
        let Some(device) = self.plan().device(hop.device) else {
            return Verdict::Drop(DropReason::UnknownDevice);
        };
        frame.egress = hop.device;
        let takes_partial = self.offloads(hop.device).checksum;
        let station = device.mac.and_then(|_| self.neighbours.link_address(&mut self.context, hop));
        if device.mac.is_some() && station.is_none() {
            self.finish_received(frame);
        }
        if !takes_partial {
            frame.finish_checksum();
        }
        let Some(mac) = device.mac else {
            return Verdict::Forward;
        };
        let Some(station) = station else {
            let (checksum, segmentation) = (frame.checksum, frame.segmentation);
            let (octets, received) = (frame.octets(), Some(self.received));
            let verdict = self.neighbours.enqueue(&mut self.context, hop, octets, checksum, segmentation, received);
            if let Verdict::Drop(reason) = verdict {
                return self.undeliverable(frame, reason);
            }
            return verdict;
        };
        prepend_link_header(frame, station, mac, ether_type)
    }

    /// Ends the way of a packet (translated by now) whose next hop cannot be asked for; its sender is told where that did not answer
    /// a moment ago.
    pub fn undeliverable(&mut self, frame: &Frame<'_>, reason: DropReason) -> Verdict {
        if reason == DropReason::NeighbourUnreachable {
            let received = self.received;
            self.tell_undelivered(&received, frame.octets());
        }
        Verdict::Drop(reason)
    }
}

/// Puts a link header in front of a packet.
fn prepend_link_header(frame: &mut Frame<'_>, destination: MacAddress, source: MacAddress, ether_type: u16) -> Verdict {
    // A packet from a device without link headers needs headroom, which every device provides (frame::HEADROOM).
    if !frame.grow_front(ethernet::HEADER_LEN) {
        return Verdict::Drop(DropReason::FrameTooLong);
    }
    ethernet::write_header(frame.octets_mut(), destination, source, ether_type);
    Verdict::Forward
}
