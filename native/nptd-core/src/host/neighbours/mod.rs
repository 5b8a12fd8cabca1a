//! Link addresses of next hops: ARP and neighbour discovery share one table, keyed by device and address. Of several workers each has
//! one, for the packets that wait there; the host role alone asks and hears, and tells the others.
//!
//! ```text
//!              use                    1 s x 3 unanswered
//!  (unknown) ──────▶ Incomplete ──────────────────────────▶ Failed ──1 s──▶ (unknown)
//!                        │ answer                              ▲ nothing is sent to it
//!                        ▼        30 s, then used
//!                    Reachable ──────────────────▶ Probing ──1 s x 3 unanswered──▶ (unknown)
//!                        ▲  ◀────── answer ──────────┘ ▲
//!                        │ answer                      │ use
//!                        └──────── Stale ──────────────┘
//!                                    ▲ a station asked for us, or announced itself
//! ```

mod entry;
mod queue;
pub(crate) mod request;
mod table;

use super::context::Context;
use crate::frame::{ChecksumState, DeviceIndex, Segmentation};
use crate::news::News;
use crate::plan::{Device, NextHop, Plan, Role};
use crate::share::HOST;
use crate::time::Instant;
use crate::verdict::{DropReason, OutputKind, Suppressed, Verdict};
use crate::wire::ethernet::{self, MacAddress};
use crate::wire::ipv6::address::is_multicast;
use crate::wire::octets::tail_mut;
pub use entry::{Claim, NeighbourState};
use entry::{Entry, TRIES_MAX};
use queue::{Chain, PacketQueue, Waiting};
pub use queue::{QUEUED_MAX, QUEUED_PER_NEIGHBOUR_MAX, Received};
use table::NeighbourTable;

/// Timers that one call of [`Neighbours::poll`] serves; the others follow at the next.
const TIMERS_PER_POLL: usize = 64;

/// Prefix ::ffff:0:0/96.
const MAPPED4: u128 = 0xffff_0000_0000;

/// Key of an IPv4 neighbour: `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2).
pub const fn mapped4(address: u32) -> u128 {
    MAPPED4 | address as u128
}

/// The IPv4 address in such a key.
pub const fn as_mapped4(address: u128) -> Option<u32> {
    if address >> 32 == MAPPED4 >> 32 { Some(address as u32) } else { None }
}

/// What operators see of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighbourRow {
    /// Device it is on.
    pub device: DeviceIndex,
    /// Its address; IPv4 as [`mapped4`].
    pub address: u128,
    /// Its link address, if known.
    pub mac: Option<MacAddress>,
    /// How far it is known.
    pub state: NeighbourState,
    /// Whether it says that it is a router (IPv6).
    pub is_router: bool,
    /// When a frame last left for it.
    pub used_at: Instant,
    /// Packets that wait for it.
    pub waiting: u8,
}

/// All neighbours of all devices, and the packets that wait for them.
pub struct Neighbours {
    table: NeighbourTable,
    queue: PacketQueue,
    /// Packets given up since the last poll, where no counters were at hand.
    given_up: u32,
    /// Those of them whose sender is to be told.
    undelivered: Chain,
}

impl Neighbours {
    /// No neighbours; `capacity` bounds them over all devices, `hash_key` is random per boot.
    pub fn new(capacity: u32, hash_key: [u8; 16]) -> Self {
        Self {
            table: NeighbourTable::new(capacity, hash_key),
            queue: PacketQueue::new(),
            given_up: 0,
            undelivered: Chain::EMPTY,
        }
    }

    /// Link address of a next hop for a frame about to leave; none where it is not resolved, and on devices
    /// without link headers. Notes the use, and has a neighbour confirmed that has not been for long.
    #[inline]
    pub fn link_address(&mut self, context: &mut Context<'_>, hop: NextHop<u128>) -> Option<MacAddress> {
        match self.noted_address(hop, context.now) {
            None => self.find_link_address(context, hop),
            found => found,
        }
    }

    /// The same for most neighbours that were used a moment ago and need no confirmation; none for others.
    #[inline(always)]
    pub fn noted_address(&mut self, hop: NextHop<u128>, now: Instant) -> Option<MacAddress> {
        self.table.find_hinted(hop.device, hop.address, now)
    }

