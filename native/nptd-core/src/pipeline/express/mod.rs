//! The short way: packets of a batch that nothing is left to decide about (docs/performance.md).
//!
//! ```text
//!  survey   every frame: header looked at, key made             ─▶ keys hashed, buckets of the index asked for
//!  probe    every key:   position of its session                ─▶ session asked for, some frames ahead of
//!  express  every frame, in order: session checked, rewritten, sent  │ or else the long way, from the beginning
//! ```
//!
//! Nothing is decided here that the long way does not decide: a packet that looks unusual in any way, or whose session is not
//! settled (`nat44::express`), is left as it was. What the first two stages found are hints, since an earlier packet of the
//! batch may change tables; the third looks again.

mod departure;
mod filter6;
mod flow4;
mod inlet;
mod opening4;
mod prefix6;
mod survey;
mod tally;

use super::transit::Transit;
use crate::counters::{Counters, Direction};
use crate::filter::{Filter, Hint};
use crate::frame::{DeviceIndex, FRAME_BATCH_MAX, Frame};
use crate::nat44::Openings;
use crate::nat44::rewrite::End;
use crate::plan::Plan;
use crate::session::settled::Ends;
use crate::table::Buckets;
use crate::verdict::Verdict;
use departure::{LastWay, Surroundings};
use filter6::{Flows, express_inbound, express_outbound, search_inbound, search_outbound};
use flow4::express4;
use inlet::Inlet;
use prefix6::{LastElsewhere, Translation};
use survey::{LINK, Looks, look};
use tally::Tally;

/// No position of a table.
const NOWHERE: u32 = u32::MAX;

/// Whether a key is that of a packet from the site.
#[inline(always)]
fn is_outbound(key: u128) -> bool {
    key >> 127 == 0
}

/// Hints about the frames of a batch, kept from batch to batch for the sake of its memory alone.
pub struct Survey {
    seen: [Seen; FRAME_BATCH_MAX],
    /// How many of the keys have been looked up, and in which indices.
    probed: usize,
    sides: Sides,
    /// Whether there are keys that no session was found for.
    has_unknown: bool,
    openings: Openings,
    /// What the filter will look for, if there is anything.
    flows: Flows,
    has_flows: bool,
}

/// What has been found out about a frame.
#[derive(Clone, Copy)]
struct Seen {
    key: u128,
    hash: u64,
    position: u32,
    looks: Looks,
}

impl Seen {
    const NOTHING: Self = Self { key: 0, hash: 0, position: NOWHERE, looks: Looks::UNUSUAL };
}

/// What has been found out about frames in a row.
#[derive(Clone, Copy)]
struct Seens<'a> {
    all: &'a [Seen],
    flows: &'a [Hint],
}

/// Where the keys of a batch are looked up.
#[derive(Clone, Copy)]
enum Sides {
    /// Nowhere: there are none.
    Neither,
    /// All come from one side.
    One(Direction),
    /// They say themselves where they come from.
    Both,
}

/// Frames whose sessions are asked for while those of as many before them are treated.
const PROBED_AHEAD: usize = 16;

/// The third stage of a batch.
#[derive(Clone, Copy)]
pub struct Expressway {
    ends: Ends,
    inlet: Inlet,
    last_way: LastWay,
    elsewhere: LastElsewhere,
}

impl Survey {
    /// Of no batch.
    pub const fn new() -> Self {
        Self {
            seen: [Seen::NOTHING; FRAME_BATCH_MAX],
            probed: 0,
            sides: Sides::Neither,
            has_unknown: false,
            openings: Openings::none(),
            flows: Flows::NONE,
            has_flows: false,
        }
    }

