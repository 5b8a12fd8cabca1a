//! What the stateful filter of IPv6 lets in unasked.

use alloc::vec::Vec;

use super::spec::{Filter6Spec, Published6Spec};
use crate::session::filtering::Filtering;

/// Behaviour of the filter, the published endpoints sorted by address.
#[derive(Clone, Debug)]
pub struct Filter6 {
    /// Filtering of UDP and UDP-Lite.
    pub filtering_udp: Filtering,
    /// Filtering of TCP.
    pub filtering_tcp: Filtering,
    /// Filtering of everything else.
    pub filtering_other: Filtering,
    /// Whether IPsec, its key exchange and HIP may come in unasked.
    pub ipsec: bool,
    published: Vec<Published6Spec>,
}

impl Filter6 {
    /// Sorts what is published.
    pub fn new(spec: Filter6Spec) -> Self {
        let Filter6Spec { filtering_udp, filtering_tcp, filtering_other, ipsec, mut published } = spec;
        published.sort_by_key(|entry| entry.internal);
        Self { filtering_udp, filtering_tcp, filtering_other, ipsec, published }
    }

    /// Whether an internal endpoint may be called by anybody; `port` is none where the protocol has none.
    pub fn is_published(&self, internal: u128, protocol: u8, port: Option<u16>) -> bool {
        let start = self.published.partition_point(|entry| entry.internal < internal);
        let mut entries = self.published.iter().skip(start).take_while(|entry| entry.internal == internal);
        entries.any(|entry| {
            let covers_port = |(low, high): (u16, u16)| port.is_some_and(|port| (low..=high).contains(&port));
            entry.protocol.is_none_or(|published| published == protocol) && entry.ports.is_none_or(covers_port)
        })
    }
}
