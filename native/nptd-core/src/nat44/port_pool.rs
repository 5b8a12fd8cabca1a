//! Which external address and port a new mapping gets. The choice is a written function
//! (docs/decisions.md, "External address and port"), so that the reference can repeat it without sharing code.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::mapping::InternalKey;
use super::port_hash::{Candidates, PortHash};
use super::port_list::{self, OwnPorts, PortList, WORDS};
use super::{Endpoint, Flow, Protocol, ProtocolKind};
use crate::frame::DeviceIndex;
use crate::plan::{DEVICES_MAX, Plan, SLOTS_MAX, Uplink};
use crate::share::Share;

/// Keyed candidates tried before the cyclic search: hard to guess (6056-1), and yet every port is used in the end
/// (6888-R13).
const CANDIDATES: u8 = 16;

/// Kinds of protocols with ports, which come before the others.
const POOLS: usize = ProtocolKind::Portless as usize;

/// One bit per port.
type Ports = Box<[u64; WORDS]>;

/// Internal addresses whose external one is remembered for an uplink with NAT44: 32 KiB each.
const PAIRED: usize = 4_096;

/// External addresses whose place in the list is remembered.
const PLACES: usize = 256;

/// An external endpoint that a new mapping may get, as its pool is just now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proposal {
    /// The endpoint.
    pub external: Endpoint,
    /// Position of its address in the list of the uplink.
    place: u8,
    /// What has happened to the pool, where the choice depends on it and not only on the port being free.
    counted: Option<Counted>,
}

/// Allocations and releases of a pool. Nothing is proposed so long that they come round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counted {
    allocations: u32,
    releases: u32,
}

/// What is known of an internal address on an uplink under the plan adopted last.
#[derive(Clone, Copy)]
struct Known {
    address: u32,
    /// Position of its external address in the list; [`Self::NOTHING`] has none.
    place: u8,
    /// The device from which its packets go to uplinks unasked, if one is known.
    plain_from: u8,
}

impl Known {
    const NOWHERE: u8 = u8::MAX;
    const NOTHING: Self = Self { address: 0, place: Self::NOWHERE, plain_from: Self::NOWHERE };

    #[inline]
    fn is_of(&self, address: u32) -> bool {
        self.address == address && self.place != Self::NOWHERE
    }
}

const _: () = assert!(DEVICES_MAX < Known::NOWHERE as usize);

/// Pools of all uplinks. One pool is 8 KiB, and twice that where ports are reserved or published; 16 uplinks of 64 addresses and
/// 5 protocols make 80 MiB at most, of each worker.
pub(super) struct PortPools {
    hash: PortHash,
    preserves_parity: bool,
    /// Since when allocations are foreseen.
    moment: u64,
    /// The ports of this worker, if there are others.
    own: Option<OwnPorts>,
    share: Share,
    slots: [SlotPools; SLOTS_MAX],
}

#[derive(Default)]
struct SlotPools {
    epoch: u8,
    ports: (u16, u16),
    addresses: Vec<AddressPools>,
    /// Where an address is in the list, by its last bits: those of a pool are neighbours, as a rule.
    places: Vec<u8>,
    /// Which of the addresses belongs to an internal one, by the last bits of that: 32 hashes are spared each new mapping.
    paired: Vec<Known>,
    /// Address and echo identifier that the gateway itself has taken.
    reserved: Option<(u32, u16)>,
}

struct AddressPools {
    address: u32,
    /// Whether mappings of its epoch may hold ports that it does not know of.
    joins_epoch: bool,
    /// Of each kind of protocol with ports.
    pools: [Pool; POOLS],
}

/// The ports of one (uplink, epoch, external address, protocol).
struct Pool {
    /// A mapping lives or rests on them.
    taken: Ports,
    /// Reserved for the gateway, or covered by a static mapping; none where no port is.
    blocked: Option<Ports>,
    allocations: u64,
    /// Ports given back so far.
    releases: u64,
    /// When allocations have been foreseen, and how many there will have been after them.
    foreseen: (u64, u64),
    resting: u32,
}

/// An external endpoint of an uplink, as its pool knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct PoolPort {
    pub slot: u8,
    pub epoch: u8,
    pub protocol: Protocol,
    pub external: Endpoint,
}

impl PortPools {
    /// No pools yet. The secret is a key of 128 bits, another one each boot (6056-5).
    pub fn new(secret: &[u8; 16], share: Share) -> Self {
        Self {
            hash: PortHash::new(secret),
            preserves_parity: false,
            moment: 0,
            own: OwnPorts::of(share),
            share,
            slots: core::array::from_fn(|_| SlotPools::default()),
        }
    }

