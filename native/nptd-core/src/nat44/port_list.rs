//! The ports that an endpoint may get, in rising order (docs/decisions.md, "External address and port"): those of its worker,
//! of its class (4787-R3a), and of its parity if that is wanted (4787-R4, 7857-S8).

use alloc::boxed::Box;

use super::Protocol;
use crate::share::Share;

/// Words of one bit per port.
pub(super) const WORDS: usize = 65_536 / 64;

/// Bits of the even ports of a word.
const EVEN: u64 = 0x5555_5555_5555_5555;

/// The ports of one worker of several. Of an even port and the odd one after it both are among them, or none.
pub(super) struct OwnPorts {
    /// One bit per port.
    ports: Box<[u64; WORDS]>,
    /// How many there are below each word.
    ranks: Box<[u16; WORDS]>,
}

impl OwnPorts {
    /// None for a worker that is alone: all ports are its own.
    pub fn of(share: Share) -> Option<Self> {
        if share.is_alone() {
            return None;
        }
        let (mut ports, mut ranks) = (Box::new([0; WORDS]), Box::new([0; WORDS]));
        let mut count = 0_u16;
        for (first, (word, rank)) in (0_u16..=u16::MAX).step_by(64).zip(ports.iter_mut().zip(ranks.iter_mut())) {
            *rank = count;
            for bit in (0..64_u16).filter(|bit| share.of_port(first + bit) == share.worker()) {
                *word |= 1_u64 << bit;
            }
            count += u64::count_ones(*word) as u16;
        }
        Some(Self { ports, ranks })
    }

    /// How many of a step and the bits that go with it are below a port; of every second port there are half as many in each word.
    fn rank(&self, port: u32, step: u16, bits: u64) -> u32 {
        let word = port as usize / 64;
        let (Some(ports), Some(rank)) = (self.ports.get(word), self.ranks.get(word)) else {
            let last = WORDS - 1;
            let before = self.ranks.get(last).map_or(0, |rank| u32::from(*rank));
            let within = self.ports.get(last).map_or(0, |ports| ports.count_ones());
            return (before + within) / u32::from(step);
        };
        let below = ports & bits & !(u64::MAX << (port % 64));
        u32::from(rank / step) + below.count_ones()
    }

    /// The port with so many below it.
    fn select(&self, rank: u32, step: u16, bits: u64) -> u16 {
        let word = self.ranks.partition_point(|below| u32::from(below / step) <= rank).saturating_sub(1);
        let (Some(ports), Some(below)) = (self.ports.get(word), self.ranks.get(word)) else { return 0 };
        let mut left = ports & bits;
        for _ in 0..rank - u32::from(below / step) {
            left &= left.wrapping_sub(1);
        }
        (word as u32 * 64 + left.trailing_zeros()) as u16
    }
}

/// Ports in rising order from `low` to `high`: all of them, or every second one, as far as they are of one worker.
#[derive(Clone, Copy)]
pub(super) struct PortList<'a> {
    low: u16,
    high: u16,
    step: u16,
    own: Option<&'a OwnPorts>,
}

/// Whether [`PortList::of`] an internal port has that port itself, which is of its own class and parity.
#[inline]
pub(super) fn has_own(protocol: Protocol, port: u16, range: (u16, u16), own: Option<&OwnPorts>) -> bool {
    let (low, high) = if protocol == Protocol::ICMP { (0, u16::MAX) } else { (range.0.max(1), range.1) };
    (low..=high).contains(&port) && PortList::between(low, high, own).contains(port)
}

impl<'a> PortList<'a> {
    /// Every port of a worker.
    pub const fn all(own: Option<&'a OwnPorts>) -> Self {
        Self::between(0, u16::MAX, own)
    }

    /// Its ports in a range.
    pub const fn between(low: u16, high: u16, own: Option<&'a OwnPorts>) -> Self {
        Self { low, high, step: 1, own }
    }

    /// The configured range, cut with the class of the internal port where that leaves anything (4787-R3a), and of
    /// that the ports of its parity where they are to be preserved and there are any (4787-R4, 7857-S8).
    pub fn of(
        protocol: Protocol,
        internal_port: u16,
        range: (u16, u16),
        preserves_parity: bool,
        own: Option<&'a OwnPorts>,
    ) -> Self {
        if protocol == Protocol::ICMP {
            return Self::all(own);
        }
        let class = if internal_port < 1024 { (1, 1023) } else { (1024, u16::MAX) };
        let (low, high) = (range.0.max(class.0), range.1.min(class.1));
        let of_class = Self::between(low, high, own);
        let is_usable = low <= high && (own.is_none() || of_class.len() > 0);
        let all = if is_usable { of_class } else { Self::between(range.0, range.1, own) };
        // From the range's first and to its last port of the parity.
        let off = |port: u16| (port ^ internal_port) & 1;
        let (low, high) =
            (u32::from(all.low) + u32::from(off(all.low)), u32::from(all.high) - u32::from(off(all.high)));
        if !preserves_parity || low > high {
            return all;
        }
        let alike = Self { low: low as u16, high: high as u16, step: 2, own };
        if own.is_none() || alike.len() > 0 { alike } else { all }
    }

