//! One batch on its way: the parts it needs, and what ends the way of a packet.

use crate::filter::Filter;
use crate::frame::{DeviceIndex, Frame, Offloads};
use crate::host::context::Context;
use crate::host::link_duties::LinkDuties;
use crate::host::neighbours::{Neighbours, Received};
use crate::host::probes::Probes;
use crate::nat44::Nat44;
use crate::plan::{Device, Plan};
use crate::session::fragments::FragmentTable;
use crate::super_packet;
use crate::verdict::{DropReason, Verdict};
use crate::wire::octets::copy_to;
use crate::wire::{ipv4, ipv6};

use super::own_errors::{IcmpError, OwnErrors};
use super::owners::Owners;

/// Octets that an error quotes at most.
const QUOTED_MAX: usize = 1_280;

/// Codes of "destination unreachable" about a next hop that does not answer.
const HOST_UNREACHABLE: u8 = 1;
const ADDRESS_UNREACHABLE: u8 = 3;

/// Everything a packet may touch, borrowed for one batch.
pub struct Transit<'a> {
    /// The plan, the time, and where outputs and counts go.
    pub context: Context<'a>,
    /// Which worker a packet belongs to.
    pub owners: &'a Owners,
    /// NAT44 state.
    pub nat44: &'a mut Nat44,
    /// The filter of IPv6, if the plan has one.
    pub filter: Option<&'a mut Filter>,
    /// Fragments of IPv4 datagrams.
    pub fragments: &'a mut FragmentTable,
    /// Neighbours and the frames that wait for them.
    pub neighbours: &'a mut Neighbours,
    /// What the gateway owes its IPv6 links.
    pub duties: &'a mut LinkDuties,
    /// Probes under way.
    pub probes: &'a mut Probes,
    /// Limits on own errors.
    pub errors: &'a mut OwnErrors,
    /// How the packet under way was received.
    pub received: Received,
    /// Octets of the IP packet under way, as it was received.
    pub octets: usize,
    /// What the devices take, by their index.
    pub offloads: &'a [Offloads],
    /// Room for one frame beside those of the batch.
    pub scratch: &'a mut [u8],
}

/// The outcome of a packet, and the uplink it met.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The outcome.
    pub verdict: Verdict,
    /// The uplink, if any.
    pub slot: Option<u8>,
}

/// Why a packet goes no further, and what its sender is told.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// The reason.
    pub reason: DropReason,
    /// The answer.
    pub answer: Answer,
}

/// What the sender of a refused packet is told.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// Nothing.
    Silence,
    /// An ICMP or ICMPv6 error.
    Error(IcmpError),
    /// A TCP reset.
    Reset,
    /// Nothing yet: the packets of a super-packet go their way one by one.
    Cut,
}

impl From<DropReason> for Refusal {
    /// A silent refusal.
    fn from(reason: DropReason) -> Self {
        Self { reason, answer: Answer::Silence }
    }
}

impl Refusal {
    /// Whether the packets of a super-packet shall go their way one by one.
    pub const fn asks_to_cut(&self) -> bool {
        matches!(self.answer, Answer::Cut)
    }

    /// A super-packet goes no further in one piece.
    pub const fn to_be_cut() -> Self {
        Self { reason: DropReason::TooBig, answer: Answer::Cut }
    }

    /// A refusal with an error.
    pub const fn with_error(reason: DropReason, error: IcmpError) -> Self {
        Self { reason, answer: Answer::Error(error) }
    }
}

impl Outcome {
    /// An outcome without an uplink.
    pub const fn local(verdict: Verdict) -> Self {
        Self { verdict, slot: None }
    }
}

impl<'a> Transit<'a> {
    /// The plan in force.
    pub fn plan(&self) -> &'a Plan {
        self.context.plan
    }

    /// The device a frame came in by; the link stage has seen that it exists.
    pub fn device(&self, index: DeviceIndex) -> Result<&'a Device, DropReason> {
        self.context.plan.device(index).ok_or(DropReason::UnknownDevice)
    }

    /// Ends the way of an IPv4 packet that is still as it was received.
    pub fn refuse4(&mut self, frame: &mut Frame<'_>, refusal: Refusal) -> Verdict {
        let (errors, context, neighbours) = (&mut *self.errors, &mut self.context, &mut *self.neighbours);
        match refusal.answer {
            Answer::Silence | Answer::Cut => {}
            Answer::Error(error) => {
                super_packet::finish(frame);
                errors.error4(context, neighbours, frame.octets(), frame.ingress, error);
            }
            Answer::Reset => {
                super_packet::finish(frame);
                errors.reset4(context, neighbours, frame.octets(), frame.ingress);
            }
        }
        Verdict::Drop(refusal.reason)
    }

    /// Ends the way of an IPv6 packet that is still as it was received.
    pub fn refuse6(&mut self, frame: &mut Frame<'_>, refusal: Refusal) -> Verdict {
        let (errors, context, neighbours) = (&mut *self.errors, &mut self.context, &mut *self.neighbours);
        match refusal.answer {
            Answer::Silence | Answer::Cut => {}
            Answer::Error(error) => {
                super_packet::finish(frame);
                errors.error6(context, neighbours, frame.octets(), frame.ingress, error);
            }
            Answer::Reset => {
                super_packet::finish(frame);
                errors.reset6(context, neighbours, frame.octets(), frame.ingress);
            }
        }
        Verdict::Drop(refusal.reason)
    }

    /// Tells the senders of packets whose next hop did not answer in time.
    pub fn tell_all_undelivered(&mut self) {
        let mut buffer = [0; QUOTED_MAX];
        let (mut received, mut length) = (Received::NOTHING, 0);
        while self.neighbours.take_undelivered(|how, octets| {
            (received, length) = (*how, octets.len().min(QUOTED_MAX));
            copy_to(&mut buffer, 0, octets);
        }) {
            self.tell_undelivered(&received, buffer.get(..length).unwrap_or(&[]));
        }
    }

    /// Tells the sender of a packet (which may be translated by now) that its next hop does not answer (1812-UNREACH,
    /// 4443-DU).
    pub fn tell_undelivered(&mut self, received: &Received, octets: &[u8]) {
        let mut buffer = [0; QUOTED_MAX];
        let length = octets.len().min(QUOTED_MAX);
        copy_to(&mut buffer, 0, octets);
        let Some(offender) = buffer.get_mut(..length) else { return };
        received.restore(offender);
        let is_ipv4 = ipv4::version(offender) == 4;
        let total_len =
            if is_ipv4 { ipv4::total_len(offender) } else { ipv6::HEADER_LEN + ipv6::payload_len(offender) };
        let offender = offender.get(..total_len).unwrap_or(offender);
        let ingress = received.ingress;
        if is_ipv4 {
            let error = IcmpError::unreachable4(HOST_UNREACHABLE);
            self.errors.error4(&mut self.context, self.neighbours, offender, ingress, error);
        } else {
            let error = IcmpError::unreachable6(ADDRESS_UNREACHABLE);
            self.errors.error6(&mut self.context, self.neighbours, offender, ingress, error);
        }
    }
}