    /// Keeps the pools of addresses that stay with the same epoch, and makes those that are new. True where a pool is new in an
    /// epoch that is not: mappings may hold ports of it already.
    pub fn adopt(&mut self, plan: &Plan) -> bool {
        let mut joins_epoch = false;
        self.preserves_parity = plan.nat44.preserve_parity;
        for (slot, pools) in (0u8..).zip(&mut self.slots) {
            let uplink = plan.uplink(slot);
            let ipv4 = uplink.and_then(|uplink| uplink.ipv4.as_ref()).filter(|ipv4| ipv4.nat44);
            let (Some(uplink), Some(ipv4)) = (uplink, ipv4) else {
                *pools = SlotPools::default();
                continue;
            };
            let mut kept = core::mem::take(&mut pools.addresses);
            if pools.epoch != uplink.epoch {
                kept.clear();
                pools.reserved = None;
            }
            let was_there = !kept.is_empty();
            pools.epoch = uplink.epoch;
            pools.ports = ipv4.ports;
            for address in &ipv4.pool {
                let known = kept.iter().position(|have| have.address == *address);
                let mut pool = known.map_or_else(|| AddressPools::new(*address), |at| kept.swap_remove(at));
                pool.joins_epoch = was_there && known.is_none();
                joins_epoch |= pool.joins_epoch;
                pools.addresses.push(pool);
            }
            pools.addresses.iter_mut().for_each(|pool| pool.block(uplink, plan));
            pools.paired = alloc::vec![Known::NOTHING; PAIRED];
            pools.places = alloc::vec![0; PLACES];
            for (place, pool) in (0..).zip(&pools.addresses) {
                if let Some(known) = pools.places.get_mut(pool.address as usize % PLACES) {
                    *known = place;
                }
            }
        }
        joins_epoch
    }

    /// The external endpoint of a new mapping; none when no port is left. `published` is the address that the host is
    /// published at, if it is.
    pub fn allocate(&mut self, key: InternalKey, published: Option<u32>) -> Option<Endpoint> {
        let proposal = self.propose(key, published)?;
        self.accept(key, proposal);
        Some(proposal.external)
    }

    /// What [`Self::allocate`] would give; no port is taken.
    #[inline]
    pub fn propose(&mut self, key: InternalKey, published: Option<u32>) -> Option<Proposal> {
        self.propose_at(key, published, |pool| pool.allocations)
    }

    /// Whether packets of an internal address from a device go to an uplink, as far as the plan and nothing else decides it.
    /// `is_plain` is asked where that is not known.
    #[inline]
    pub fn knows_plain(
        &mut self,
        slot: u8,
        internal: u32,
        ingress: DeviceIndex,
        is_plain: impl FnOnce() -> bool,
    ) -> bool {
        let Some(pools) = self.slots.get_mut(usize::from(slot)) else { return false };
        let known = pools.paired.get(internal as usize % PAIRED);
        known.is_some_and(|known| known.is_of(internal) && u16::from(known.plain_from) == ingress.0)
            || is_plain() && pools.note_plain(self.hash, internal, ingress)
    }

    /// Proposals are foreseen anew from now on.
    pub fn begin_foreseeing(&mut self) {
        self.moment += 1;
    }

    /// What a new mapping of a host that is not published will get if all that have been foreseen before it get theirs.
    #[inline]
    pub fn foresee(&mut self, key: InternalKey) -> Option<Proposal> {
        let moment = self.moment;
        self.propose_at(key, None, |pool| pool.foresee_allocation(moment))
    }

    #[inline]
    fn propose_at(
        &mut self,
        key: InternalKey,
        published: Option<u32>,
        counter: impl FnOnce(&mut Pool) -> u64,
    ) -> Option<Proposal> {
        let (hash, preserves_parity) = (self.hash, self.preserves_parity);
        let pools = self.slots.get_mut(usize::from(key.slot))?;
        let place = pools.place_of(hash, key.internal.address, published)?;
        let pool = pools.addresses.get_mut(usize::from(place))?;
        let address = pool.address;
        let Some(pool) = pool.of(key.protocol) else {
            return Some(Proposal { external: Endpoint { address, port: 0 }, place, counted: None });
        };
        let counter = counter(pool);
        let (wanted, own) = (key.internal.port, self.own.as_ref());
        // 6056-2, 7857-S9: the port is preserved, and unpredictable only where it is taken.
        let (port, counted) = if pool.is_free(wanted) && port_list::has_own(key.protocol, wanted, pools.ports, own) {
            (wanted, None)
        } else {
            let list = PortList::of(key.protocol, wanted, pools.ports, preserves_parity, own);
            let counted = Counted { allocations: counter as u32, ..pool.counted() };
            (pool.choose(hash.candidates(&key, address, counter), list)?, Some(counted))
        };
        Some(Proposal { external: Endpoint { address, port }, place, counted })
    }

