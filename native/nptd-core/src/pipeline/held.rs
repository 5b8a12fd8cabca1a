//! Packets from an uplink that nobody invited: refused, some of them held, and answered late or never
//! (docs/decisions.md, "Held opening packets").

use super::own_errors::IcmpError;
use super::transit::{Refusal, Transit};
use crate::frame::Frame;
use crate::nat44::{ExternalFlow, NotAdmitted};
use crate::session::held::HeldPacket;
use crate::session::segment::Segment;
use crate::time::Duration;
use crate::wire::ipv4;

/// Held packets that one tick looks at; the others follow at the next.
const HELD_PER_TICK: usize = 16;

/// Error codes of "destination unreachable".
const PORT_UNREACHABLE: u8 = 3;
const ADMINISTRATIVELY_PROHIBITED: u8 = 13;
/// The same of ICMPv6.
const PROHIBITED6: u8 = 1;

impl Transit<'_> {
    /// What the sender of an inbound packet is told that is not admitted: at first nothing, if the packet would open a
    /// connection (5382-R4, 6146-T9, 5597-R4).
    pub fn refuse_inbound4(
        &mut self,
        frame: &mut Frame<'_>,
        flow: &ExternalFlow,
        segment: &Segment,
        is_whole: bool,
        why: NotAdmitted,
    ) -> Refusal {
        let plan = self.plan();
        // 5382-R4a: whoever is to stay hidden answers nobody.
        let may_hold = segment.is_held && is_whole && plan.nat44.hold != Duration::default();
        if may_hold && !matches!(why, NotAdmitted::Other(_)) && self.hold4(frame, flow) {
            return why.reason().into();
        }
        self.refuse_admission4(why)
    }

    fn hold4(&mut self, frame: &mut Frame<'_>, flow: &ExternalFlow) -> bool {
        frame.finish_checksum();
        self.nat44.hold_opening(flow, frame.octets(), self.plan(), self.context.now)
    }

    /// 1812-13: what filtering refuses is answered only where the plan wants it.
    pub fn refuse_admission4(&self, why: NotAdmitted) -> Refusal {
        if why == NotAdmitted::Filtered && self.plan().nat44.refuse_filtered {
            return Refusal::with_error(why.reason(), IcmpError::unreachable4(ADMINISTRATIVELY_PROHIBITED));
        }
        why.reason().into()
    }

    /// Answers held packets whose time has come.
    pub fn answer_held(&mut self) {
        let plan = self.plan();
        for _ in 0..HELD_PER_TICK {
            let Some(packet) = self.nat44.take_due_opening(self.context.now) else { return };
            let HeldPacket { slot, epoch, octets } = packet;
            let Some(uplink) = plan.uplink(slot).filter(|uplink| uplink.epoch == epoch) else { continue };
            if ipv4::version(octets) == 4 {
                if uplink.translates4() {
                    let error = IcmpError::unreachable4(PORT_UNREACHABLE);
                    self.errors.error4(&mut self.context, self.neighbours, octets, uplink.device, error);
                }
            } else if plan.filter6.is_some() && uplink.ipv6.is_some() {
                // 6092-R34, 6092-R39.
                let error = IcmpError::unreachable6(PROHIBITED6);
                self.errors.error6(&mut self.context, self.neighbours, octets, uplink.device, error);
            }
        }
    }
}
