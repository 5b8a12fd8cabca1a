//! Router advertisements (RFC 4861 section 6.2): when one is due, and to whom.
//!
//! A change of what a device says is sent at once, however short ago the last one was: 7084-G5 and 8475-1 want no delay, and
//! how often an uplink may change is the control plane's business. All others keep the distances of section 10.

use alloc::vec::Vec;

use super::context::Context;
use super::neighbours::Neighbours;
use super::router_message::Message;
use crate::arch::KeyedHash;
use crate::frame::DeviceIndex;
use crate::plan::spec::{AdvertiseSpec, AdvertisedPrefixSpec};
use crate::plan::{DEVICES_MAX, Device, Plan};
use crate::time::{Duration, Instant};
use crate::wire::ethernet::MacAddress;
use crate::wire::ipv6::address::{ALL_NODES, UNSPECIFIED};

/// After a change: MAX_INITIAL_RTR_ADVERTISEMENTS, and MAX_INITIAL_RTR_ADVERT_INTERVAL between them. The second comes as soon as
/// it may, since a device is put on its link, a bridge for instance, after it was made: the first one may have met nobody.
const INITIAL_COUNT: u8 = 3;
const INITIAL_INTERVAL_MAX: Duration = Duration::from_secs(16);
const SECOND_INTERVAL: Duration = DISTANCE_MIN;

/// MIN_DELAY_BETWEEN_RAS: between an advertisement to all and one to all that answers a question.
const DISTANCE_MIN: Duration = Duration::from_secs(3);

/// MAX_RA_DELAY_TIME: until a question is answered.
const ANSWER_DELAY_MAX: Duration = Duration::from_millis(500);

/// How long hosts may keep addresses of a prefix that is gone (7084-L13: two hours).
const WITHDRAWN_VALID_MAX: Duration = Duration::from_secs(7200);

/// Most withdrawn prefixes of one device; the oldest makes room.
const WITHDRAWN_MAX: usize = 16;

/// The routers that the gateway is on its internal links.
pub struct RouterAdvertisements {
    delays: Delays,
    /// By device.
    senders: Vec<Sender>,
    next: Option<Instant>,
}

/// Spans of time that nobody on the links can foresee, so that routers do not fall into step.
struct Delays {
    hash: KeyedHash,
    drawn: u64,
}

/// The router on one link.
#[derive(Default)]
struct Sender {
    own: MacAddress,
    /// None: silent.
    says: Option<AdvertiseSpec>,
    /// The next one is the last.
    is_leaving: bool,
    /// When the next one to all is due.
    next: Option<Instant>,
    /// Of those that follow a change.
    initial_left: u8,
    /// When the last one to all was sent.
    sent_at: Option<Instant>,
    answer: Option<Answer>,
    withdrawn: Vec<Withdrawn>,
}

/// A question that waits for its answer.
#[derive(Clone, Copy)]
struct Answer {
    due: Instant,
    /// None: all nodes.
    to: Option<u128>,
}

/// A prefix that the plan no longer has.
struct Withdrawn {
    prefix: AdvertisedPrefixSpec,
    /// None: its time begins with the first advertisement.
    until: Option<Instant>,
}

impl RouterAdvertisements {
    /// Silent; `hash_key` is random per boot.
    pub fn new(hash_key: [u8; 16]) -> Self {
        let delays = Delays { hash: KeyedHash::new(&hash_key), drawn: 0 };
        Self { delays, senders: Vec::with_capacity(DEVICES_MAX), next: None }
    }

    /// Takes over what a plan lets devices say. Allocates: not for the packet path.
    pub fn adopt(&mut self, plan: &Plan) {
        self.senders.resize_with(plan.devices().len(), Sender::default);
        for (sender, device) in self.senders.iter_mut().zip(plan.devices()) {
            sender.adopt(device);
        }
        self.find_next();
    }