    /// Takes what was foreseen for a new mapping if nothing has happened to its pool since that matters, or else what would be
    /// proposed now.
    #[inline]
    pub fn take_foreseen(&mut self, key: InternalKey, proposal: Proposal) -> Option<Proposal> {
        let Some(pool) = self.proposed(key, proposal) else { return Some(proposal) };
        let is_as_it_was = proposal.counted.is_none_or(|counted| counted == pool.counted());
        if is_as_it_was && pool.is_free(proposal.external.port) {
            pool.set(proposal.external.port, true);
            pool.allocations += 1;
            return Some(proposal);
        }
        let proposal = self.propose(key, None)?;
        self.accept(key, proposal);
        Some(proposal)
    }

    /// What has just been taken was not needed.
    pub fn untake(&mut self, key: InternalKey, proposal: Proposal) {
        if let Some(pool) = self.proposed(key, proposal) {
            pool.set(proposal.external.port, false);
            pool.allocations -= 1;
        }
    }

    /// Takes what has just been proposed for a new mapping.
    fn accept(&mut self, key: InternalKey, proposal: Proposal) {
        if let Some(pool) = self.proposed(key, proposal) {
            pool.set(proposal.external.port, true);
            pool.allocations += 1;
        }
    }

    #[inline]
    fn proposed(&mut self, key: InternalKey, proposal: Proposal) -> Option<&mut Pool> {
        let pools = self.slots.get_mut(usize::from(key.slot))?;
        pools.addresses.get_mut(usize::from(proposal.place))?.of(key.protocol)
    }

    /// The external address of a new mapping of an internal address; `published` as in [`Self::allocate`].
    pub fn external_address(&mut self, slot: u8, internal: u32, published: Option<u32>) -> Option<u32> {
        let hash = self.hash;
        let pools = self.slots.get_mut(usize::from(slot))?;
        let place = pools.place_of(hash, internal, published)?;
        pools.addresses.get(usize::from(place)).map(|pool| pool.address)
    }

    /// Takes a port for a mapping whose external endpoint is given; nothing where there is no such pool.
    pub fn take(&mut self, at: PoolPort) {
        if let Some(pool) = self.pool(at) {
            pool.set(at.external.port, true);
        }
    }

    /// Tells a pool that is new in its epoch of a port that a mapping holds, or rests on.
    pub fn tell(&mut self, at: PoolPort, is_resting: bool) {
        let addresses = self.slots.get(usize::from(at.slot)).into_iter().flat_map(|pools| &pools.addresses);
        let is_told = addresses.into_iter().any(|pool| pool.joins_epoch && pool.address == at.external.address);
        if let Some(pool) = self.pool(at).filter(|_| is_told) {
            pool.set(at.external.port, true);
            pool.resting += u32::from(is_resting);
        }
    }

    /// Takes a port that a mapping may rest on again after a restart; false if it is none of this plan, or not free.
    pub fn take_again(&mut self, at: PoolPort) -> bool {
        let range = self.slots.get(usize::from(at.slot)).map_or((0, 0), |pools| pools.ports);
        let list =
            if at.protocol == Protocol::ICMP { PortList::all(None) } else { PortList::between(range.0, range.1, None) };
        let port = at.external.port;
        let Some(pool) = self.pool(at) else { return false };
        if port == 0 || !list.contains(port) || !pool.is_free(port) {
            return false;
        }
        pool.set(port, true);
        true
    }

    /// Gives a port back, which may have rested until now; nothing if its pool has ended.
    pub fn release(&mut self, at: PoolPort, has_rested: bool) {
        if let Some(pool) = self.pool(at) {
            pool.set(at.external.port, false);
            pool.releases += 1;
            pool.resting = pool.resting.saturating_sub(u32::from(has_rested));
        }
    }

