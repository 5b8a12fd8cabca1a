//! One worker of several: what it has of ports and tables (docs/decisions.md, "Workers").

/// Most workers of a gateway.
pub const WORKERS_MAX: u8 = 16;

/// The worker with the host role: ARP, ND, router advertisements, echo, probes; it owns the neighbour table.
pub const HOST: u8 = 0;

/// One worker of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    worker: u8,
    workers: u8,
}

impl Share {
    /// The only worker.
    pub const ALONE: Self = Self { worker: 0, workers: 1 };

    /// Worker number `worker` of `workers`, which are 1 to [`WORKERS_MAX`]; none where there is no such worker.
    pub const fn new(worker: u8, workers: u8) -> Option<Self> {
        if worker < workers && workers <= WORKERS_MAX { Some(Self { worker, workers }) } else { None }
    }

    /// Its number.
    pub const fn worker(self) -> u8 {
        self.worker
    }

    /// How many there are.
    pub const fn workers(self) -> u8 {
        self.workers
    }

    /// Whether there is no other.
    pub const fn is_alone(self) -> bool {
        self.workers == 1
    }

    /// What one worker has of a capacity, rounded up.
    pub const fn of_capacity(self, total: u32) -> u32 {
        total.div_ceil(self.workers as u32)
    }

    /// The owner of a port, or of an identifier of ICMP queries. Neighbours of an even and an odd port have the same one, so that
    /// parity can be preserved; the lowest bit is left out, since Linux picks even ports for `connect`.
    pub const fn of_port(self, port: u16) -> u8 {
        if self.is_alone() { 0 } else { (mix16(port >> 1) % self.workers as u16) as u8 }
    }
}

/// Mixes 16 bits, one to one.
const fn mix16(value: u16) -> u16 {
    let value = (value ^ value >> 8).wrapping_mul(0x88b5);
    let value = (value ^ value >> 7).wrapping_mul(0xdb2d);
    value ^ value >> 9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_shared_out_evenly_whatever_step_a_host_takes_them_in() {
        for workers in 2..=WORKERS_MAX {
            let share = Share::new(0, workers).unwrap_or(Share::ALONE);
            for (first, step, count) in [(1024_u16, 1_usize, 64_512), (32_768, 2, 14_000), (49_152, 64, 256)] {
                let mut held = [0_u32; WORKERS_MAX as usize];
                for port in (first..=u16::MAX).step_by(step).take(count) {
                    held[usize::from(share.of_port(port))] += 1;
                }
                let fair = count as f64 / f64::from(workers);
                let spread = 4.0 * fair.sqrt();
                for owned in &held[..usize::from(workers)] {
                    assert!((f64::from(*owned) - fair).abs() <= spread, "{workers} {step}: {held:?}");
                }
            }
        }
    }

    #[test]
    fn an_even_port_and_the_odd_one_after_it_have_the_same_owner_4787_r4() {
        let share = Share::new(1, 5).unwrap_or(Share::ALONE);
        assert!((0..32_768_u16).all(|half| share.of_port(half * 2) == share.of_port(half * 2 + 1)));
        let mut seen: alloc::vec::Vec<u16> = (0..=u16::MAX).map(mix16).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 65_536);
    }

    #[test]
    fn there_is_no_worker_beyond_the_last() {
        assert_eq!((Share::new(2, 2), Share::new(0, 0), Share::new(0, 17)), (None, None, None));
        assert_eq!(Share::new(0, 1), Some(Share::ALONE));
        assert_eq!(Share::new(1, 3).map(|share| (share.of_capacity(4), share.of_capacity(3))), Some((2, 1)));
    }
}
