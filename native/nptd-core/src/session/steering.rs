//! Why no uplink carries a packet from the site.

use crate::verdict::DropReason;

/// A refusal, with what decides what the sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSteered {
    /// No uplink may take it.
    NoUplink {
        /// Whether its policy has an uplink for the family at all.
        is_carried: bool,
    },
    /// The uplink of its session is to be left, and it cannot go on by another.
    UplinkDown {
        /// Whether its sender gets an ICMP error, if not a reset.
        is_told: bool,
    },
    /// Anything else.
    Other(DropReason),
}

impl NotSteered {
    /// What it is counted as.
    pub const fn reason(self) -> DropReason {
        match self {
            Self::NoUplink { .. } => DropReason::NoUplink,
            Self::UplinkDown { .. } => DropReason::UplinkDown,
            Self::Other(reason) => reason,
        }
    }
}

impl From<DropReason> for NotSteered {
    fn from(reason: DropReason) -> Self {
        Self::Other(reason)
    }
}