    /// Notes that a port comes to rest. False where its pool has ended, or as many rest already (6888-R8).
    pub fn begin_rest(&mut self, at: PoolPort, resting_max: u32) -> bool {
        let resting_max = self.share.of_capacity(resting_max);
        let Some(pool) = self.pool(at).filter(|pool| pool.resting < resting_max) else { return false };
        pool.resting += 1;
        true
    }

    /// Notes that a port rests no more.
    pub fn end_rest(&mut self, at: PoolPort) {
        if let Some(pool) = self.pool(at) {
            pool.resting = pool.resting.saturating_sub(1);
        }
    }

    /// Whether there is a pool for an external endpoint: of its address, epoch and protocol.
    pub fn has(&mut self, at: PoolPort) -> bool {
        self.pool(at).is_some()
    }

    /// The `k`-th port that may stand for a client's port towards a published host.
    pub fn apparent_port(&self, flow: &Flow, k: u8) -> u16 {
        let (internal, remote) = (flow.internal, flow.remote);
        let parts: [&[u8]; 6] = [
            &[flow.protocol.number()],
            &internal.address.to_be_bytes(),
            &internal.port.to_be_bytes(),
            &remote.address.to_be_bytes(),
            &remote.port.to_be_bytes(),
            &[k],
        ];
        let mut message = [0; 14];
        fill(&mut message, parts);
        (1024 + self.hash.of(&message) % 64_512) as u16
    }

    /// Takes an echo identifier of the first address for the gateway itself; the same one again if it is wanted again.
    pub fn reserve_identifier(&mut self, slot: u8, wanted: u16) -> Option<u16> {
        let pools = self.slots.get_mut(usize::from(slot))?;
        let first = pools.addresses.first_mut()?;
        if pools.reserved == Some((first.address, wanted)) {
            return Some(wanted);
        }
        let address = first.address;
        let pool = first.of(Protocol::ICMP)?;
        let identifier = pool.next_free(PortList::all(self.own.as_ref()), u32::from(wanted))?;
        pool.set(identifier, true);
        pools.reserved = Some((address, identifier));
        Some(identifier)
    }

    fn pool(&mut self, at: PoolPort) -> Option<&mut Pool> {
        let pools = self.slots.get_mut(usize::from(at.slot)).filter(|pools| pools.epoch == at.epoch)?;
        let address = at.external.address;
        let known = pools.places.get(address as usize % PLACES).map_or(0, |place| usize::from(*place));
        let is_known = pools.addresses.get(known).is_some_and(|pool| pool.address == address);
        let place =
            if is_known { Some(known) } else { pools.addresses.iter().position(|pool| pool.address == address) };
        pools.addresses.get_mut(place?)?.of(at.protocol)
    }
}

impl SlotPools {
    /// 4787-R2, 6888-R2: paired pooling, over any set of addresses (6888-R3); a host whose address has no port left
    /// gets none of another (7857-S4). A host that is published speaks from where it is heard.
    #[inline]
    fn place_of(&mut self, hash: PortHash, internal: u32, published: Option<u32>) -> Option<u8> {
        let known = self.paired.get(internal as usize % PAIRED);
        if let (None, Some(known)) = (published, known.filter(|known| known.is_of(internal))) {
            return Some(known.place);
        }
        let place = self.find_place(hash, internal, published)?;
        if let (None, Some(known)) = (published, self.paired.get_mut(internal as usize % PAIRED)) {
            *known = Known { address: internal, place, ..Known::NOTHING };
        }
        Some(place)
    }

    /// Notes where packets of an internal address come from that go to this uplink; false where it has no external address.
    #[inline(never)]
    fn note_plain(&mut self, hash: PortHash, internal: u32, ingress: DeviceIndex) -> bool {
        let is_paired = self.place_of(hash, internal, None).is_some();
        if let (true, Some(known)) = (is_paired, self.paired.get_mut(internal as usize % PAIRED)) {
            known.plain_from = ingress.0 as u8;
        }
        is_paired
    }

    fn find_place(&self, hash: PortHash, internal: u32, published: Option<u32>) -> Option<u8> {
        // `max_by_key` takes the last of equals, so ties go by position.
        let best = self.addresses.iter().enumerate().max_by_key(|(position, pool)| {
            let is_published = published == Some(pool.address);
            (is_published, hash.pairing(internal, pool.address), core::cmp::Reverse(*position))
        });
        // At most 64 addresses.
        best.map(|(position, _)| position as u8)
    }
}

