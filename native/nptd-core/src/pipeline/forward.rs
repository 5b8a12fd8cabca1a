//! What every router does to a packet it forwards: hop limit, MTU, fragmentation.

use super::own_errors::IcmpError;
use super::transit::{Refusal, Transit};
use crate::frame::{DeviceIndex, Frame};
use crate::host::neighbours::{Received, mapped4};
use crate::plan::NextHop;
use crate::super_packet::longest_packet;
use crate::verdict::{DropReason, OutputKind, Verdict};
use crate::wire::octets::{copy_to, set_u16, tail};
use crate::wire::{ipv4, ipv6};

impl Transit<'_> {
    /// Whether an IPv4 packet may be forwarded to a device: TTL, then length.
    pub fn check_forward4(&self, frame: &Frame<'_>, egress: DeviceIndex) -> Result<(), Refusal> {
        check_ttl(frame.octets())?;
        self.check_length4(frame, egress)
    }

    /// Whether an IPv4 packet fits a device, or may be fragmented to fit (4787-R13, 5508-S7.1.1, 8900-2).
    pub fn check_length4(&self, frame: &Frame<'_>, egress: DeviceIndex) -> Result<(), Refusal> {
        if !frame.is_super() {
            return self.check_packet4(frame.octets(), frame.len(), egress);
        }
        let longest = longest_packet(frame);
        self.check_packet4(frame.octets(), longest, egress)?;
        // What may be fragmented is a packet of its own before.
        if longest > usize::from(self.device(egress)?.mtu) {
            return Err(Refusal::to_be_cut());
        }
        self.check_in_one_piece(frame, egress)
    }

    /// The same for a packet of that many octets.
    pub fn check_packet4(&self, packet: &[u8], length: usize, egress: DeviceIndex) -> Result<(), Refusal> {
        let mtu = self.device(egress)?.mtu;
        if length <= usize::from(mtu) {
            return Ok(());
        }
        // 6864-4.3.
        if ipv4::dont_fragment(packet) {
            return Err(Refusal::with_error(DropReason::TooBig, IcmpError::fragmentation_needed(mtu)));
        }
        if ipv4::header_len(packet) > ipv4::HEADER_LEN {
            return Err(DropReason::TooBig.into());
        }
        Ok(())
    }

    /// Whether an IPv6 packet may be forwarded to a device (8200-F3: it is never fragmented).
    pub fn check_forward6(&self, frame: &Frame<'_>, egress: DeviceIndex) -> Result<(), Refusal> {
        check_hop_limit(frame.octets())?;
        self.check_length6(frame, egress)
    }

    /// Whether an IPv6 packet fits a device (4443-PTB).
    pub fn check_length6(&self, frame: &Frame<'_>, egress: DeviceIndex) -> Result<(), Refusal> {
        if !frame.is_super() {
            return self.check_packet6(frame.len(), egress);
        }
        self.check_packet6(longest_packet(frame), egress)?;
        self.check_in_one_piece(frame, egress)
    }

    /// The same for a packet of that many octets.
    pub fn check_packet6(&self, length: usize, egress: DeviceIndex) -> Result<(), Refusal> {
        let mtu = self.device(egress)?.mtu;
        if length <= usize::from(mtu) {
            return Ok(());
        }
        Err(Refusal::with_error(DropReason::TooBig, IcmpError::packet_too_big(mtu)))
    }

    /// Sends a checked and translated IPv4 packet on: TTL less one (1812-TTL1, 7915-1), fragmented where it has to be.
    pub fn forward4(&mut self, frame: &mut Frame<'_>, hop: NextHop<u32>) -> Verdict {
        ipv4::decrement_ttl(frame.octets_mut());
        // A super-packet has been found to fit.
        let is_too_long = |mtu: u16| frame.len() > usize::from(mtu) && !frame.is_super();
        let Some(device) = self.plan().device(hop.device).filter(|device| is_too_long(device.mtu)) else {
            return self.transmit4(frame, hop);
        };
        let data_max = (usize::from(device.mtu) - ipv4::HEADER_LEN) / 8 * 8;
        let mapped = NextHop { device: hop.device, address: mapped4(hop.address) };
        let is_unresolved = device.mac.is_some() && self.neighbours.link_address(&mut self.context, mapped).is_none();
        if is_unresolved {
            self.finish_received(frame);
        }
        // It covers the whole packet, of which each receiver sees a part.
        frame.finish_checksum();
        if is_unresolved {
            let received = self.received;
            if let Err(reason) = self.neighbours.resolve(&mut self.context, mapped) {
                return self.undeliverable(frame, reason);
            }
            // All of them wait, so that they leave in order.
            self.send_fragments(frame.octets(), mapped, data_max, 0, Some(received));
            return Verdict::Queued;
        }
        self.send_fragments(frame.octets(), mapped, data_max, 1, None);
        let (offset, length) = (ipv4::fragment_offset(frame.octets()), ipv4::HEADER_LEN + data_max);
        frame.truncate(length);
        finish_fragment(frame.octets_mut(), offset, true);
        self.transmit4(frame, hop)
    }

    /// Sends a checked and translated IPv6 packet on: hop limit less one (6296-ROUT1).
    pub fn forward6(&mut self, frame: &mut Frame<'_>, hop: NextHop<u128>) -> Verdict {
        ipv6::decrement_hop_limit(frame.octets_mut());
        self.transmit6(frame, hop)
    }

    /// Cuts an IPv4 packet without options and sends its fragments as outputs, from the `skip`-th on (4787-R13a,
    /// 1812-FRAG). Outputs leave after the frame itself, which takes the first fragment. If the next hop does not answer,
    /// the first fragment stands for the packet as it was `received`.
    pub fn send_fragments(
        &mut self,
        packet: &[u8],
        hop: NextHop<u128>,
        data_max: usize,
        skip: usize,
        received: Option<Received>,
    ) {
        let (offset, more) = (ipv4::fragment_offset(packet), ipv4::more_fragments(packet));
        let data = tail(packet, ipv4::HEADER_LEN);
        for (index, piece) in data.chunks(data_max).enumerate().skip(skip) {
            let start = index * data_max;
            let is_last = start + piece.len() == data.len();
            let length = ipv4::HEADER_LEN + piece.len();
            let (kind, received) = (OutputKind::Fragment, received.filter(|_| index == 0));
            self.neighbours.send_part(&mut self.context, hop, kind, length, received, |fragment| {
                copy_to(fragment, 0, packet);
                copy_to(fragment, ipv4::HEADER_LEN, piece);
                finish_fragment(fragment, offset + start, more || !is_last);
            });
        }
    }
}

/// 1812-TTL2, 5508-S7.2.
pub fn check_ttl(packet: &[u8]) -> Result<(), Refusal> {
    if ipv4::ttl(packet) > 1 {
        return Ok(());
    }
    Err(Refusal::with_error(DropReason::HopLimitExceeded, IcmpError::time_exceeded4()))
}

/// 4443-TE.
pub fn check_hop_limit(packet: &[u8]) -> Result<(), Refusal> {
    if ipv6::hop_limit(packet) > 1 {
        return Ok(());
    }
    Err(Refusal::with_error(DropReason::HopLimitExceeded, IcmpError::time_exceeded6()))
}

fn finish_fragment(fragment: &mut [u8], offset: usize, more: bool) {
    let length = fragment.len() as u16;
    set_u16(fragment, 2, length);
    ipv4::set_fragment(fragment, offset, more);
    ipv4::fill_checksum(fragment);
}
