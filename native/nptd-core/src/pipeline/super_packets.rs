//! Super-packets on their way (docs/decisions.md, "Offloads"): translated in one piece where all their packets fare alike and
//! the device that they leave by takes them so, cut as they were received everywhere else.

use super::link::{Family, LinkDestination};
use super::parse::{locate_headers4, locate_headers6};
use super::transit::{Outcome, Refusal, Transit};
use crate::frame::{ChecksumState, DeviceIndex, Errand, Frame, HEADROOM, Offloads};
use crate::super_packet::{self, Headers, Layout, SuperPacket};
use crate::verdict::{DropReason, OutputKind, Suppressed, Verdict};
use crate::wire::octets::copy_to;

impl Transit<'_> {
    /// Takes an IP packet or a super-packet (the frame starts at its IP header) to its verdict.
    pub fn process_ip(&mut self, frame: &mut Frame<'_>, family: Family, addressed: LinkDestination) -> Outcome {
        if !frame.is_super() {
            return self.process_one(frame, family, addressed);
        }
        match locate(frame, family) {
            Err(reason) => Outcome::local(Verdict::Drop(reason)),
            Ok(parts) if parts.is_uniform(frame) => self.process_one(frame, family, addressed),
            Ok(_) => self.process_cut(frame, family, addressed),
        }
    }

    fn process_one(&mut self, frame: &mut Frame<'_>, family: Family, addressed: LinkDestination) -> Outcome {
        self.received.note(frame.ingress, frame.octets());
        match family {
            Family::V4 => self.process4(frame, addressed),
            Family::V6 => self.process6(frame, addressed),
        }
    }

    /// Cuts a super-packet that is still as it was received, and takes its packets their way one by one: the first one
    /// in its place, the others as outputs. Where the first one is dropped, the others are, too.
    pub fn process_cut(&mut self, frame: &mut Frame<'_>, family: Family, addressed: LinkDestination) -> Outcome {
        let Some(parts) = SuperPacket::of(frame) else {
            return Outcome::local(Verdict::Drop(DropReason::TransportInvalid));
        };
        let (headers, payload) = (parts.headers(frame), parts.payload_start(frame));
        let (ingress, errand) = (frame.ingress, frame.errand);
        parts.keep_first(frame);
        let outcome = self.process_one(frame, family, addressed);
        if matches!(outcome.verdict, Verdict::Drop(_)) {
            return outcome;
        }
        for index in 1..parts.count() {
            let payload = frame.buffer().get(payload..).unwrap_or(&[]);
            let verdict = self.process_segment(&parts, &headers, payload, index, (ingress, errand), family, addressed);
            if matches!(verdict, Verdict::Drop(_) | Verdict::Pass) {
                self.context.counters.record_suppressed(Suppressed::SegmentGivenUp);
            }
        }
        outcome
    }

    #[allow(clippy::too_many_arguments, reason = "what one packet of a super-packet is made of, and its way")]
    fn process_segment(
        &mut self,
        parts: &SuperPacket,
        headers: &Headers,
        payload: &[u8],
        index: usize,
        (ingress, errand): (DeviceIndex, Errand),
        family: Family,
        addressed: LinkDestination,
    ) -> Verdict {
        let scratch = core::mem::take(&mut self.scratch);
        let length = parts.write(index, headers, payload, scratch.get_mut(HEADROOM..).unwrap_or(&mut []));
        let mut segment = Frame::new(scratch, HEADROOM, length, ingress);
        segment.errand = errand;
        let outputs_before = self.context.outputs.len();
        let verdict = self.process_one(&mut segment, family, addressed).verdict;
        if matches!(verdict, Verdict::Forward | Verdict::Reply) {
            self.emit_segment(&segment, outputs_before);
        }
        self.scratch = scratch;
        verdict
    }

    /// Sends a segment before what was made on its way: the other fragments of it, perhaps.
    fn emit_segment(&mut self, segment: &Frame<'_>, outputs_before: usize) {
        let context = &mut self.context;
        match context.outputs.allocate(segment.len(), segment.egress, OutputKind::Segment) {
            Some(place) => {
                place.copy_from_slice(segment.octets());
                context.outputs.move_last_to(outputs_before);
                context.counters.record_output(OutputKind::Segment);
            }
            None => context.counters.record_suppressed(Suppressed::OutputPoolFull),
        }
    }

    /// Whether the device that a frame would leave by takes it in one piece.
    pub fn check_in_one_piece(&self, frame: &Frame<'_>, egress: DeviceIndex) -> Result<(), Refusal> {
        if self.offloads(egress).takes(frame.segmentation) {
            return Ok(());
        }
        Err(Refusal::to_be_cut())
    }

    /// What a device takes although it is not finished.
    pub fn offloads(&self, device: DeviceIndex) -> Offloads {
        self.offloads.get(usize::from(device.0)).copied().unwrap_or_default()
    }

    /// Has what was noted of how a packet was received say what its link would have carried: checksum completed, and of a
    /// super-packet the first one. The frame is the packet after translation, which changes headers only.
    pub fn finish_received(&mut self, frame: &Frame<'_>) {
        if !matches!(frame.checksum, ChecksumState::Partial { .. }) {
            return;
        }
        copy_to(self.scratch, 0, frame.octets());
        self.received.restore(self.scratch);
        let mut received = Frame::new(self.scratch, 0, frame.len(), frame.ingress);
        (received.checksum, received.segmentation) = (frame.checksum, frame.segmentation);
        super_packet::finish(&mut received);
        self.received.note(received.ingress, received.octets());
    }
}

/// The parts of a super-packet, if it is what its device says.
fn locate(frame: &mut Frame<'_>, family: Family) -> Result<SuperPacket, DropReason> {
    let (layout, total_len) = match family {
        Family::V4 => {
            let headers = locate_headers4(frame.octets())?;
            let (transport, protocol) = (headers.header_len, headers.protocol);
            (Layout { transport, protocol, is_ipv6: false, is_fragment: headers.is_fragment }, headers.total_len)
        }
        Family::V6 => {
            let headers = locate_headers6(frame.octets())?;
            let (transport, protocol) = (headers.upper_offset, headers.protocol);
            (Layout { transport, protocol, is_ipv6: true, is_fragment: headers.is_fragment }, headers.total_len)
        }
    };
    frame.truncate(total_len);
    SuperPacket::check(frame, layout).ok_or(DropReason::TransportInvalid)
}
