//! Remote endpoints that see the site untranslated (docs/decisions.md, "Exempt destinations").

use super::fragments::Part;
use super::parse::Headers4;
use super::subject::segment4;
use super::transit::{Outcome, Refusal, Transit};
use crate::frame::Frame;
use crate::nat44::Protocol;
use crate::plan::Exemption;
use crate::wire::ipv4;
use crate::wire::octets::tail;

impl Transit<'_> {
    /// 6888-R6: the outcome of a packet to an exempt destination, which goes out of the uplink that a new flow would
    /// take, as it is. None where it is translated.
    pub fn exempt_outbound4(
        &mut self,
        frame: &mut Frame<'_>,
        headers: &Headers4,
        part: &Part,
    ) -> Option<Result<Outcome, Refusal>> {
        let packet = frame.octets();
        let port = ports(packet, headers).map(|(_, destination)| destination);
        let exemption = self.plan().exemption4(ipv4::destination(packet), headers.protocol, port);
        let begins = match (exemption, part) {
            // The ports of a later fragment are not known: it follows its first one, or waits for it.
            (Exemption::None, _) | (Exemption::ByPort, Part::Later(_)) => return None,
            (Exemption::ByAddress, _) => None,
            (Exemption::ByPort, Part::Whole | Part::First(_)) => part.begins(),
        };
        match self.chosen4(packet, headers) {
            Ok(uplink) => Some(self.untranslated_from4(frame, uplink, begins)),
            Err(why) => Some(Err(self.refuse_steering(why, segment4(packet, headers)))),
        }
    }

    /// Whether a packet from an uplink has an exempt source.
    pub fn is_exempt_inbound4(&self, packet: &[u8], headers: &Headers4) -> bool {
        let port = ports(packet, headers).map(|(source, _)| source);
        self.plan().exemption4(ipv4::source(packet), headers.protocol, port) != Exemption::None
    }
}

/// Source and destination port, where the protocol has some and the packet too.
pub fn ports(packet: &[u8], headers: &Headers4) -> Option<(u16, u16)> {
    let protocol = Protocol::from_number(headers.protocol);
    let has_ports = protocol.has_port_ranges() && ipv4::fragment_offset(packet) == 0;
    has_ports.then(|| protocol.ports(tail(packet, headers.header_len)))
}
