//! `CLOCK_MONOTONIC`: the only clock that anything in nptd's data path reads.

/// Microseconds since an arbitrary origin, the same for all threads and processes of this machine.
pub(crate) fn monotonic_us() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid, writable timespec for the whole call.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec.unsigned_abs() * 1_000_000 + time.tv_nsec.unsigned_abs() / 1_000
}

#[cfg(test)]
mod tests {
    use super::monotonic_us;

    #[test]
    fn the_clock_counts_microseconds() {
        let before = monotonic_us();
        std::thread::sleep(std::time::Duration::from_millis(20));
        let passed = monotonic_us() - before;
        assert!((20_000..2_000_000).contains(&passed), "{passed} us");
    }
}
