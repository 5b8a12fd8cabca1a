//! Whether another station of a link has one of our addresses (RFC 4862 section 5.4).
//!
//! Each address is asked for once when it first appears in a plan. It is in use all the while, and stays so whatever is
//! heard: a gateway without its address serves nobody. Somebody has to be told, though.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::context::Context;
use super::nd_message;
use crate::frame::DeviceIndex;
use crate::plan::Plan;
use crate::time::{Duration, Instant};
use crate::verdict::{OutputKind, Suppressed};
use crate::wire::ethernet::{self, MacAddress};
use crate::wire::ipv6::address::solicited_node;
use crate::wire::octets::tail_mut;

/// RETRANS_TIMER: how long an objection is waited for.
const WAIT: Duration = Duration::from_secs(1);

/// Another station has an address of ours, or wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressConflict {
    /// Device on whose link it is.
    pub device: DeviceIndex,
    /// The address.
    pub address: u128,
    /// Link address of the other station.
    pub mac: MacAddress,
}

/// An own address on a link.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Own {
    device: DeviceIndex,
    mac: MacAddress,
    address: u128,
}

/// A question under way.
struct Check {
    own: Own,
    /// None: not sent yet.
    sent_at: Option<Instant>,
}

/// All questions under way.
#[derive(Default)]
pub struct DuplicateAddresses {
    /// Own addresses of the plan in force.
    own: Vec<Own>,
    checks: Vec<Check>,
    conflicts: VecDeque<AddressConflict>,
}

impl DuplicateAddresses {
    /// Asks for addresses that a plan adds. Allocates: not for the packet path.
    pub fn adopt(&mut self, plan: &Plan) {
        let devices = (0..).map(DeviceIndex).zip(plan.devices());
        let with_mac = devices.filter_map(|(index, device)| Some((index, device.mac?, device)));
        let own: Vec<_> = with_mac
            .flat_map(|(device, mac, at)| {
                at.ipv6.iter().map(move |(address, _)| Own { device, mac, address: *address })
            })
            .collect();
        self.checks.retain(|check| own.contains(&check.own));
        let new = own.iter().filter(|own| !self.own.contains(own));
        self.checks.extend(new.map(|own| Check { own: *own, sent_at: None }));
        // One at most for each check, so that hearing one needs no memory.
        self.conflicts.reserve(self.checks.len());
        self.own = own;
    }

    /// Notes that another station says it has an address, or asks whether it may.
    pub fn hear(&mut self, device: DeviceIndex, address: u128, mac: MacAddress) {
        let is_about = |check: &Check| check.own.device == device && check.own.address == address;
        let Some(position) = self.checks.iter().position(is_about) else { return };
        self.checks.swap_remove(position);
        self.conflicts.push_back(AddressConflict { device, address, mac });
    }

    /// The oldest conflict that nobody was told of.
    pub fn take_conflict(&mut self) -> Option<AddressConflict> {
        self.conflicts.pop_front()
    }

    /// Sends questions, and ends those that nobody objected to.
    pub fn poll(&mut self, context: &mut Context<'_>) {
        let now = context.now;
        for check in self.checks.iter_mut().filter(|check| check.sent_at.is_none()) {
            send(context, check.own);
            check.sent_at = Some(now);
        }
        self.checks.retain(|check| check.sent_at.is_none_or(|sent_at| now < sent_at.after(WAIT)));
    }

    /// When [`Self::poll`] has something to do next.
    pub fn next_wakeup(&self) -> Option<Instant> {
        self.checks.iter().map(|check| check.sent_at.map_or(Instant::default(), |sent_at| sent_at.after(WAIT))).min()
    }
}

/// Section 5.4.2: from nobody, to those whose addresses end alike.
fn send(context: &mut Context<'_>, Own { device, mac, address }: Own) {
    let length = ethernet::HEADER_LEN + nd_message::PROBE_LEN;
    let Some(frame) = context.outputs.allocate(length, device, OutputKind::NeighbourRequest) else {
        context.counters.record_suppressed(Suppressed::OutputPoolFull);
        return;
    };
    let group = solicited_node(address);
    ethernet::write_header(frame, MacAddress::of_multicast6(group), mac, ethernet::TYPE_IPV6);
    nd_message::write_probe(tail_mut(frame, ethernet::HEADER_LEN), address, group);
    context.counters.record_output(OutputKind::NeighbourRequest);
}