    /// Notes a router solicitation that has passed its checks; false if this device advertises nothing.
    pub fn solicited(&mut self, device: DeviceIndex, source: u128, now: Instant) -> bool {
        let Some(sender) = self.senders.get_mut(usize::from(device.0)) else { return false };
        if sender.says.is_none() || sender.is_leaving {
            return false;
        }
        sender.note_question(source, now, &mut self.delays);
        self.find_next();
        true
    }

    /// Sends what is due.
    pub fn poll(&mut self, context: &mut Context<'_>, neighbours: &mut Neighbours) {
        if self.next.is_none_or(|next| next > context.now) {
            return;
        }
        for (index, sender) in (0..).map(DeviceIndex).zip(&mut self.senders) {
            sender.poll(context, neighbours, index, &mut self.delays);
        }
        self.find_next();
    }

    /// Section 6.2.5: says on all links that the gateway stops being their router. To be called once, at the end.
    pub fn farewell(&mut self, context: &mut Context<'_>, neighbours: &mut Neighbours) {
        for (index, sender) in (0..).map(DeviceIndex).zip(&mut self.senders) {
            sender.says = sender.says.take().as_ref().map(last_words);
            sender.send(context, neighbours, index, ALL_NODES);
            *sender = Sender::default();
        }
        self.next = None;
    }

    /// When [`Self::poll`] has something to do next.
    pub const fn next_wakeup(&self) -> Option<Instant> {
        self.next
    }

    fn find_next(&mut self) {
        let answers = self.senders.iter().filter_map(|sender| sender.answer).map(|answer| answer.due);
        self.next = self.senders.iter().filter_map(|sender| sender.next).chain(answers).min();
    }
}

impl Sender {
    fn adopt(&mut self, device: &Device) {
        let own = device.mac.unwrap_or_default();
        let wanted = device.advertise.as_ref();
        let is_same = if self.is_leaving { wanted.is_none() } else { self.says.as_ref() == wanted };
        if self.own == own && is_same {
            return;
        }
        let before = self.says.take();
        match wanted {
            Some(wanted) => {
                self.is_leaving = false;
                let kept =
                    |prefix: &AdvertisedPrefixSpec| wanted.prefixes.iter().any(|new| new.prefix == prefix.prefix);
                self.withdraw(before.iter().flat_map(|before| &before.prefixes), kept);
                self.says = Some(wanted.clone());
            }
            // Nobody is told in the name of a link address that is gone.
            None if self.own != own => *self = Self::default(),
            None => {
                self.is_leaving = before.is_some();
                let kept = |prefix: &AdvertisedPrefixSpec| device.on_link6(prefix.prefix.0);
                self.withdraw(before.iter().flat_map(|before| &before.prefixes), kept);
                self.says = before.as_ref().map(last_words);
            }
        }
        self.own = own;
        self.initial_left = INITIAL_COUNT;
        // 7084-G5, 8475-1: at once.
        self.next = self.says.is_some().then(Instant::default);
    }