    fn find_link_address(&mut self, context: &mut Context<'_>, hop: NextHop<u128>) -> Option<MacAddress> {
        context.plan.device(hop.device)?.mac?;
        if let Some(group) = group_address(hop.address) {
            return Some(group);
        }
        let now = context.now;
        let position = self.table.find(hop.device, hop.address)?;
        self.table.hint(hop.device, hop.address, position);
        let (mac, confirm) = self.table.update(position, |entry| {
            entry.used_at = now;
            let confirm = entry.needs_confirmation(now);
            if confirm {
                entry.state = NeighbourState::Probing;
                entry.tries = 0;
            }
            (entry.state.is_resolved().then_some(entry.mac), confirm)
        })?;
        if confirm {
            self.request(context, position);
        }
        mac
    }

    /// Keeps a copy of an IP packet until its next hop is resolved, and has it resolved.
    ///
    /// The `start` of a partial checksum counts from the first octet of `packet`; `received` says how it came in. The verdict is `Queued`, or
    /// `Drop` with `NeighbourTableFull`, `ResolutionQueueFull`, or `NeighbourUnreachable` if the hop did not
    /// answer a moment ago.
    pub fn enqueue(
        &mut self,
        context: &mut Context<'_>,
        hop: NextHop<u128>,
        packet: &[u8],
        checksum: ChecksumState,
        segmentation: Segmentation,
        received: Option<Received>,
    ) -> Verdict {
        let kind = OutputKind::Released;
        let waiting = Waiting { length: packet.len(), kind, checksum, segmentation, received };
        match self.wait(context, hop, waiting, |octets| octets.copy_from_slice(packet)) {
            Ok(()) => Verdict::Queued,
            Err(reason) => Verdict::Drop(reason),
        }
    }

    /// Sends an IP packet of our own: at once if the hop is resolved or the device has no link headers, else as
    /// soon as it is. `write` gets `length` zeroed octets for the IP packet.
    ///
    /// False, and counted as suppressed, when neither the pool of outputs nor the queue has room, or the hop did
    /// not answer a moment ago.
    pub fn send_packet(
        &mut self,
        context: &mut Context<'_>,
        hop: NextHop<u128>,
        kind: OutputKind,
        length: usize,
        write: impl FnOnce(&mut [u8]),
    ) -> bool {
        self.send_part(context, hop, kind, length, None, write)
    }

    /// The same for a fragment of a packet that was received: if its hop does not answer, the sender of that packet is
    /// to be told.
    pub fn send_part(
        &mut self,
        context: &mut Context<'_>,
        hop: NextHop<u128>,
        kind: OutputKind,
        length: usize,
        received: Option<Received>,
        write: impl FnOnce(&mut [u8]),
    ) -> bool {
        let checksum = ChecksumState::Complete;
        let packet = Waiting { length, kind, checksum, segmentation: Segmentation::None, received };
        let bare = context.plan.device(hop.device).is_some_and(|device| device.mac.is_none());
        let link = self.link_address(context, hop);
        if bare || link.is_some() {
            return emit(context, hop, link, packet, write);
        }
        let write_zeroed = |octets: &mut [u8]| {
            octets.fill(0);
            write(octets);
        };
        let queued = self.wait(context, hop, packet, write_zeroed).is_ok();
        if !queued {
            context.counters.record_suppressed(Suppressed::NeighbourUnresolved);
        }
        queued
    }

