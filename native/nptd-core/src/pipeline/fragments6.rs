//! IPv6 fragments through the filter (docs/decisions.md, "Filter"): each goes the way of the first one of its datagram, since it
//! alone says which flow they are of. Without the filter none of them is looked at.

use super::forward::check_hop_limit;
use super::parse::Headers6;
use super::transit::{Outcome, Refusal, Transit};
use crate::filter::{Datagram, Filter, Translation};
use crate::frame::Frame;
use crate::news::News;
use crate::plan::{NextHop, Role};
use crate::session::fragments::{Fate, STORED_LEN_MAX};
use crate::time::Tick;
use crate::verdict::{DropReason, OutputKind, Suppressed, Verdict};
use crate::wire::octets::copy_to;
use crate::wire::{ipv6, protocol};

/// What a packet is to its datagram.
pub enum Part6 {
    /// All of it.
    Whole,
    /// The fragment with the upper-layer header.
    First(Datagram),
    /// Any other.
    Later(Datagram),
}

impl Part6 {
    /// Looks at a packet as it was received.
    pub fn of(frame: &Frame<'_>, headers: &Headers6) -> Self {
        let Some(identification) = headers.identification else { return Self::Whole };
        let (source, destination) = (ipv6::source(frame.octets()), ipv6::destination(frame.octets()));
        let datagram = Datagram { ingress: frame.ingress, source, destination, identification };
        if headers.protocol == protocol::FRAGMENT { Self::Later(datagram) } else { Self::First(datagram) }
    }

    /// The datagram that a first fragment begins.
    pub fn begins(&self) -> Option<Datagram> {
        match self {
            Self::First(datagram) => Some(*datagram),
            Self::Whole | Self::Later(_) => None,
        }
    }
}

impl Transit<'_> {
    /// A first fragment may go its way only if the others can follow.
    pub fn check_fragment_room6(&mut self, part: &Part6) -> Result<(), DropReason> {
        let has_room = |filter: &Filter| part.begins().is_none_or(|datagram| filter.fragments.has_room(&datagram));
        if self.filter.as_deref().is_some_and(has_room) { Ok(()) } else { Err(DropReason::FragmentStoreFull) }
    }

    /// A fragment without an upper-layer header: after its first one, or to be kept for it.
    pub fn later_fragment6(
        &mut self,
        frame: &mut Frame<'_>,
        datagram: Datagram,
        slot: Option<u8>,
    ) -> Result<Outcome, Refusal> {
        let (now, ends) = (self.context.now.tick(), self.fragment_end6());
        let Some(filter) = self.filter.as_deref_mut() else { return Err(DropReason::NotProcessed.into()) };
        match filter.fragments.fate(&datagram, now) {
            Some(Fate::Refused) => Err(DropReason::FragmentRefused.into()),
            Some(Fate::Translated(translation)) => {
                let hop = NextHop { device: translation.egress, address: translation.next_hop };
                self.check_forward6(frame, hop.device)?;
                apply(&translation, frame.octets_mut());
                Ok(Outcome { verdict: self.forward6(frame, hop), slot: Some(translation.slot) })
            }
            None if filter.fragments.store(datagram, frame.octets(), ends) => {
                Ok(Outcome { verdict: Verdict::Queued, slot })
            }
            None => Err(DropReason::FragmentStoreFull.into()),
        }
    }

    /// Sends a filtered packet on. Of a first fragment it notes the way, and the fragments that waited for it follow.
    pub fn forward_filtered6(
        &mut self,
        frame: &mut Frame<'_>,
        hop: NextHop<u128>,
        slot: u8,
        begins: Option<Datagram>,
    ) -> Verdict {
        let Some(datagram) = begins else { return self.forward6(frame, hop) };
        let translation = Translation {
            source: ipv6::source(frame.octets()),
            destination: ipv6::destination(frame.octets()),
            next_hop: hop.address,
            egress: hop.device,
            slot,
        };
        let verdict = self.forward6(frame, hop);
        self.tell_fate6(datagram, Fate::Translated(translation));
        verdict
    }

    /// A first fragment was refused: the others are, too.
    pub fn refuse_fragments6(&mut self, begins: Option<Datagram>) {
        if let Some(datagram) = begins {
            self.tell_fate6(datagram, Fate::Refused);
        }
    }

    /// Has the worker know what became of a first fragment that has the others: the owner of the source, of what the site sends.
    fn tell_fate6(&mut self, datagram: Datagram, fate: Fate<Translation>) {
        let is_sent = self.plan().device(datagram.ingress).is_some_and(|device| device.role == Role::Internal);
        let home = if is_sent { self.owners.elsewhere(self.owners.of_address6(datagram.source)) } else { None };
        match home {
            Some(home) => self.context.news.tell(home, News::Fate6(datagram, fate), self.context.counters),
            None => self.note_fate6(datagram, fate),
        }
    }

    /// Notes what became of a first fragment; those that waited for it fare alike.
    pub fn note_fate6(&mut self, datagram: Datagram, fate: Fate<Translation>) {
        let (now, ends) = (self.context.now.tick(), self.fragment_end6());
        let Some(filter) = self.filter.as_deref_mut() else { return };
        filter.fragments.record(datagram, fate, ends);
        match fate {
            Fate::Translated(translation) => self.release_fragments6(&datagram, &translation),
            Fate::Refused => {
                while filter.fragments.take_stored(&datagram, now, |_| {}) {
                    self.context.counters.record_suppressed(Suppressed::FragmentGivenUp);
                }
            }
        }
    }

    fn release_fragments6(&mut self, datagram: &Datagram, translation: &Translation) {
        let mut buffer = [0; STORED_LEN_MAX];
        let now = self.context.now.tick();
        loop {
            let mut length = 0;
            let Some(filter) = self.filter.as_deref_mut() else { return };
            let is_taken = filter.fragments.take_stored(datagram, now, |octets| {
                length = octets.len();
                copy_to(&mut buffer, 0, octets);
            });
            if !is_taken {
                return;
            }
            if let Some(packet) = buffer.get_mut(..length) {
                self.release_fragment6(packet, translation);
            }
        }
    }

    fn release_fragment6(&mut self, packet: &mut [u8], translation: &Translation) {
        let checked = check_hop_limit(packet).and_then(|()| self.check_packet6(packet.len(), translation.egress));
        if checked.is_err() {
            self.context.counters.record_suppressed(Suppressed::FragmentGivenUp);
            return;
        }
        apply(translation, packet);
        ipv6::decrement_hop_limit(packet);
        let hop = NextHop { device: translation.egress, address: translation.next_hop };
        let kind = OutputKind::ReleasedFragment;
        self.neighbours.send_packet(&mut self.context, hop, kind, packet.len(), |place| copy_to(place, 0, packet));
    }

    fn fragment_end6(&self) -> Tick {
        Tick::at_or_after(self.context.now.after(self.plan().nat44.fragment))
    }
}

fn apply(translation: &Translation, packet: &mut [u8]) {
    ipv6::set_source(packet, translation.source);
    ipv6::set_destination(packet, translation.destination);
}
