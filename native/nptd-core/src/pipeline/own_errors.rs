//! stub
#![allow(missing_docs)]
use crate::frame::DeviceIndex;
use crate::host::context::Context;
use crate::host::neighbours::Neighbours;
#[derive(Clone, Copy, Debug)]
pub struct IcmpError { pub kind: u8, pub code: u8, pub word: u32 }
impl IcmpError {
    pub const fn unreachable4(code: u8) -> Self { Self { kind: 3, code, word: 0 } }
    pub const fn time_exceeded4() -> Self { Self { kind: 11, code: 0, word: 0 } }
    pub const fn fragmentation_needed(mtu: u16) -> Self { Self { kind: 3, code: 4, word: mtu as u32 } }
    pub const fn unreachable6(code: u8) -> Self { Self { kind: 1, code, word: 0 } }
    pub const fn time_exceeded6() -> Self { Self { kind: 3, code: 0, word: 0 } }
    pub const fn packet_too_big(mtu: u16) -> Self { Self { kind: 2, code: 0, word: mtu as u32 } }
    pub const fn parameter_problem6(word: u32) -> Self { Self { kind: 4, code: 0, word } }
}
pub struct OwnErrors;
impl OwnErrors {
    pub fn new() -> Self { Self }
    pub fn error4(&mut self, _: &mut Context<'_>, _: &mut Neighbours, _: &[u8], _: DeviceIndex, _: IcmpError) {}
    pub fn error6(&mut self, _: &mut Context<'_>, _: &mut Neighbours, _: &[u8], _: DeviceIndex, _: IcmpError) {}
    pub fn reset4(&mut self, _: &mut Context<'_>, _: &mut Neighbours, _: &[u8], _: DeviceIndex) {}
}
