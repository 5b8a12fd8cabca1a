//! A DNS query over UDP (RFC 1035 section 4), and what answers it.

use super::packet::Ends;
use crate::wire::octets::{copy_to, set_u16, tail, u16_at};
use crate::wire::udp;

/// Octets of the header of a DNS message.
const HEADER_LEN: usize = 12;
/// The server is to ask others.
const RECURSION_DESIRED: u16 = 0x0100;
/// A response, and not a query.
const RESPONSE: u16 = 0x8000;
/// The kind of query; 0 is a standard one.
const OPCODE: u16 = 0x7800;

/// A query with one question.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// Where from and where to.
    pub ends: Ends,
    /// Id.
    pub id: u16,
    /// Name, type and class as on the wire.
    pub question: &'a [u8],
}

impl Query<'_> {
    /// Octets of the UDP datagram.
    pub fn len(&self) -> usize {
        udp::HEADER_LEN + HEADER_LEN + self.question.len()
    }

    /// Writes the datagram, but for its checksum, into that many zeroed octets.
    pub fn write(&self, datagram: &mut [u8]) {
        set_u16(datagram, udp::SOURCE_PORT, self.ends.own_port);
        set_u16(datagram, udp::DESTINATION_PORT, self.ends.port);
        udp::set_length(datagram, self.len());
        set_u16(datagram, udp::HEADER_LEN, self.id);
        set_u16(datagram, udp::HEADER_LEN + 2, RECURSION_DESIRED);
        set_u16(datagram, udp::HEADER_LEN + 4, 1);
        copy_to(datagram, udp::HEADER_LEN + HEADER_LEN, self.question);
    }
}

/// Id of the DNS message in a datagram.
pub fn id(datagram: &[u8]) -> u16 {
    u16_at(datagram, udp::HEADER_LEN)
}

/// Whether a datagram holds a response to a question, whatever the response is: that the server does not know the name,
/// or does not tell us, has come all the way as well.
pub fn answers(datagram: &[u8], question: &[u8]) -> bool {
    let message = tail(datagram, udp::HEADER_LEN);
    let echoed = message.get(HEADER_LEN..HEADER_LEN + question.len());
    u16_at(message, 2) & (RESPONSE | OPCODE) == RESPONSE
        && u16_at(message, 4) == 1
        && echoed.is_some_and(|echoed| echoed.eq_ignore_ascii_case(question))
}
