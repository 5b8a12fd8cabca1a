//! Big-endian reads and writes at an offset.

/// The octet at `at`; zero beyond the end.
#[inline]
pub fn u8_at(octets: &[u8], at: usize) -> u8 {
    octets.get(at).copied().unwrap_or(0)
}

/// The 16-bit number at `at`; zero beyond the end.
#[inline]
pub fn u16_at(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(array_at(octets, at))
}

/// The 32-bit number at `at`; zero beyond the end.
#[inline]
pub fn u32_at(octets: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(array_at(octets, at))
}

/// The 128-bit number at `at`; zero beyond the end.
#[inline]
pub fn u128_at(octets: &[u8], at: usize) -> u128 {
    u128::from_be_bytes(array_at(octets, at))
}

/// `N` octets at `at`; zeros beyond the end.
#[inline]
pub fn array_at<const N: usize>(octets: &[u8], at: usize) -> [u8; N] {
    let found = octets.get(at..).and_then(|rest| rest.first_chunk::<N>());
    found.copied().unwrap_or([0; N])
}

/// Writes octets at `at`; nothing where they do not fit.
#[inline]
pub fn set_array<const N: usize>(octets: &mut [u8], at: usize, value: [u8; N]) {
    if let Some(place) = octets.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<N>()) {
        *place = value;
    }
}

/// Writes one octet at `at`.
#[inline]
pub fn set_u8(octets: &mut [u8], at: usize, value: u8) {
    set_array(octets, at, [value]);
}

/// Writes a 16-bit number at `at`.
#[inline]
pub fn set_u16(octets: &mut [u8], at: usize, value: u16) {
    set_array(octets, at, value.to_be_bytes());
}

/// Writes a 32-bit number at `at`.
#[inline]
pub fn set_u32(octets: &mut [u8], at: usize, value: u32) {
    set_array(octets, at, value.to_be_bytes());
}

/// Writes a 128-bit number at `at`.
#[inline]
pub fn set_u128(octets: &mut [u8], at: usize, value: u128) {
    set_array(octets, at, value.to_be_bytes());
}

/// The octets from `at` on; none beyond the end.
#[inline]
pub fn tail(octets: &[u8], at: usize) -> &[u8] {
    octets.get(at..).unwrap_or(&[])
}

/// The octets from `at` on, to be changed.
#[inline]
pub fn tail_mut(octets: &mut [u8], at: usize) -> &mut [u8] {
    octets.get_mut(at..).unwrap_or(&mut [])
}

/// Copies as much of `from` as fits to `at`.
#[inline]
pub fn copy_to(octets: &mut [u8], at: usize, from: &[u8]) {
    let place = tail_mut(octets, at);
    let count = place.len().min(from.len());
    if let (Some(place), Some(from)) = (place.get_mut(..count), from.get(..count)) {
        place.copy_from_slice(from);
    }
}
