//! The link of a stack: packets that wait to go in, and packets that have come out.

use std::collections::VecDeque;

use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

/// Most packets that wait on either side; what is lost beyond is sent again.
const PACKETS_MAX: usize = 64;

/// Octets of the longest IP packet that is sent: it gets through wherever IPv6 does.
const MTU: usize = 1280;

/// Packets on their way in and out.
#[derive(Default)]
pub(super) struct Link {
    received: VecDeque<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
}

impl Link {
    /// Adds a packet that has come.
    pub(super) fn receive(&mut self, packet: &[u8]) {
        if self.received.len() < PACKETS_MAX {
            self.received.push_back(packet.to_vec());
        }
    }

    /// Whether packets wait to go in.
    pub(super) fn has_received(&self) -> bool {
        !self.received.is_empty()
    }

    /// Takes the next packet that is to leave.
    pub(super) fn take_sent(&mut self) -> Option<Vec<u8>> {
        self.sent.pop_front()
    }
}

impl Device for Link {
    type RxToken<'a> = Incoming;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Incoming, Outgoing<'_>)> {
        let packet = self.received.pop_front()?;
        Some((Incoming(packet), Outgoing(&mut self.sent)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Outgoing<'_>> {
        (self.sent.len() < PACKETS_MAX).then_some(Outgoing(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = MTU;
        capabilities.checksum = ChecksumCapabilities::default();
        capabilities
    }
}

/// A packet that goes in.
pub(super) struct Incoming(Vec<u8>);

impl RxToken for Incoming {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

/// Room for a packet that comes out.
pub(super) struct Outgoing<'a>(&'a mut VecDeque<Vec<u8>>);

impl TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let mut packet = vec![0; length];
        let result = write(&mut packet);
        self.0.push_back(packet);
        result
    }
}