    /// Takes in what a station says of a link address: existing neighbours only, unless the claim creates one
    /// and the station is on the link. Packets that waited for it leave.
    pub fn hear(&mut self, context: &mut Context<'_>, claim: Claim) {
        let Some(device) = context.plan.device(claim.device) else { return };
        if is_own(context.plan, device, claim.address)
            || claim.mac.is_some_and(|mac| !names_station(mac) || device.mac == Some(mac))
        {
            return;
        }
        let now = context.now;
        let position = match self.table.find(claim.device, claim.address) {
            Some(position) => position,
            None if claim.creates && claim.mac.is_some() && is_near(context.plan, claim.device, claim.address) => {
                let mut entry = Entry::incomplete(claim.device, claim.address, now);
                entry.hear(&claim, now);
                if self.table.insert(entry, now).is_some() {
                    context.news.tell_all(News::Station(claim), context.counters);
                }
                return;
            }
            None => return,
        };
        let heard = self.table.update(position, |entry| {
            let before = (entry.state, entry.mac);
            entry.hear(&claim, now);
            (claim.solicited || before != (entry.state, entry.mac)).then_some(entry.mac)
        });
        if let Some(Some(mac)) = heard {
            let known = Claim { mac: Some(mac), creates: true, ..claim };
            context.news.tell_all(News::Station(known), context.counters);
        }
        self.release(context, position);
    }

    /// Whether another station is known to have an address.
    pub fn is_known(&self, device: DeviceIndex, address: u128) -> bool {
        let entry = self.table.find(device, address).and_then(|position| self.table.get(position));
        entry.is_some_and(|entry| entry.state.is_resolved())
    }

    /// Asks a neighbour whose link address is known whether it is still there, whatever its state. One that is not known is
    /// asked for when something is sent to it.
    pub fn ask(&mut self, context: &mut Context<'_>, hop: NextHop<u128>) {
        let entry = self.table.find(hop.device, hop.address).and_then(|position| self.table.get(position));
        if let Some(mac) = entry.filter(|entry| entry.state.is_resolved()).map(|entry| entry.mac) {
            request::send(context, hop.device, hop.address, Some(mac));
        }
    }

    /// Whether a neighbour has answered a request of ours at this instant, or later.
    pub fn has_answered(&self, hop: NextHop<u128>, since: Instant) -> bool {
        let entry = self.table.find(hop.device, hop.address).and_then(|position| self.table.get(position));
        entry.is_some_and(|entry| entry.state.is_resolved() && entry.confirmed_at >= since)
    }

    /// Repeats requests, gives up on neighbours that do not answer, and forgets those long unused.
    pub fn poll(&mut self, context: &mut Context<'_>) {
        for _ in 0..TIMERS_PER_POLL {
            match self.table.first_due() {
                Some((position, due)) if due <= context.now => self.time_out(context, position),
                Some(_) | None => break,
            }
        }
        self.table.age(context.now);
        for _ in 0..core::mem::take(&mut self.given_up) {
            context.counters.record_suppressed(Suppressed::ResolutionFailed);
        }
    }

    /// Takes a packet that was given up since its hop did not answer, and lends how it was received and its octets as they
    /// would have left; false when there is none whose sender is to be told.
    pub fn take_undelivered(&mut self, consume: impl FnOnce(&Received, &[u8])) -> bool {
        while let Some((packet, octets)) = self.queue.pop(&mut self.undelivered) {
            if let Some(received) = packet.received {
                consume(&received, octets);
                return true;
            }
        }
        false
    }

    /// When [`Self::poll`] has something to do next.
    pub fn next_wakeup(&self) -> Option<Instant> {
        self.table.first_due().map(|(_, due)| due)
    }

    /// Forgets neighbours on devices and links that a new plan no longer has.
    pub fn adopt(&mut self, plan: &Plan) {
        for position in 0..self.table.end() {
            let Some(entry) = self.table.get(position) else { continue };
            let device = plan.device(entry.device).filter(|device| device.mac.is_some());
            let own = device.is_some_and(|device| is_own(plan, device, entry.address));
            if device.is_none() || own || !is_near(plan, entry.device, entry.address) {
                let chain = self.table.remove(position);
                self.give_up(chain);
            }
        }
    }

    /// All neighbours, in no order.
    pub fn rows(&self) -> impl Iterator<Item = NeighbourRow> {
        self.table.positions().filter_map(|position| self.table.get(position)).map(|entry| NeighbourRow {
            device: entry.device,
            address: entry.address,
            mac: entry.state.is_resolved().then_some(entry.mac),
            state: entry.state,
            is_router: entry.is_router,
            used_at: entry.used_at,
            waiting: entry.waiting.length(),
        })
    }

