//! What a router owes its IPv6 links unasked: advertisements, and care that its addresses are its own.

use super::context::Context;
use super::duplicate_addresses::DuplicateAddresses;
use super::neighbours::Neighbours;
use super::router_advertisement::RouterAdvertisements;
use crate::plan::Plan;
use crate::time::Instant;

/// The duties on all links.
pub struct LinkDuties {
    /// Router advertisements.
    pub advertisements: RouterAdvertisements,
    /// Duplicate address detection.
    pub duplicates: DuplicateAddresses,
}

impl LinkDuties {
    /// None yet; `hash_key` is random per boot.
    pub fn new(hash_key: [u8; 16]) -> Self {
        Self { advertisements: RouterAdvertisements::new(hash_key), duplicates: DuplicateAddresses::default() }
    }

    /// Takes over a plan. Allocates: not for the packet path.
    pub fn adopt(&mut self, plan: &Plan) {
        self.advertisements.adopt(plan);
        self.duplicates.adopt(plan);
    }

    /// Sends what is due.
    pub fn poll(&mut self, context: &mut Context<'_>, neighbours: &mut Neighbours) {
        self.duplicates.poll(context);
        self.advertisements.poll(context, neighbours);
    }

    /// When [`Self::poll`] has something to do next.
    pub fn next_wakeup(&self) -> Option<Instant> {
        [self.advertisements.next_wakeup(), self.duplicates.next_wakeup()].into_iter().flatten().min()
    }
}
