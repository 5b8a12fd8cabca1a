//! Under which plan nothing is left to decide about the packets of a session (`pipeline::express`), and until when a packet
//! prolongs it.

use crate::plan::Plan;
use crate::time::{Instant, Tick};

/// Under which plan, if any, a session is settled.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settled {
    /// Numbers of adoptions; 0 for never.
    pub outbound: u8,
    /// The same for packets from its uplink.
    pub inbound: u8,
}

impl Settled {
    /// Forgets all but what was settled under the plan adopted last.
    pub fn forget_before(&mut self, adoption: Adoption) {
        for settled in [&mut self.outbound, &mut self.inbound] {
            // Most are up to date or never were settled: their memory stays clean.
            if *settled != adoption.0 && *settled != 0 {
                *settled = 0;
            }
        }
    }
}

/// Numbers the plans that the tables have followed: never 0, and those of two plans in a row differ. A sweep forgets older ones
/// before a number comes round (`session::remains`).
#[derive(Clone, Copy, Debug)]
pub struct Adoption(u8);

impl Adoption {
    /// That of the first plan.
    pub const FIRST: Self = Self(1);

    /// What a session settled under it says.
    #[inline(always)]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// That of the plan after it.
    pub const fn next(self) -> Self {
        Self(if self.0 == u8::MAX { 1 } else { self.0 + 1 })
    }
}

/// Ends of lifetimes that begin now, reckoned once a batch.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// The time.
    pub now: Tick,
    /// Of UDP.
    pub udp: Tick,
    /// Of established connections of TCP.
    pub tcp: Tick,
}

impl Ends {
    /// Under a plan, at a time.
    pub fn new(plan: &Plan, now: Instant) -> Self {
        let (udp, tcp) = (now.after(plan.nat44.udp), now.after(plan.nat44.tcp_established));
        Self { now: now.tick(), udp: Tick::at_or_after(udp), tcp: Tick::at_or_after(tcp) }
    }
}