    /// Lets a packet wait for its hop; `write` gets its octets, which hold anything.
    fn wait(
        &mut self,
        context: &mut Context<'_>,
        hop: NextHop<u128>,
        packet: Waiting,
        write: impl FnOnce(&mut [u8]),
    ) -> Result<(), DropReason> {
        let position = self.resolve(context, hop)?;
        let queue = &mut self.queue;
        let pushed = self.table.update(position, |entry| queue.push(&mut entry.waiting, packet).map(write));
        pushed.flatten().ok_or(DropReason::ResolutionQueueFull)?;
        // Nothing should wait for a neighbour that is resolved; a caller that did not look is still served.
        self.release(context, position);
        Ok(())
    }

    /// The entry of a hop, asked for now if it was not there.
    ///
    /// # Errors
    /// `NeighbourTableFull`, or `NeighbourUnreachable` if the hop did not answer a moment ago.
    pub fn resolve(&mut self, context: &mut Context<'_>, hop: NextHop<u128>) -> Result<u32, DropReason> {
        let device = context.plan.device(hop.device);
        let on_ethernet = device.is_some_and(|device| device.mac.is_some());
        if !on_ethernet || group_address(hop.address).is_some() {
            return Err(DropReason::NeighbourUnreachable);
        }
        if let Some(position) = self.table.find(hop.device, hop.address) {
            let failed = self.table.get(position).is_none_or(|entry| entry.state == NeighbourState::Failed);
            return if failed { Err(DropReason::NeighbourUnreachable) } else { Ok(position) };
        }
        let entry = Entry::incomplete(hop.device, hop.address, context.now);
        let position = self.table.insert(entry, context.now).ok_or(DropReason::NeighbourTableFull)?;
        self.request(context, position);
        Ok(position)
    }

    /// Sends the next request for a neighbour and starts its timer.
    fn request(&mut self, context: &mut Context<'_>, position: u32) {
        let Some(entry) = self.table.update(position, |entry| {
            entry.tries += 1;
            *entry
        }) else {
            return;
        };
        let share = context.news.share();
        if share.worker() == HOST {
            request::send(context, entry.device, entry.address, entry.state.is_resolved().then_some(entry.mac));
        } else {
            let hop = NextHop { device: entry.device, address: entry.address };
            context.news.tell(HOST, News::Wanted { worker: share.worker(), hop }, context.counters);
        }
        self.table.arm(position, context.now);
    }

    /// What is known of a hop that another worker has packets for; if that is nothing, or old, the hop is asked for.
    pub fn answer(&mut self, context: &mut Context<'_>, hop: NextHop<u128>) -> Option<Claim> {
        if self.link_address(context, hop).is_none() {
            // One that did not answer a moment ago is not asked for again, and the other worker gives up by itself.
            let _ = self.resolve(context, hop);
            return None;
        }
        let entry = self.table.find(hop.device, hop.address).and_then(|position| self.table.get(position))?;
        Some(Claim {
            device: entry.device,
            address: entry.address,
            mac: Some(entry.mac),
            solicited: entry.state == NeighbourState::Reachable,
            overrides: true,
            router: Some(entry.is_router),
            creates: false,
        })
    }

    fn time_out(&mut self, context: &mut Context<'_>, position: u32) {
        let Some(entry) = self.table.get(position).copied() else { return };
        match entry.state {
            NeighbourState::Incomplete | NeighbourState::Probing if entry.tries < TRIES_MAX => {
                self.request(context, position);
            }
            NeighbourState::Incomplete => {
                let chain = self.table.update(position, |entry| {
                    entry.state = NeighbourState::Failed;
                    core::mem::replace(&mut entry.waiting, Chain::EMPTY)
                });
                let chain = chain.unwrap_or(Chain::EMPTY);
                self.given_up += u32::from(chain.length());
                let received = self.queue.keep_received(chain);
                self.queue.append(&mut self.undelivered, received);
                self.table.arm(position, context.now);
            }
            NeighbourState::Probing | NeighbourState::Failed | NeighbourState::Reachable | NeighbourState::Stale => {
                let chain = self.table.remove(position);
                self.give_up(chain);
            }
        }
    }

