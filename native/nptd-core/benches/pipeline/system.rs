//! What a benchmark needs of the operating system: huge pages, as nptd-io advises them, and the time that this thread has had.

use std::ffi::{c_int, c_long, c_void};
use std::time::Duration;

use nptd_core::table::Region;

/// `MADV_HUGEPAGE`, `MADV_NOHUGEPAGE` and `CLOCK_THREAD_CPUTIME_ID` of Linux.
const HUGE_PAGE: c_int = 14;
const NO_HUGE_PAGE: c_int = 15;
const THREAD_TIME: c_int = 3;
const PAGE: usize = 4_096;

#[repr(C)]
struct TimeSpec {
    seconds: i64,
    nanoseconds: c_long,
}

unsafe extern "C" {
    fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int;
    fn clock_gettime(clock: c_int, time: *mut TimeSpec) -> c_int;
}

/// Before anything is written there; what the kernel says does not matter.
pub fn advise_pages(regions: Vec<Region>, are_huge: bool) {
    let advice = if are_huge { HUGE_PAGE } else { NO_HUGE_PAGE };
    for region in regions {
        let start = region.address.next_multiple_of(PAGE);
        let end = (region.address + region.octets) / PAGE * PAGE;
        if start < end {
            // SAFETY: advice about whole pages of memory that the engine owns changes nothing that a program can see.
            unsafe { madvise(std::ptr::with_exposed_provenance_mut(start), end - start, advice) };
        }
    }
}

/// A moment in the time that this thread has spent on a processor: what others do there is left out, but for what they do to caches.
#[derive(Clone, Copy)]
pub struct Clock(Duration);

impl Clock {
    pub fn now() -> Self {
        let mut time = TimeSpec { seconds: 0, nanoseconds: 0 };
        // SAFETY: the kernel writes one timespec to where one is.
        unsafe { clock_gettime(THREAD_TIME, &mut time) };
        Self(Duration::new(time.seconds as u64, time.nanoseconds as u32))
    }

    pub fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}
