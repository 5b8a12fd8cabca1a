//! Which external address and port a new mapping gets. The choice is a written function
//! (docs/decisions.md, "External address and port"), so that the reference can repeat it without sharing code.

use alloc::boxed::Box;
use alloc::vec::Vec;

use siphasher::sip::SipHasher24;

use super::mapping::InternalKey;
use super::{Endpoint, Protocol, ProtocolKind};
use crate::plan::{Plan, SLOTS_MAX};

/// Keyed candidates tried before the cyclic search: hard to guess (6056-1), and yet every port is used in the end
/// (6888-R13).
const CANDIDATES: u8 = 16;

/// Words of one bit per port.
const WORDS: usize = 65_536 / 64;

/// Pools of all uplinks. One pool is 8 KiB; 16 uplinks of 64 addresses and 5 protocols make 40 MiB at most.
pub(super) struct PortPools {
    hasher: SipHasher24,
    slots: [SlotPools; SLOTS_MAX],
}

#[derive(Default)]
struct SlotPools {
    epoch: u8,
    ports: (u16, u16),
    addresses: Vec<AddressPools>,
    /// Address and echo identifier that the gateway itself has taken.
    reserved: Option<(u32, u16)>,
}

struct AddressPools {
    address: u32,
    icmp: Pool,
    tcp: Pool,
    udp: Pool,
    udp_lite: Pool,
    dccp: Pool,
}

/// The ports of one (uplink, epoch, external address, protocol): taken while a mapping lives or rests on them.
struct Pool {
    taken: Box<[u64; WORDS]>,
    allocations: u64,
}

/// A range of ports, lowest and highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PortList {
    low: u16,
    high: u16,
}

impl PortPools {
    /// No pools yet. The secret is a key of 128 bits, another one each boot (6056-5).
    pub fn new(secret: &[u8; 16]) -> Self {
        Self { hasher: SipHasher24::new_with_key(secret), slots: core::array::from_fn(|_| SlotPools::default()) }
    }

    /// Keeps the pools of addresses that stay with the same epoch, and makes those that are new.
    pub fn adopt(&mut self, plan: &Plan) {
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
            pools.epoch = uplink.epoch;
            pools.ports = ipv4.ports;
            for address in &ipv4.pool {
                let known = kept.iter().position(|have| have.address == *address);
                pools.addresses.push(known.map_or_else(|| AddressPools::new(*address), |at| kept.swap_remove(at)));
            }
        }
    }

    /// The external endpoint of a new mapping; none when no port is left.
    pub fn allocate(&mut self, key: InternalKey) -> Option<Endpoint> {
        let hasher = self.hasher;
        let pools = self.slots.get_mut(usize::from(key.slot))?;
        let list = PortList::of(key.protocol, key.internal.port, pools.ports);
        let pool = paired(hasher, &mut pools.addresses, key.internal.address)?;
        let address = pool.address;
        let port = match pool.of(key.protocol) {
            Some(pool) => pool.allocate(hasher, key, address, list)?,
            None => 0,
        };
        Some(Endpoint { address, port })
    }

    /// The external address of a new mapping of an internal address.
    pub fn external_address(&mut self, slot: u8, internal: u32) -> Option<u32> {
        let pools = self.slots.get_mut(usize::from(slot))?;
        paired(self.hasher, &mut pools.addresses, internal).map(|pool| pool.address)
    }

    /// Gives a port back; nothing if its pool has ended.
    pub fn release(&mut self, slot: u8, epoch: u8, protocol: Protocol, external: Endpoint) {
        let Some(pools) = self.slots.get_mut(usize::from(slot)).filter(|pools| pools.epoch == epoch) else {
            return;
        };
        let pool = pools.addresses.iter_mut().find(|pool| pool.address == external.address);
        if let Some(pool) = pool.and_then(|pool| pool.of(protocol)) {
            pool.set(external.port, false);
        }
    }

    /// Takes an echo identifier of the first address for the gateway itself; the same one again if it is wanted again.
    pub fn reserve_identifier(&mut self, slot: u8, wanted: u16) -> Option<u16> {
        let pools = self.slots.get_mut(usize::from(slot))?;
        let first = pools.addresses.first_mut()?;
        if pools.reserved == Some((first.address, wanted)) {
            return Some(wanted);
        }
        let list = PortList { low: 0, high: u16::MAX };
        let identifier = first.icmp.next_free(list, u32::from(wanted))?;
        first.icmp.set(identifier, true);
        pools.reserved = Some((first.address, identifier));
        Some(identifier)
    }
}