    /// 7084-L13, 9096-L13: hosts are told of prefixes that are not kept.
    fn withdraw<'a>(
        &mut self,
        before: impl Iterator<Item = &'a AdvertisedPrefixSpec>,
        kept: impl Fn(&AdvertisedPrefixSpec) -> bool,
    ) {
        self.withdrawn.retain(|withdrawn| !kept(&withdrawn.prefix));
        for prefix in before.filter(|prefix| !kept(prefix)) {
            if self.withdrawn.len() == WITHDRAWN_MAX {
                self.withdrawn.remove(0);
            }
            self.withdrawn.push(Withdrawn { prefix: AdvertisedPrefixSpec { preferred: 0, ..*prefix }, until: None });
        }
    }

    /// Section 6.2.6. Two hosts that ask before either is answered get one answer to all.
    fn note_question(&mut self, source: u128, now: Instant, delays: &mut Delays) {
        let delay = delays.draw(Duration::default(), ANSWER_DELAY_MAX);
        let to = (source != UNSPECIFIED).then_some(source);
        let due = now.after(delay);
        let to_all = || {
            let earliest = self.sent_at.map(|sent_at| sent_at.after(DISTANCE_MIN).after(delay));
            Answer { due: earliest.map_or(due, |earliest| earliest.max(due)), to: None }
        };
        self.answer = Some(match self.answer {
            None if to.is_some() => Answer { due, to },
            Some(answer) if answer.to.is_none() || answer.to == to => answer,
            None | Some(_) => to_all(),
        });
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
        neighbours: &mut Neighbours,
        device: DeviceIndex,
        delays: &mut Delays,
    ) {
        let now = context.now;
        let answer = self.answer.filter(|answer| answer.due <= now);
        let is_due = self.next.is_some_and(|next| next <= now);
        match answer {
            _ if is_due => self.send(context, neighbours, device, ALL_NODES),
            Some(answer) => self.send(context, neighbours, device, answer.to.unwrap_or(ALL_NODES)),
            None => return,
        }
        let was_to_all = is_due || answer.is_some_and(|answer| answer.to.is_none());
        self.answer = None;
        if self.is_leaving {
            *self = Self { own: self.own, ..Self::default() };
        } else if was_to_all {
            self.sent_at = Some(now);
            self.next = self.pause(delays).map(|pause| now.after(pause));
        }
    }

    fn send(&mut self, context: &mut Context<'_>, neighbours: &mut Neighbours, device: DeviceIndex, to: u128) {
        let Some(says) = &self.says else { return };
        let mut prefixes = [NO_PREFIX; WITHDRAWN_MAX];
        let now = context.now;
        self.withdrawn.retain_mut(|withdrawn| withdrawn.remaining(now) > 0);
        for (place, withdrawn) in prefixes.iter_mut().zip(&mut self.withdrawn) {
            // 9096-L15: never more than what remains.
            *place = AdvertisedPrefixSpec { valid: withdrawn.remaining(now), ..withdrawn.prefix };
        }
        let withdrawn = prefixes.get(..self.withdrawn.len()).unwrap_or(&[]);
        Message { own: self.own, says, withdrawn }.send(context, neighbours, device, to);
    }

    /// Until the next one to all.
    fn pause(&mut self, delays: &mut Delays) -> Option<Duration> {
        let longest = self.says.as_ref()?.interval;
        // MinRtrAdvInterval.
        let shortest = Duration::from_micros(longest.as_micros() / 3).max(DISTANCE_MIN);
        let pause = delays.draw(shortest, longest);
        self.initial_left = self.initial_left.saturating_sub(1);
        Some(match self.initial_left {
            0 => pause,
            1 => pause.min(INITIAL_INTERVAL_MAX),
            _ => SECOND_INTERVAL,
        })
    }
}

/// A place for a withdrawn prefix.
const NO_PREFIX: AdvertisedPrefixSpec =
    AdvertisedPrefixSpec { prefix: (0, 0), on_link: false, autonomous: false, valid: 0, preferred: 0 };

impl Withdrawn {
    /// Seconds for which it stays valid.
    fn remaining(&mut self, now: Instant) -> u32 {
        let longest = Duration::from_secs(self.prefix.valid.into()).min(WITHDRAWN_VALID_MAX);
        let until = *self.until.get_or_insert(now.after(longest));
        (until.since(now).as_micros() / 1_000_000) as u32
    }
}

impl Delays {
    /// A span between two others.
    fn draw(&mut self, shortest: Duration, longest: Duration) -> Duration {
        self.drawn = self.drawn.wrapping_add(1);
        let range = longest.as_micros().saturating_sub(shortest.as_micros());
        let extra = self.hash.hash(self.drawn.into()).checked_rem(range + 1).unwrap_or(0);
        Duration::from_micros(shortest.as_micros() + extra)
    }
}

/// Section 6.2.5 and RFC 4191 section 2.3: no route leads here any more. What is said of prefixes is kept by hosts.
fn last_words(says: &AdvertiseSpec) -> AdvertiseSpec {
    let mut last = AdvertiseSpec { router_lifetime: 0, prefixes: Vec::new(), ..says.clone() };
    last.routes.iter_mut().for_each(|route| route.lifetime = 0);
    last.resolvers.iter_mut().for_each(|(_, lifetime)| *lifetime = 0);
    last
}
