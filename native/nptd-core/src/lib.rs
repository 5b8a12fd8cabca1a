//! The pure data path of nptd: frames in, frames out.
//!
//! ```text
//!  receive (nptd-io)                                             transmit (nptd-io)
//!      │                                                              ▲
//!      ▼                                                              │
//!  [Frame; n] ─▶ parse ─▶ steer ─▶ translate (nat44 | nptv6) ─▶ egress ─▶ Verdict, counter
//!                  │        │            │                        │
//!                  ▼        ▼            ▼                        ▼
//!               host role (ARP, ND, echo, probes)          OutputPool (errors, resets,
//!                                                          fragments, released frames)
//! ```
//!
//! Nothing here reads a clock, a socket or a random source: time and secrets are arguments.
//! Memory is allocated by constructors and by [`pipeline::Engine::adopt`], never per packet.
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;

pub mod arch;
pub mod counters;
pub mod frame;
pub mod news;
pub mod output;
pub mod share;
pub mod super_packet;
pub mod time;
pub mod train;
pub mod verdict;

pub mod table;
pub mod wire;

pub mod filter;
pub mod host;
pub mod nat44;
pub mod nptv6;
pub mod pipeline;
pub mod plan;
pub mod session;