impl AddressPools {
    fn new(address: u32) -> Self {
        Self {
            address,
            icmp: Pool::new(),
            tcp: Pool::new(),
            udp: Pool::new(),
            udp_lite: Pool::new(),
            dccp: Pool::new(),
        }
    }

    /// The pool of a protocol; none without ports.
    fn of(&mut self, protocol: Protocol) -> Option<&mut Pool> {
        Some(match protocol.kind() {
            ProtocolKind::Icmp => &mut self.icmp,
            ProtocolKind::Tcp => &mut self.tcp,
            ProtocolKind::Udp => &mut self.udp,
            ProtocolKind::UdpLite => &mut self.udp_lite,
            ProtocolKind::Dccp => &mut self.dccp,
            ProtocolKind::Portless => return None,
        })
    }
}

impl Pool {
    fn new() -> Self {
        Self { taken: Box::new([0; WORDS]), allocations: 0 }
    }

    fn allocate(&mut self, hasher: SipHasher24, key: InternalKey, address: u32, list: PortList) -> Option<u16> {
        let port = self.choose(hasher, key, address, list)?;
        self.set(port, true);
        self.allocations += 1;
        Some(port)
    }

    fn choose(&self, hasher: SipHasher24, key: InternalKey, address: u32, list: PortList) -> Option<u16> {
        let wanted = key.internal.port;
        // 6056-2, 7857-S9: the port is preserved, and unpredictable only where it is taken.
        if list.contains(wanted) && !self.is_taken(wanted) {
            return Some(wanted);
        }
        let mut last = 0;
        for k in 0..CANDIDATES {
            last = candidate(hasher, key, address, self.allocations, k) % u64::from(list.len());
            let port = list.nth(last as u32);
            if !self.is_taken(port) {
                return Some(port);
            }
        }
        self.next_free(list, last as u32 + 1)
    }

    /// The first free port of a list from its `start`-th entry on, cyclically.
    fn next_free(&self, list: PortList, start: u32) -> Option<u16> {
        let (low, end) = (u32::from(list.low), u32::from(list.high) + 1);
        let middle = (low + start).min(end);
        self.first_free(middle, end).or_else(|| self.first_free(low, middle))
    }

    /// The first free port from `port` on and below `end`. It looks at 64 of them at a time, since whoever has
    /// exhausted a pool makes each new flow search all of it.
    fn first_free(&self, mut port: u32, end: u32) -> Option<u16> {
        while port < end {
            let taken = self.taken.get(port as usize / 64).copied().unwrap_or(u64::MAX);
            let free = !taken >> (port % 64);
            if free != 0 {
                port += free.trailing_zeros();
                return (port < end).then_some(port as u16);
            }
            port = (port / 64 + 1) * 64;
        }
        None
    }

    fn is_taken(&self, port: u16) -> bool {
        let word = self.taken.get(usize::from(port) / 64).copied().unwrap_or(u64::MAX);
        word >> (port % 64) & 1 == 1
    }

    fn set(&mut self, port: u16, taken: bool) {
        if let Some(word) = self.taken.get_mut(usize::from(port) / 64) {
            *word = *word & !(1 << (port % 64)) | u64::from(taken) << (port % 64);
        }
    }
}

impl PortList {
    /// The configured range, cut with the class of the internal port where that leaves anything (4787-R3a).
    fn of(protocol: Protocol, internal_port: u16, range: (u16, u16)) -> Self {
        if protocol == Protocol::ICMP {
            return Self { low: 0, high: u16::MAX };
        }
        let class = if internal_port < 1024 { (1, 1023) } else { (1024, u16::MAX) };
        let (low, high) = (range.0.max(class.0), range.1.min(class.1));
        if low <= high { Self { low, high } } else { Self { low: range.0, high: range.1 } }
    }

    fn len(self) -> u32 {
        u32::from(self.high) - u32::from(self.low) + 1
    }

