//! Advice about memory that somebody else owns.

use nptd_core::table::Region;

/// The smallest page there is; of larger ones the kernel advises those that lie in between.
const PAGE: usize = 4_096;

/// Asks for huge pages before regions are first written to: a lookup among a million sessions is a walk through page tables
/// otherwise. What the kernel says does not matter, since without them everything works as well.
pub(crate) fn advise_huge(regions: &[Region]) {
    for region in regions {
        let (start, end) = (region.address.next_multiple_of(PAGE), (region.address + region.octets) / PAGE * PAGE);
        if start < end {
            let address = std::ptr::with_exposed_provenance_mut(start);
            // SAFETY: whole pages within memory that the engine has allocated; the advice changes nothing that a program can see.
            unsafe { libc::madvise(address, end - start, libc::MADV_HUGEPAGE) };
        }
    }
}
