//! One neighbour and what it goes through: the state machine of RFC 4861 section 7.3, used for ARP as well.
//!
//! The state DELAY is left out. It waits for upper layers to vouch for the neighbour, and a gateway has none: a
//! stale neighbour is confirmed at its first use.

use super::queue::Chain;
use crate::frame::DeviceIndex;
use crate::time::{Duration, Instant};
use crate::wire::ethernet::MacAddress;

/// How long a confirmed neighbour is trusted: REACHABLE_TIME of RFC 4861 section 10.
pub const REACHABLE: Duration = Duration::from_secs(30);

/// Most requests before a neighbour counts as unreachable: MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT.
pub const TRIES_MAX: u8 = 3;

/// How far a neighbour is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeighbourState {
    /// Asked for, not yet answered.
    Incomplete,
    /// Confirmed within the last 30 seconds (or not asked again since, while unused).
    Reachable,
    /// Its link address is known but not confirmed.
    Stale,
    /// In use while being confirmed.
    Probing,
    /// Did not answer; nothing is sent to it for a second.
    Failed,
}

impl NeighbourState {
    /// Whether the link address is known.
    pub const fn is_resolved(self) -> bool {
        match self {
            Self::Reachable | Self::Stale | Self::Probing => true,
            Self::Incomplete | Self::Failed => false,
        }
    }

    /// Whether the entry waits for its timer.
    pub const fn is_timed(self) -> bool {
        match self {
            Self::Incomplete | Self::Probing | Self::Failed => true,
            Self::Reachable | Self::Stale => false,
        }
    }
}

/// What a message says about the link address of a station.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Device it was heard on.
    pub device: DeviceIndex,
    /// Address of the station; IPv4 as [`super::mapped4`].
    pub address: u128,
    /// Link address of the station; a neighbour advertisement may leave it out.
    pub mac: Option<MacAddress>,
    /// It answers a request of ours, so the station hears us.
    pub solicited: bool,
    /// It may replace a known link address.
    pub overrides: bool,
    /// Whether the station says that it is a router, if it says anything.
    pub router: Option<bool>,
    /// The station asked for us and is worth knowing.
    pub creates: bool,
}

/// One neighbour.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Device it is on.
    pub device: DeviceIndex,
    /// Its address; IPv4 as [`super::mapped4`].
    pub address: u128,
    /// Its link address; meaningless while not resolved.
    pub mac: MacAddress,
    /// How far it is known.
    pub state: NeighbourState,
    /// Whether it says that it is a router.
    pub is_router: bool,
    /// Requests sent in this state.
    pub tries: u8,
    /// When it last answered.
    pub confirmed_at: Instant,
    /// When a frame last left for it.
    pub used_at: Instant,
    /// Packets that wait for it.
    pub waiting: Chain,
}

impl Entry {
    /// A neighbour about to be asked for.
    pub fn incomplete(device: DeviceIndex, address: u128, now: Instant) -> Self {
        Self {
            device,
            address,
            mac: MacAddress::default(),
            state: NeighbourState::Incomplete,
            is_router: false,
            tries: 0,
            confirmed_at: Instant::default(),
            used_at: now,
            waiting: Chain::EMPTY,
        }
    }

    /// Takes in what was heard: RFC 4861 section 7.2.5; a solicitation or gratuitous ARP is an unsolicited claim
    /// that overrides (section 7.2.3).
    pub fn hear(&mut self, claim: &Claim, now: Instant) {
        let resolved = self.state.is_resolved();
        if claim.mac.is_none() && !resolved {
            return;
        }
        let changed = claim.mac.is_some_and(|mac| mac != self.mac);
        if resolved && changed && !claim.overrides {
            if self.state == NeighbourState::Reachable {
                self.state = NeighbourState::Stale;
            }
            return;
        }
        self.mac = claim.mac.unwrap_or(self.mac);
        self.is_router = claim.router.unwrap_or(self.is_router);
        if claim.solicited {
            self.state = NeighbourState::Reachable;
            self.confirmed_at = now;
        } else if changed || !resolved {
            self.state = NeighbourState::Stale;
        }
    }

    /// Whether a use has to be followed by a request for confirmation.
    pub fn needs_confirmation(&self, now: Instant) -> bool {
        match self.state {
            NeighbourState::Stale => true,
            NeighbourState::Reachable => now.since(self.confirmed_at) >= REACHABLE,
            NeighbourState::Incomplete | NeighbourState::Probing | NeighbourState::Failed => false,
        }
    }

    /// Whether nothing but its own word speaks for it: it never answered, and nobody sends to it.
    pub fn is_unproven(&self) -> bool {
        self.state == NeighbourState::Stale && self.confirmed_at == Instant::default()
    }

    /// Whether it rests, unused for at least `span`.
    pub fn is_idle(&self, span: Duration, now: Instant) -> bool {
        !self.state.is_timed() && now.since(self.used_at) >= span
    }
}
