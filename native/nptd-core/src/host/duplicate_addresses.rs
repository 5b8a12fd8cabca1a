//! Whether another station of a link has one of our addresses (RFC 4862 section 5.4).
//!
//! Each address is asked for a few times after it first appeared in a plan, and claims of others are heard for as long as it
//! is there. It is in use all the while, whatever is heard: a gateway without its address serves nobody. Somebody has to be
//! told, though.

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

/// Until the second question and from there to the third: a device is put on its link, a bridge for instance, after it was
/// made, and what was asked before nobody has heard.
const PAUSES: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(16)];

/// How long nobody is told again of a conflict over one address.
const QUIET: Duration = Duration::from_secs(60);

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

/// An own address, what was asked, and what was heard.
struct Watched {
    own: Own,
    /// Questions sent.
    asked: usize,
    /// When the next one is due.
    next: Option<Instant>,
    quiet_until: Option<Instant>,
}

/// Own addresses of the plan in force.
#[derive(Default)]
pub struct DuplicateAddresses {
    watched: Vec<Watched>,
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
        self.watched.retain(|watched| own.contains(&watched.own));
        for own in own {
            if self.watched.iter().all(|watched| watched.own != own) {
                self.watched.push(Watched { own, asked: 0, next: Some(Instant::default()), quiet_until: None });
            }
        }
        // One at most for each address, so that hearing one needs no memory.
        self.conflicts.reserve(self.watched.len());
    }

    /// Notes that another station says it has an address, or asks whether it may.
    pub fn hear(&mut self, device: DeviceIndex, address: u128, mac: MacAddress, now: Instant) {
        let most = self.watched.len();
        let is_about = |watched: &&mut Watched| watched.own.device == device && watched.own.address == address;
        let Some(watched) = self.watched.iter_mut().find(is_about) else { return };
        if watched.quiet_until.is_none_or(|until| until <= now) && self.conflicts.len() < most {
            watched.quiet_until = Some(now.after(QUIET));
            self.conflicts.push_back(AddressConflict { device, address, mac });
        }
    }

    /// The oldest conflict that nobody was told of.
    pub fn take_conflict(&mut self) -> Option<AddressConflict> {
        self.conflicts.pop_front()
    }

    /// Sends the questions that are due.
    pub fn poll(&mut self, context: &mut Context<'_>) {
        let now = context.now;
        for watched in self.watched.iter_mut().filter(|watched| watched.next.is_some_and(|next| next <= now)) {
            send(context, watched.own);
            watched.next = PAUSES.get(watched.asked).map(|pause| now.after(*pause));
            watched.asked += 1;
        }
    }

    /// When [`Self::poll`] has something to do next.
    pub fn next_wakeup(&self) -> Option<Instant> {
        self.watched.iter().filter_map(|watched| watched.next).min()
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
