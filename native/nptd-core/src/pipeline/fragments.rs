//! IPv4 fragments on their way (docs/decisions.md, "Fragments"): in any order (4787-R14, 8900-3), each translated like
//! the first one and sent by its uplink (8900-1, 8900-4), none put together (1812-NOREASM).

use super::forward::check_ttl;
use super::transit::{Outcome, Refusal, Transit};
use crate::frame::{Errand, Frame};
use crate::host::neighbours::mapped4;
use crate::nat44::{ExternalFlow, Flow};
use crate::news::News;
use crate::plan::{NextHop, Uplink};
use crate::session::fragments::{Datagram, Fate, Translation};
use crate::time::Tick;
use crate::verdict::{DropReason, OutputKind, Suppressed, Verdict};
use crate::wire::ipv4;
use crate::wire::octets::copy_to;

/// What a fragment is to its datagram.
pub enum Part {
    /// The packet is no fragment.
    Whole,
    /// The fragment with the transport header.
    First(Datagram),
    /// Any other.
    Later(Datagram),
}

impl Part {
    /// Looks at a packet as it was received.
    pub fn of(frame: &Frame<'_>) -> Self {
        let packet = frame.octets();
        // 6864-4.1: the identification of anything but a fragment means nothing.
        if !ipv4::is_fragment(packet) {
            return Self::Whole;
        }
        let datagram = Datagram {
            ingress: frame.ingress,
            source: ipv4::source(packet),
            destination: ipv4::destination(packet),
            protocol: ipv4::protocol(packet),
            identification: ipv4::identification(packet),
        };
        if ipv4::fragment_offset(packet) == 0 { Self::First(datagram) } else { Self::Later(datagram) }
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
    pub fn check_fragment_room(&self, frame: &Frame<'_>, part: &Part) -> Result<(), DropReason> {
        // Another worker has seen to it, which has the others.
        let begins = part.begins().filter(|_| frame.errand != Errand::FirstFragment);
        match begins {
            Some(datagram) if !self.fragments.has_room(&datagram) => Err(DropReason::FragmentStoreFull),
            Some(_) | None => Ok(()),
        }
    }

    /// A fragment without a transport header: after its first one, to be kept for it, or, where an uplink is
    /// routed, on its way without translation.
    pub fn later_fragment4(
        &mut self,
        frame: &mut Frame<'_>,
        datagram: Datagram,
        slot: Option<u8>,
        routed: Option<&Uplink>,
    ) -> Result<Outcome, Refusal> {
        match (self.fragments.fate(&datagram, self.context.now.tick()), routed) {
            (Some(Fate::Refused), _) => Err(DropReason::FragmentRefused.into()),
            (Some(Fate::Translated(translation)), _) => {
                let hop = NextHop { device: translation.egress, address: translation.next_hop };
                self.check_forward4(frame, hop.device)?;
                apply(&translation, frame.octets_mut());
                Ok(Outcome { verdict: self.forward4(frame, hop), slot: Some(translation.slot) })
            }
            (None, Some(uplink)) => self.untranslated4(frame, uplink),
            (None, None) => {
                let ends = self.fragment_end();
                if !self.fragments.store(datagram, frame.octets(), ends) {
                    return Err(DropReason::FragmentStoreFull.into());
                }
                Ok(Outcome { verdict: Verdict::Queued, slot })
            }
        }
    }

    /// Sends a translated packet on. Of a first fragment it notes the translation, and the fragments that waited
    /// for it follow.
    pub fn forward_translated4(
        &mut self,
        frame: &mut Frame<'_>,
        hop: NextHop<u32>,
        slot: u8,
        begins: Option<Datagram>,
    ) -> Verdict {
        let Some(datagram) = begins else { return self.forward4(frame, hop) };
        let translation = Translation {
            source: ipv4::source(frame.octets()),
            destination: ipv4::destination(frame.octets()),
            identification: ipv4::identification(frame.octets()),
            egress: hop.device,
            next_hop: hop.address,
            slot,
        };
        let verdict = self.forward4(frame, hop);
        self.tell_fate4(datagram, Fate::Translated(translation));
        verdict
    }

    /// A first fragment was refused: the others are, too.
    pub fn refuse_fragments(&mut self, begins: Option<Datagram>) {
        if let Some(datagram) = begins {
            self.tell_fate4(datagram, Fate::Refused);
        }
    }

    /// Has the home of a datagram know what became of its first fragment.
    fn tell_fate4(&mut self, datagram: Datagram, fate: Fate) {
        match self.owners.elsewhere(self.owners.home4(&datagram)) {
            Some(home) => self.context.news.tell(home, News::Fate4(datagram, fate), self.context.counters),
            None => self.note_fate4(datagram, fate),
        }
    }

    /// Notes what became of a first fragment; those that waited for it fare alike.
    pub fn note_fate4(&mut self, datagram: Datagram, fate: Fate) {
        let ends = self.fragment_end();
        self.fragments.record(datagram, fate, ends);
        match fate {
            Fate::Translated(translation) => self.release_fragments(&datagram, &translation),
            Fate::Refused => {
                while self.fragments.take_stored(&datagram, self.context.now.tick(), |_| {}) {
                    self.context.counters.record_suppressed(Suppressed::FragmentGivenUp);
                }
            }
        }
    }

    /// Hands a fragment over to where the others of its datagram are, unless it comes from there.
    #[inline]
    pub fn hand_home4(&self, frame: &mut Frame<'_>, part: &Part) -> Option<Verdict> {
        let (Part::First(datagram) | Part::Later(datagram)) = part else { return None };
        if frame.errand == Errand::FirstFragment {
            return None;
        }
        self.hand_over(frame, self.owners.home4(datagram), Errand::Received)
    }

    /// Hands a packet over to the owner of its flow, seen from the site.
    #[inline]
    pub fn hand_to_flow4(&self, frame: &mut Frame<'_>, flow: &Flow) -> Option<Verdict> {
        if self.owners.share().is_alone() {
            return None;
        }
        self.hand_over(frame, self.owners.of_flow4(flow), errand_to_owner(frame))
    }

    /// The same, seen from an uplink.
    #[inline]
    pub fn hand_to_external4(&self, frame: &mut Frame<'_>, flow: &ExternalFlow) -> Option<Verdict> {
        if self.owners.share().is_alone() {
            return None;
        }
        self.hand_over(frame, self.owners.of_external4(self.plan(), flow), errand_to_owner(frame))
    }

    fn release_fragments(&mut self, datagram: &Datagram, translation: &Translation) {
        let mut buffer = [0; crate::session::fragments::STORED_LEN_MAX];
        let mut length = 0;
        let now = self.context.now.tick();
        while self.fragments.take_stored(datagram, now, |octets| {
            length = octets.len();
            copy_to(&mut buffer, 0, octets);
        }) {
            if let Some(packet) = buffer.get_mut(..length) {
                self.release_fragment(packet, translation);
            }
        }
    }

    fn release_fragment(&mut self, packet: &mut [u8], translation: &Translation) {
        let Some(device) = self.plan().device(translation.egress) else { return };
        let checked = check_ttl(packet).and_then(|()| self.check_packet4(packet, packet.len(), translation.egress));
        if checked.is_err() {
            self.context.counters.record_suppressed(Suppressed::FragmentGivenUp);
            return;
        }
        apply(translation, packet);
        ipv4::decrement_ttl(packet);
        let hop = NextHop { device: translation.egress, address: mapped4(translation.next_hop) };
        let mtu = usize::from(device.mtu);
        if packet.len() > mtu {
            self.send_fragments(packet, hop, (mtu - ipv4::HEADER_LEN) / 8 * 8, 0, None);
            return;
        }
        let kind = OutputKind::ReleasedFragment;
        self.neighbours.send_packet(&mut self.context, hop, kind, packet.len(), |place| copy_to(place, 0, packet));
    }

    fn fragment_end(&self) -> Tick {
        Tick::at_or_after(self.context.now.after(self.plan().nat44.fragment))
    }
}

/// What the owner of a flow is to do: of a fragment it gets the first one only, from where the others are.
fn errand_to_owner(frame: &Frame<'_>) -> Errand {
    if ipv4::is_fragment(frame.octets()) { Errand::FirstFragment } else { Errand::Received }
}

fn apply(translation: &Translation, packet: &mut [u8]) {
    ipv4::replace_source(packet, translation.source);
    ipv4::replace_destination(packet, translation.destination);
    ipv4::replace_identification(packet, translation.identification);
}