    fn contains(self, port: u16) -> bool {
        (self.low..=self.high).contains(&port)
    }

    fn nth(self, n: u32) -> u16 {
        (u32::from(self.low) + n) as u16
    }
}

fn candidate(hasher: SipHasher24, key: InternalKey, external: u32, counter: u64, k: u8) -> u64 {
    let mut message = [0; 20];
    let parts: [&[u8]; 6] = [
        &[key.protocol.number()],
        &key.internal.address.to_be_bytes(),
        &key.internal.port.to_be_bytes(),
        &external.to_be_bytes(),
        &counter.to_be_bytes(),
        &[k],
    ];
    for (place, octet) in message.iter_mut().zip(parts.into_iter().flatten()) {
        *place = *octet;
    }
    hasher.hash(&message)
}

/// 4787-R2, 6888-R2: paired pooling, over any set of addresses (6888-R3); a host whose address has no port left
/// gets none of another (7857-S4).
fn paired(hasher: SipHasher24, addresses: &mut [AddressPools], internal: u32) -> Option<&mut AddressPools> {
    // `max_by_key` takes the last of equals, so ties go by position.
    let (_, pool) = addresses
        .iter_mut()
        .enumerate()
        .max_by_key(|(position, pool)| (pairing(hasher, internal, pool.address), core::cmp::Reverse(*position)))?;
    Some(pool)
}

fn pairing(hasher: SipHasher24, internal: u32, external: u32) -> u64 {
    hasher.hash(&(u64::from(internal) << 32 | u64::from(external)).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(address: u32, port: u16) -> InternalKey {
        InternalKey { slot: 0, protocol: Protocol::UDP, internal: Endpoint { address, port } }
    }

    #[test]
    fn a_taken_port_is_replaced_in_its_class_unpredictably_4787_r3a_6056_2() {
        let hasher = SipHasher24::new_with_key(&[1; 16]);
        let mut pool = Pool::new();
        for (port, class) in [(123, 1..=1023), (5000, 1024..=u16::MAX)] {
            let list = PortList::of(Protocol::UDP, port, (1, u16::MAX));
            assert_eq!(pool.allocate(hasher, key(1, port), 9, list), Some(port));
            let second = pool.allocate(hasher, key(2, port), 9, list);
            assert!(second.is_some_and(|second| second != port && class.contains(&second)));
            let other = Pool::new().choose(SipHasher24::new_with_key(&[2; 16]), key(2, 0), 9, list);
            assert_ne!(second, other);
        }
    }

    #[test]
    fn the_next_free_port_is_the_one_that_a_search_port_by_port_finds() {
        let mut pool = Pool::new();
        (0..=u16::MAX).filter(|port| !matches!(port, 0 | 63 | 64 | 130 | 65_535)).for_each(|port| pool.set(port, true));
        for (low, high) in [(0, u16::MAX), (1, 62), (1, 63), (64, 64), (65, 129), (131, 65_534), (131, 65_535)] {
            let list = PortList { low, high };
            for start in [0, 1, 2, 62, 63, 64, 65, 129, 65_535, 65_536, 70_000] {
                let start_in = start.min(list.len());
                let mut naive = (start_in..list.len()).chain(0..start_in).map(|n| list.nth(n));
                let expected = naive.find(|port| !pool.is_taken(*port));
                assert_eq!(pool.next_free(list, start), expected, "{list:?} from {start}");
            }
        }
    }

    #[test]
    fn every_port_is_handed_out_before_the_pool_is_exhausted() {
        let hasher = SipHasher24::new_with_key(&[1; 16]);
        let mut pool = Pool::new();
        let list = PortList::of(Protocol::UDP, 2000, (1500, 1899));
        let mut seen: Vec<u16> = (0..400).filter_map(|host| pool.allocate(hasher, key(host, 2000), 9, list)).collect();
        seen.sort_unstable();
        assert_eq!(seen, (1500..=1899).collect::<Vec<u16>>());
        assert_eq!(pool.allocate(hasher, key(400, 2000), 9, list), None);
        pool.set(1777, false);
        assert_eq!(pool.allocate(hasher, key(400, 2000), 9, list), Some(1777));
    }
}