    /// How many there are.
    pub fn len(self) -> u32 {
        match self.own {
            Some(own) => own.rank(u32::from(self.high) + 1, self.step, self.bits()) - self.base(own),
            None => u32::from(self.high - self.low) / u32::from(self.step) + 1,
        }
    }

    /// Whether a port is one of them.
    pub fn contains(self, port: u16) -> bool {
        (self.low..=self.high).contains(&port)
            && (port - self.low).is_multiple_of(self.step)
            && self.bits_in(usize::from(port) / 64) >> (port % 64) & 1 == 1
    }

    /// The one at a position below [`Self::len`].
    pub fn nth(self, n: u32) -> u16 {
        match self.own {
            Some(own) => own.select(self.base(own) + n, self.step, self.bits()),
            None => (u32::from(self.low) + n * u32::from(self.step)) as u16,
        }
    }

    /// The lowest and the highest port that it may have.
    pub const fn ends(self) -> (u16, u16) {
        (self.low, self.high)
    }

    /// Which ports of an aligned word of 64 could belong to it.
    pub fn bits_in(self, word: usize) -> u64 {
        let own = self.own.map_or(u64::MAX, |own| own.ports.get(word).copied().unwrap_or(0));
        own & self.bits()
    }

    const fn bits(self) -> u64 {
        match (self.step, self.low % 2) {
            (1, _) => u64::MAX,
            (_, 0) => EVEN,
            _ => !EVEN,
        }
    }

    fn base(self, own: &OwnPorts) -> u32 {
        own.rank(u32::from(self.low), self.step, self.bits())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn ports(list: PortList<'_>) -> Vec<u16> {
        (0..list.len()).map(|n| list.nth(n)).collect()
    }

    #[test]
    fn of_a_parity_the_list_holds_its_ports_and_all_where_there_are_none_4787_r4_7857_s8() {
        for range in [(1, u16::MAX), (1500, 1501), (1500, 1500), (1501, 1501), (65_534, u16::MAX), (1, 1)] {
            for internal in [1, 2, 1023, 1024, 2000, 2001, u16::MAX] {
                let all = PortList::of(Protocol::UDP, internal, range, false, None);
                let wanted: Vec<u16> = ports(all).into_iter().filter(|port| port % 2 == internal % 2).collect();
                let expected = if wanted.is_empty() { ports(all) } else { wanted };
                let parity = PortList::of(Protocol::UDP, internal, range, true, None);
                assert_eq!(ports(parity), expected, "{range:?} {internal}");
                assert!(expected.iter().all(|port| parity.contains(*port)));
            }
        }
    }

    #[test]
    fn of_several_workers_each_has_its_ports_of_the_same_lists() {
        for workers in [2, 3, 16] {
            for (range, internal, parity) in [
                ((1, u16::MAX), 5000, false),
                ((1, u16::MAX), 5001, true),
                ((1, u16::MAX), 80, false),
                ((1499, 1502), 2000, true),
                ((1023, 3000), 7, true),
                ((65_533, u16::MAX), 9, false),
            ] {
                for worker in 0..workers {
                    let share = Share::new(worker, workers).unwrap_or(Share::ALONE);
                    let own = OwnPorts::of(share);
                    let expected = by_definition(share, range, internal, parity);
                    let list = PortList::of(Protocol::TCP, internal, range, parity, own.as_ref());
                    assert_eq!(ports(list), expected, "{share:?} {range:?} {internal} {parity}");
                    let contained: Vec<u16> = (0..=u16::MAX).filter(|port| list.contains(*port)).collect();
                    assert_eq!(contained, expected);
                    let has_own = has_own(Protocol::TCP, internal, range, own.as_ref());
                    assert_eq!(has_own, contained.contains(&internal), "{share:?} {range:?} {internal} {parity}");
                }
            }
        }
    }

    fn by_definition(share: Share, range: (u16, u16), internal: u16, parity: bool) -> Vec<u16> {
        let own: Vec<u16> = (range.0..=range.1).filter(|port| share.of_port(*port) == share.worker()).collect();
        let cut = |list: Vec<u16>, is_kept: &dyn Fn(u16) -> bool| {
            let kept: Vec<u16> = list.iter().copied().filter(|port| is_kept(*port)).collect();
            if kept.is_empty() { list } else { kept }
        };
        let of_class = cut(own, &|port| (port < 1024) == (internal < 1024));
        cut(of_class, &|port| !parity || port % 2 == internal % 2)
    }
}