    /// Sends what waited for a neighbour, in the order in which it came, once that is resolved.
    fn release(&mut self, context: &mut Context<'_>, position: u32) {
        let Some(entry) = self.table.get(position).copied() else { return };
        if !entry.state.is_resolved() || entry.waiting.length() == 0 {
            return;
        }
        let hop = NextHop { device: entry.device, address: entry.address };
        let mut chain = entry.waiting;
        while let Some((packet, octets)) = self.queue.pop(&mut chain) {
            emit(context, hop, Some(entry.mac), packet, |place| place.copy_from_slice(octets));
        }
        let now = context.now;
        self.table.update(position, |entry| {
            entry.waiting = Chain::EMPTY;
            entry.used_at = now;
        });
    }

    fn give_up(&mut self, mut chain: Chain) {
        while self.queue.pop(&mut chain).is_some() {
            self.given_up += 1;
        }
    }
}

/// Puts a packet into the pool of outputs, behind a link header if `link` says to whom.
fn emit(
    context: &mut Context<'_>,
    hop: NextHop<u128>,
    link: Option<MacAddress>,
    packet: Waiting,
    write: impl FnOnce(&mut [u8]),
) -> bool {
    let own = context.plan.device(hop.device).and_then(|device| device.mac);
    let header = link.and(own).map_or(0, |_| ethernet::HEADER_LEN);
    let Some(frame) = context.outputs.allocate(header + packet.length, hop.device, packet.kind) else {
        context.counters.record_suppressed(Suppressed::OutputPoolFull);
        return false;
    };
    if let (Some(link), Some(own)) = (link, own) {
        let version = if as_mapped4(hop.address).is_some() { ethernet::TYPE_IPV4 } else { ethernet::TYPE_IPV6 };
        ethernet::write_header(frame, link, own, version);
    }
    write(tail_mut(frame, header));
    if let Some(output) = context.outputs.last_mut() {
        output.checksum = behind_header(packet.checksum, header);
        output.segmentation = packet.segmentation;
    }
    context.counters.record_output(packet.kind);
    true
}

/// A checksum state counted from the packet, counted from the frame.
fn behind_header(checksum: ChecksumState, header: usize) -> ChecksumState {
    match checksum {
        ChecksumState::Partial { start, offset } => {
            ChecksumState::Partial { start: start.saturating_add(header as u16), offset }
        }
        ChecksumState::Complete | ChecksumState::Vouched => checksum,
    }
}

/// Link address of a group, which needs no resolution (RFC 1112 section 6.4, RFC 2464 section 7).
fn group_address(address: u128) -> Option<MacAddress> {
    match as_mapped4(address) {
        Some(u32::MAX) => Some(MacAddress::BROADCAST),
        Some(address) if address >> 28 == 0xe => {
            let [_, b, c, d] = address.to_be_bytes();
            Some(MacAddress([0x01, 0x00, 0x5e, b & 0x7f, c, d]))
        }
        Some(_) => None,
        None => is_multicast(address).then(|| MacAddress::of_multicast6(address)),
    }
}

/// Whether a link address can be that of one station.
fn names_station(mac: MacAddress) -> bool {
    !mac.is_group() && mac != MacAddress::default()
}

/// Whether an address of a device's link is the gateway's own there, external addresses included.
fn is_own(plan: &Plan, device: &Device, address: u128) -> bool {
    match as_mapped4(address) {
        Some(address) => request::is_ours4(plan, device, address),
        None => device.owns6(address),
    }
}

/// Whether an address is on the link of a device, or is the gateway that its uplink sends to.
fn is_near(plan: &Plan, index: DeviceIndex, address: u128) -> bool {
    let Some(device) = plan.device(index) else { return false };
    let uplink = match device.role {
        Role::Internal => None,
        Role::Uplink(slot) => plan.uplink(slot),
    };
    match as_mapped4(address) {
        Some(address) => {
            let gateway = uplink.and_then(|uplink| uplink.ipv4.as_ref()?.gateway);
            address != 0 && (device.on_link4(address) || gateway == Some(address))
        }
        None => {
            let gateway = uplink.and_then(|uplink| uplink.ipv6.as_ref()?.gateway);
            address != 0 && (device.on_link6(address) || gateway == Some(address))
        }
    }
}
