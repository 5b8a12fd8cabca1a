//! The short way: packets of a batch that nothing is left to decide about (docs/performance.md).
//!
//! ```text
//!  survey   every frame: header looked at, key made             ─▶ keys hashed, buckets of the index asked for
//!           every key:   position of its session                ─▶ sessions asked for
//!  express  every frame, in order: session checked, rewritten, sent  │ or else the long way, from the beginning
//! ```
//!
//! Nothing is decided here that the long way does not decide: a packet that looks unusual in any way, or whose session is not
//! settled (`nat44::express`), is left as it was. What the first two stages found are hints, since an earlier packet of the
//! batch may change tables; the third looks again.

mod departure;
mod flow4;
mod opening4;
mod prefix6;
mod survey;

use super::transit::Transit;
use crate::counters::Direction;
use crate::frame::{FRAME_BATCH_MAX, Frame};
use crate::nat44::Ends;
use departure::Way;
use survey::LINK;

/// What a frame looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looks {
    /// It goes the long way.
    Unusual,
    /// Whole UDP or TCP over IPv4.
    Flow4,
    /// IPv6.
    Plain6,
}

/// What the survey made of a frame.
#[derive(Clone, Copy, Debug)]
struct Found {
    looks: Looks,
    has_link: bool,
    from: Direction,
}

impl Found {
    const NOTHING: Self = Self { looks: Looks::Unusual, has_link: false, from: Direction::Outbound };
}

/// Hints about a frame.
#[derive(Clone, Copy)]
struct Hint {
    key: u128,
    hash: u64,
    position: Option<u32>,
    found: Found,
}

/// Hints about the frames of a batch.
pub struct Survey {
    hints: [Hint; FRAME_BATCH_MAX],
    ends: Ends,
    /// The way of the packet before, where that went the short way too.
    last_way: Option<Way>,
}

impl Transit<'_> {
    /// The first two stages.
    pub fn survey(&self, frames: &[Frame<'_>]) -> Survey {
        let mut has_flows = false;
        let hints = core::array::from_fn(|index| match frames.get(index) {
            Some(frame) => {
                let (found, key) = survey::look(frame, self.plan());
                has_flows |= found.looks == Looks::Flow4;
                Hint { key, hash: 0, position: None, found }
            }
            None => Hint { key: 0, hash: 0, position: None, found: Found::NOTHING },
        });
        let mut survey = Survey { hints, ends: Ends::new(self.plan(), self.context.now), last_way: None };
        if let (true, Some(hints)) = (has_flows, survey.hints.get_mut(..frames.len())) {
            self.probe(hints);
        }
        survey
    }

    fn probe(&self, hints: &mut [Hint]) {
        let nat44 = &self.nat44;
        nat44.express_hashes(hints.iter_mut().map(|hint| (hint.key, &mut hint.hash)));
        let is_flow = |hint: &&mut Hint| hint.found.looks == Looks::Flow4;
        for hint in hints.iter_mut().filter(is_flow) {
            nat44.express_begin(hint.found.from, hint.hash);
        }
        for hint in hints.iter_mut().filter(is_flow) {
            hint.position = nat44.express_first(hint.found.from, hint.hash);
        }
        for hint in hints.iter_mut().filter(is_flow).filter(|hint| hint.position.is_none()) {
            hint.position = nat44.express_second(hint.found.from, hint.hash);
        }
    }

    /// The third stage: the uplink of a frame that was forwarded; none, and nothing has changed, where it goes the long way.
    #[inline]
    pub fn express(&mut self, frame: &mut Frame<'_>, survey: &mut Survey, index: usize) -> Option<u8> {
        let Hint { found, position, .. } = *survey.hints.get(index)?;
        let Survey { ends, last_way, .. } = survey;
        match (found.looks, found.from, found.has_link) {
            (Looks::Unusual, ..) => None,
            (Looks::Flow4, from, has_link) => {
                let position = position?;
                match (from, has_link) {
                    (Direction::Outbound, true) => self.express_outbound4::<LINK>(frame, position, ends, last_way),
                    (Direction::Outbound, false) => self.express_outbound4::<0>(frame, position, ends, last_way),
                    (Direction::Inbound, true) => self.express_inbound4::<LINK>(frame, position, ends, last_way),
                    (Direction::Inbound, false) => self.express_inbound4::<0>(frame, position, ends, last_way),
                }
            }
            (Looks::Plain6, Direction::Outbound, true) => self.express_outbound6::<LINK>(frame, last_way),
            (Looks::Plain6, Direction::Outbound, false) => self.express_outbound6::<0>(frame, last_way),
            (Looks::Plain6, Direction::Inbound, true) => self.express_inbound6::<LINK>(frame, last_way),
            (Looks::Plain6, Direction::Inbound, false) => self.express_inbound6::<0>(frame, last_way),
        }
    }
}

impl Survey {
    /// A frame has gone the long way.
    #[inline]
    pub fn forget_way(&mut self) {
        self.last_way = None;
    }

    /// The side that a frame of the batch came from.
    #[inline]
    pub fn direction(&self, index: usize) -> Direction {
        self.hints.get(index).map_or(Direction::Outbound, |hint| hint.found.from)
    }
}
