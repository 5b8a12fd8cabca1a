//! The release of the kernel, for what it does not say otherwise.

use std::fs;

/// Whether this kernel is of that release or a later one; not, if it does not say.
pub(crate) fn is_at_least(wanted: (u32, u32)) -> bool {
    let text = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    release_of(&text).is_some_and(|release| release >= wanted)
}

/// Its first two numbers.
fn release_of(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|octet: char| !octet.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::{is_at_least, release_of};

    #[test]
    fn releases_are_read_whatever_follows() {
        assert_eq!(release_of("6.18.44-fc\n"), Some((6, 18)));
        assert_eq!(release_of("7.0-rc1"), Some((7, 0)));
        assert_eq!(release_of("unknown"), None);
        assert!(is_at_least((2, 6)));
        assert!(!is_at_least((u32::MAX, 0)));
    }
}