impl AddressPools {
    fn new(address: u32) -> Self {
        Self { address, joins_epoch: false, pools: core::array::from_fn(|_| Pool::new()) }
    }

    /// Keeps reserved ports (3022-2.2, 6056-3, 6056-4) and published ones for those that they belong to.
    fn block(&mut self, uplink: &Uplink, plan: &Plan) {
        self.pools.iter_mut().for_each(|pool| pool.blocked = None);
        let reserved = uplink.ipv4.iter().flat_map(|ipv4| &ipv4.reserved);
        let reserved = reserved.map(|reserved| (Protocol::from_number(reserved.protocol), reserved.ports));
        let published = plan.static_mappings().external_ranges(uplink.slot, self.address);
        for (protocol, (low, high)) in reserved.chain(published) {
            let Some(pool) = self.of(protocol) else { continue };
            let blocked = pool.blocked.get_or_insert_with(|| Box::new([0; WORDS]));
            (low..=high).for_each(|port| set(blocked, port, true));
        }
    }

    /// The pool of a protocol; none without ports.
    fn of(&mut self, protocol: Protocol) -> Option<&mut Pool> {
        self.pools.get_mut(protocol.kind() as usize)
    }
}

impl Pool {
    fn new() -> Self {
        Self { taken: Box::new([0; WORDS]), blocked: None, allocations: 0, releases: 0, foreseen: (0, 0), resting: 0 }
    }

    /// Foresees an allocation at a moment: how many there will have been before it.
    #[inline]
    fn foresee_allocation(&mut self, moment: u64) -> u64 {
        let before = if self.foreseen.0 == moment { self.foreseen.1 } else { self.allocations };
        self.foreseen = (moment, before + 1);
        before
    }

    fn counted(&self) -> Counted {
        Counted { allocations: self.allocations as u32, releases: self.releases as u32 }
    }

    /// A free port that is hard to guess, or else any.
    fn choose(&self, candidates: Candidates, list: PortList<'_>) -> Option<u16> {
        let length = list.len();
        if length == 0 {
            return None;
        }
        let mut last = 0;
        for k in 0..CANDIDATES {
            last = candidates.nth(k) % u64::from(length);
            let port = list.nth(last as u32);
            if self.is_free(port) {
                return Some(port);
            }
        }
        self.next_free(list, u32::from(list.nth(last as u32)) + 1)
    }

    /// The first free port of a list from a port on, cyclically.
    fn next_free(&self, list: PortList<'_>, from: u32) -> Option<u16> {
        let (low, high) = list.ends();
        let (low, end) = (u32::from(low), u32::from(high) + 1);
        let middle = from.clamp(low, end);
        self.first_free(list, middle, end).or_else(|| self.first_free(list, low, middle))
    }

    /// The first free port of a list from `port` on and below `end`. It looks at 64 of them at a time, since whoever
    /// has exhausted a pool makes each new flow search all of it.
    fn first_free(&self, list: PortList<'_>, mut port: u32, end: u32) -> Option<u16> {
        while port < end {
            let free = (self.free_in(port as usize / 64) & list.bits_in(port as usize / 64)) >> (port % 64);
            if free != 0 {
                port += free.trailing_zeros();
                return (port < end).then_some(port as u16);
            }
            port = (port / 64 + 1) * 64;
        }
        None
    }

    /// The free ports of a word, a bit each.
    fn free_in(&self, word: usize) -> u64 {
        let bits = |ports: &Ports| ports.get(word).copied().unwrap_or(u64::MAX);
        !(bits(&self.taken) | self.blocked.as_ref().map_or(0, bits))
    }

    fn is_free(&self, port: u16) -> bool {
        self.free_in(usize::from(port) / 64) >> (port % 64) & 1 == 1
    }

    fn set(&mut self, port: u16, taken: bool) {
        set(&mut self.taken, port, taken);
    }
}

fn set(ports: &mut Ports, port: u16, value: bool) {
    if let Some(word) = ports.get_mut(usize::from(port) / 64) {
        *word = *word & !(1 << (port % 64)) | u64::from(value) << (port % 64);
    }
}