    /// Looks at all frames.
    fn look(&mut self, frames: &[Frame<'_>], filter: Option<&Filter>, plan: &Plan) {
        (self.probed, self.sides, self.has_unknown) = (0, Sides::Neither, false);
        self.has_flows = false;
        let (mut has_keys, mut at) = (false, 0);
        while let Some(frame) = frames.get(at) {
            let inlet = Inlet::of(frame.ingress, plan);
            let look = match (inlet.is_known, inlet.has_link, inlet.from) {
                (false, ..) => Self::look_at_none,
                (true, true, Direction::Outbound) => Self::look_at::<LINK, true>,
                (true, true, Direction::Inbound) => Self::look_at::<LINK, false>,
                (true, false, Direction::Outbound) => Self::look_at::<0, true>,
                (true, false, Direction::Inbound) => Self::look_at::<0, false>,
            };
            let (count, any) = look(self, frames, at, &inlet);
            has_keys |= any.has_key();
            if let (Some(filter), true) = (filter, any.is_any_of(Looks::PLAIN6)) {
                self.look_at_flows(frames, (at, count), &inlet, (filter, plan));
            }
            self.sides = match (has_keys, at) {
                (false, _) => Sides::Neither,
                (true, 0) => Sides::One(inlet.from),
                (true, _) => Sides::Both,
            };
            at += count;
        }
    }

    /// Looks at the flows of frames of one device for the filter.
    fn look_at_flows(
        &mut self,
        frames: &[Frame<'_>],
        range: (usize, usize),
        inlet: &Inlet,
        (filter, plan): (&Filter, &Plan),
    ) {
        let look = match (inlet.has_link, inlet.from) {
            (true, Direction::Outbound) => Flows::look::<LINK, true>,
            (true, Direction::Inbound) => Flows::look::<LINK, false>,
            (false, Direction::Outbound) => Flows::look::<0, true>,
            (false, Direction::Inbound) => Flows::look::<0, false>,
        };
        if !self.has_flows {
            self.has_flows = true;
            self.flows.begin();
        }
        look(&mut self.flows, frames, range, &self.seen, inlet.slot, (filter, plan));
    }

    /// Looks at the frames from one on that came in by the same device: how many there are, and what some of them look like.
    #[inline(never)]
    fn look_at<const LINK_LEN: usize, const IS_OUTBOUND: bool>(
        &mut self,
        frames: &[Frame<'_>],
        first: usize,
        inlet: &Inlet,
    ) -> (usize, Looks) {
        self.look_each(frames, first, inlet, |frame, key| look::<LINK_LEN, IS_OUTBOUND>(frame, inlet, key))
    }

    #[cold]
    fn look_at_none(&mut self, frames: &[Frame<'_>], first: usize, inlet: &Inlet) -> (usize, Looks) {
        self.look_each(frames, first, inlet, |_, _| None)
    }

    #[inline(always)]
    fn look_each(
        &mut self,
        frames: &[Frame<'_>],
        first: usize,
        inlet: &Inlet,
        look: impl Fn(&Frame<'_>, &mut u128) -> Option<Looks>,
    ) -> (usize, Looks) {
        let frames = frames.get(first..).unwrap_or(&[]);
        let places = self.seen.get_mut(first..).unwrap_or(&mut []);
        let (mut count, mut any) = (0, Looks::UNUSUAL);
        for (frame, seen) in frames.iter().zip(places) {
            if frame.ingress != inlet.device {
                break;
            }
            seen.looks = look(frame, &mut seen.key).unwrap_or(Looks::UNUSUAL);
            any = any.or(seen.looks);
            count += 1;
        }
        (count, any)
    }
}

impl Survey {
    /// Whether the next flow that may be opened is that of a frame.
    #[inline]
    pub fn begins_flow(&self, index: usize) -> bool {
        self.openings.is_next(index)
    }

    /// The hash of a packet from the site that seems to begin a flow: whole, UDP or the first segment of a connection, and there was
    /// no session that could have been its own when the batch was looked at.
    fn opening(&self, index: usize) -> Option<u64> {
        let Seen { key, hash, position, looks } = *self.seen.get(index)?;
        let is_unknown = position == NOWHERE && is_outbound(key);
        let begins = looks.is_any_of(Looks::UDP4.or(Looks::SYN4));
        (is_unknown && begins).then_some(hash)
    }
}

impl<'a> Transit<'a> {
    /// The first stage, and the beginning of the second.
    pub fn survey(&self, frames: &[Frame<'_>], survey: &mut Survey) -> Expressway {
        survey.look(frames, self.filter.as_deref(), self.plan());
        match survey.sides {
            Sides::Neither => {}
            Sides::One(side) => {
                let index = self.nat44.express_index(side);
                self.ask(frames.len(), survey, |_| index);
            }
            Sides::Both => {
                let indices = self.indices();
                self.ask(frames.len(), survey, |key| of_side(indices, key));
            }
        }
        let ends = Ends::new(self.plan(), self.context.now);
        Expressway { ends, inlet: Inlet::NONE, last_way: LastWay::UNKNOWN, elsewhere: LastElsewhere::UNKNOWN }
    }

    /// The second stage, up to a frame.
    pub fn probe(&self, end: usize, survey: &mut Survey) {
        match survey.sides {
            Sides::Neither => {}
            Sides::One(side) => {
                let index = self.nat44.express_index(side);
                self.probe_by(end, survey, |_| index);
            }
            Sides::Both => {
                let indices = self.indices();
                self.probe_by(end, survey, |key| of_side(indices, key));
            }
        }
    }

    fn indices(&self) -> [Buckets<'_>; 2] {
        [Direction::Outbound, Direction::Inbound].map(|side| self.nat44.express_index(side))
    }

    /// Hashes all keys, and what there is in the place of others, and asks for their buckets.
    #[inline(never)]
    fn ask<'b>(&self, count: usize, survey: &mut Survey, index_of: impl Fn(u128) -> Buckets<'b>) {
        let Some(seen) = survey.seen.get_mut(..count) else { return };
        let ask = |seen: &mut Seen, hash| {
            seen.hash = hash;
            index_of(seen.key).prefetch_first(hash);
        };
        self.nat44.express_hash().hash_each(seen.iter_mut(), |seen| [seen.key], ask);
    }

    /// Looks up the keys of the frames up to one that have not been, and asks for their sessions.
    #[inline(never)]
    fn probe_by<'b>(&self, end: usize, survey: &mut Survey, index_of: impl Fn(u128) -> Buckets<'b>) {
        let nat44 = &self.nat44;
        let Survey { seen, has_unknown, probed, .. } = survey;
        let frames = *probed..end.max(*probed);
        *probed = frames.end;
        let seen = seen.get_mut(frames).unwrap_or(&mut []);
        let mut is_missed = false;
        for Seen { key, hash, position, .. } in &mut *seen {
            let found = index_of(*key).first_candidate(*hash);
            match found {
                Some(found) => nat44.express_prefetch(found),
                None => {
                    let has_second = index_of(*key).prefetch_second(*hash);
                    (is_missed, *has_unknown) = (is_missed | has_second, *has_unknown | !has_second);
                }
            }
            *position = found.unwrap_or(NOWHERE);
        }
        if !is_missed {
            return;
        }
        for Seen { key, hash, position, .. } in seen {
            if *position == NOWHERE {
                let found = index_of(*key).second_candidate(*hash);
                found.into_iter().for_each(|found| nat44.express_prefetch(found));
                *position = found.unwrap_or(NOWHERE);
                *has_unknown |= found.is_none();
            }
        }
    }

    /// The third stage: forwards the packets from `first` on, up to one that goes the long way, which is left as it was; returns
    /// where that is.
    pub fn express(
        &mut self,
        frames: &mut [Frame<'_>],
        first: usize,
        survey: &mut Survey,
        expressway: &mut Expressway,
    ) -> usize {
        let (mut at, count) = (first, frames.len());
        while at < count {
            // What these wait for has been asked for; what the next ones will is asked for meanwhile.
            let end = match (survey.sides, survey.has_flows) {
                (Sides::Neither, false) => count,
                (Sides::Neither, true) | (Sides::One(_) | Sides::Both, _) => {
                    count.min((at / PROBED_AHEAD + 1) * PROBED_AHEAD)
                }
            };
            self.probe(count.min(end + PROBED_AHEAD), survey);
            if let (Some(filter), true) = (self.filter.as_deref(), survey.has_flows) {
                survey.flows.probe(end, count, &survey.seen, filter);
            }
            let Some(rest) = frames.get_mut(at..end) else { break };
            let Some(frame) = rest.first() else { break };
            expressway.turn_to(frame.ingress, self.plan());
            let seen = Seens { all: survey.seen.get(at..).unwrap_or(&[]), flows: survey.flows.from(at) };
            let Some(Seen { looks, position, .. }) = seen.all.first() else { break };
            let (from, has_link) = (expressway.inlet.from, expressway.inlet.has_link);
            let is_ipv4 = looks.is_any_of(Looks::SETTLED4);
            let is_known = is_ipv4 && *position != NOWHERE;
            if !is_known && *looks != Looks::PLAIN6 {
                break;
            }
            let run = match (is_ipv4, from, has_link) {
                (true, Direction::Outbound, true) => Self::run4::<LINK, true>,
                (true, Direction::Outbound, false) => Self::run4::<0, true>,
                (true, Direction::Inbound, true) => Self::run4::<LINK, false>,
                (true, Direction::Inbound, false) => Self::run4::<0, false>,
                (false, Direction::Outbound, true) => Self::run6::<LINK, true>,
                (false, Direction::Outbound, false) => Self::run6::<0, true>,
                (false, Direction::Inbound, true) => Self::run6::<LINK, false>,
                (false, Direction::Inbound, false) => Self::run6::<0, false>,
            };
            let forwarded = run(self, rest, seen, expressway);
            if forwarded == 0 {
                break;
            }
            at += forwarded;
        }
        at
    }

    /// A run of IPv4.
    #[inline(never)]
    fn run4<const LINK_LEN: usize, const IS_OUTBOUND: bool>(
        &mut self,
        frames: &mut [Frame<'_>],
        seen: Seens<'_>,
        expressway: &mut Expressway,
    ) -> usize {
        let end = if IS_OUTBOUND { End::Source } else { End::Destination };
        let Self { nat44, context, neighbours, offloads, .. } = self;
        let (counters, mut surroundings) = (context.counters, Surroundings { context, neighbours, offloads });
        let Some(mut sessions) = nat44.express() else { return 0 };
        run(counters, frames, seen.all, expressway, |frame, seen, expressway| {
            express4::<LINK_LEN>(frame, seen, end, &mut sessions, expressway, &mut surroundings)
        })
    }

    /// A run of IPv6.
    fn run6<const LINK_LEN: usize, const IS_OUTBOUND: bool>(
        &mut self,
        frames: &mut [Frame<'_>],
        seen: Seens<'_>,
        expressway: &mut Expressway,
    ) -> usize {
        if self.filter.is_some() {
            return self.run_filtered6::<LINK_LEN, IS_OUTBOUND>(frames, seen, expressway);
        }
        let (plan, counters) = (self.plan(), self.context.counters);
        let translation =
            if IS_OUTBOUND { Translation::outbound(plan) } else { Translation::inbound(&expressway.inlet, plan) };
        let (Some(translation), mut surroundings) = (translation, self.surroundings()) else { return 0 };
        run(counters, frames, seen.all, expressway, |frame, seen, expressway| {
            if seen.looks != Looks::PLAIN6 {
                None
            } else if IS_OUTBOUND {
                translation.express_outbound::<LINK_LEN>(frame, expressway, &mut surroundings)
            } else {
                translation.express_inbound::<LINK_LEN>(frame, expressway, &mut surroundings)
            }
        })
    }

    /// The same through the filter.
    #[inline(never)]
    fn run_filtered6<const LINK_LEN: usize, const IS_OUTBOUND: bool>(
        &mut self,
        frames: &mut [Frame<'_>],
        seen: Seens<'_>,
        expressway: &mut Expressway,
    ) -> usize {
        let Self { filter, context, neighbours, offloads, .. } = self;
        let (plan, counters) = (context.plan, context.counters);
        let Some(filter) = filter.as_deref_mut().filter(|_| plan.has_plain_pairs6()) else { return 0 };
        let (mut sessions, mut surroundings) = (filter.express(), Surroundings { context, neighbours, offloads });
        let seen = seen.all.iter().zip(seen.flows);
        run(counters, frames, seen, expressway, |frame, (seen, hint), expressway| {
            let (sessions, surroundings) = (&mut sessions, &mut surroundings);
            if seen.looks != Looks::PLAIN6 {
                None
            } else if IS_OUTBOUND {
                express_outbound::<LINK_LEN>(frame, *hint, sessions, expressway, surroundings)
                    .or_else(|| search_outbound::<LINK_LEN>(frame, *hint, sessions, expressway, surroundings))
            } else {
                express_inbound::<LINK_LEN>(frame, *hint, sessions, expressway, surroundings)
                    .or_else(|| search_inbound::<LINK_LEN>(frame, *hint, sessions, expressway, surroundings))
            }
        })
    }

    fn surroundings(&mut self) -> Surroundings<'_, 'a> {
        Surroundings { context: &mut self.context, neighbours: self.neighbours, offloads: self.offloads }
    }
}

/// Packets of one device and kind, up to the first that `pass` leaves as it was: how many there were.
#[inline(always)]
fn run<S>(
    counters: &Counters,
    frames: &mut [Frame<'_>],
    seen: impl IntoIterator<Item = S>,
    expressway: &mut Expressway,
    mut pass: impl FnMut(&mut Frame<'_>, S, &mut Expressway) -> Option<(u8, usize)>,
) -> usize {
    let Inlet { device, from, .. } = expressway.inlet;
    let mut tally = Tally::new(counters, from);
    let mut count = 0;
    // A copy, which the compiler sees nobody else change.
    let mut own = *expressway;
    for (frame, seen) in frames.iter_mut().zip(seen) {
        if frame.ingress != device {
            break;
        }
        let Some((slot, octets)) = pass(frame, seen, &mut own) else { break };
        frame.verdict = Verdict::Forward;
        tally.forward(slot, octets, count);
        count += 1;
    }
    tally.settle(count);
    *expressway = own;
    count
}

/// The index of a key.
#[inline(always)]
fn of_side([outbound, inbound]: [Buckets<'_>; 2], key: u128) -> Buckets<'_> {
    if is_outbound(key) { outbound } else { inbound }
}

impl Expressway {
    /// The next frame came in by a device.
    #[inline]
    fn turn_to(&mut self, ingress: DeviceIndex, plan: &Plan) {
        if ingress != self.inlet.device {
            self.inlet = Inlet::of(ingress, plan);
        }
    }

    /// A frame goes the long way, which may change what is known of next hops.
    pub fn forget_way(&mut self) {
        self.last_way = LastWay::UNKNOWN;
    }

    /// The side that the frame behind the last run, or the last that was to be opened, came from.
    pub fn direction(&self) -> Direction {
        self.inlet.from
    }
}