fn fill<const PARTS: usize>(message: &mut [u8], parts: [&[u8]; PARTS]) {
    for (place, octet) in message.iter_mut().zip(parts.into_iter().flatten()) {
        *place = *octet;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(address: u32, port: u16) -> InternalKey {
        InternalKey { slot: 0, protocol: Protocol::UDP, internal: Endpoint { address, port } }
    }

    /// Ports of one external address to hand out.
    fn pools(ports: (u16, u16), secret: u8) -> PortPools {
        let mut pools = PortPools::new(&[secret; 16], Share::ALONE);
        if let Some(slot) = pools.slots.first_mut() {
            (slot.ports, slot.addresses, slot.paired) =
                (ports, alloc::vec![AddressPools::new(9)], alloc::vec![Known::NOTHING; 1]);
        }
        pools
    }

    fn port(pools: &mut PortPools, key: InternalKey) -> Option<u16> {
        pools.allocate(key, None).map(|external| external.port)
    }

    #[test]
    fn a_taken_port_is_replaced_in_its_class_unpredictably_4787_r3a_6056_2() {
        let (mut one, mut other) = (pools((1, u16::MAX), 1), pools((1, u16::MAX), 2));
        for (wanted, class) in [(123, 1..=1023), (5000, 1024..=u16::MAX)] {
            let [second, third] = [&mut one, &mut other].map(|pools| {
                assert_eq!(port(pools, key(1, wanted)), Some(wanted));
                port(pools, key(2, wanted))
            });
            assert!(second.is_some_and(|second| second != wanted && class.contains(&second)));
            assert_ne!(second, third);
        }
    }

    #[test]
    fn what_is_foreseen_is_what_is_handed_out() {
        let mut pools = pools((2000, 2399), 1);
        for round in 0..20 {
            pools.begin_foreseeing();
            let keys: Vec<_> = (0..16).map(|host| key(host, 2000 + round)).collect();
            let foreseen: Vec<_> = keys.iter().map(|key| pools.foresee(*key)).collect();
            for (at, (key, foreseen)) in keys.into_iter().zip(foreseen).enumerate() {
                // One is not opened, and a port comes back: the rest is proposed anew.
                if round % 4 == 1 && at == 5 {
                    continue;
                }
                if round % 4 == 2 && at == 5 {
                    let external = Endpoint { address: 9, port: 2000 };
                    pools.release(PoolPort { slot: 0, epoch: 0, protocol: key.protocol, external }, false);
                }
                let taken = foreseen.and_then(|foreseen| pools.take_foreseen(key, foreseen));
                taken.into_iter().for_each(|taken| pools.untake(key, taken));
                assert_eq!(taken.map(|proposal| proposal.external), pools.allocate(key, None), "{round} {at}");
            }
        }
    }

    #[test]
    fn the_next_free_port_is_the_one_that_a_search_port_by_port_finds() {
        let mut pool = Pool::new();
        let free = |port: &u16| matches!(port, 0 | 63 | 64 | 130 | 65_534 | 65_535);
        (0..=u16::MAX).filter(|port| !free(port)).for_each(|port| pool.set(port, true));
        let mut blocked = Box::new([0; WORDS]);
        set(&mut blocked, 65_534, true);
        pool.blocked = Some(blocked);
        let own = OwnPorts::of(Share::new(1, 2).unwrap_or(Share::ALONE));
        for range in [(0, u16::MAX), (1, 62), (1, 63), (64, 64), (65, 129), (131, 65_533), (131, 65_535)] {
            for (preserves_parity, own) in [(false, None), (true, None), (false, own.as_ref()), (true, own.as_ref())] {
                let list = PortList::of(Protocol::UDP, 80, range, preserves_parity, own);
                for from in [0, 1, 2, 31, 32, 62, 63, 64, 65, 129, 32_767, 65_535, 65_536] {
                    let ports = || (0..list.len()).map(|n| list.nth(n));
                    let later = ports().filter(|port| u32::from(*port) >= from);
                    let expected = later.chain(ports()).find(|port| free(port) && *port != 65_534);
                    assert_eq!(pool.next_free(list, from), expected, "{range:?} {preserves_parity} from {from}");
                }
            }
        }
    }

    #[test]
    fn every_port_is_handed_out_before_the_pool_is_exhausted() {
        let mut pools = pools((1500, 1899), 1);
        let mut seen: Vec<u16> = (0..400).filter_map(|host| port(&mut pools, key(host, 2000))).collect();
        seen.sort_unstable();
        assert_eq!(seen, (1500..=1899).collect::<Vec<u16>>());
        assert_eq!(port(&mut pools, key(400, 2000)), None);
        let external = Endpoint { address: 9, port: 1777 };
        pools.release(PoolPort { slot: 0, epoch: 0, protocol: Protocol::UDP, external }, false);
        assert_eq!(port(&mut pools, key(400, 2000)), Some(1777));
    }
}
