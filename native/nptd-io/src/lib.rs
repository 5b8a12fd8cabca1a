//! Devices and worker threads: the only part of nptd that talks to the kernel.
//!
//! ```text
//!  control plane's thread                      worker thread
//!  ──────────────────────                      ─────────────
//!  DataPlane::apply ──── PlanCell ───────────▶ adopt, acknowledge
//!  set_probes, inject, sessions ─ Mailbox ───▶ between two batches
//!  counters ◀─────────── relaxed atomics ───── one writer each
//!  events().take ◀────── EventQueue ────────── probe samples, failures
//!  passed().take ◀────── PassedQueue ───────── frames for the gateway itself
//!  open_stream, … ◀────▶ StreamHub ◀─────────▶ TCP connections of the gateway's own
//!                                              │
//!                        Device::receive ──▶ Burst ──▶ DataPath::process ──▶ Device::transmit
//! ```
//!
//! A worker sleeps in `poll` until a device has frames, the bell of its mailbox rings, or its data path has
//! something to do. No header is parsed here but by the TCP stack of `streams`. Unsafe code is in `sys` only.
#![deny(unsafe_code)]

mod burst;
mod clock;
mod commands;
mod counters_snapshot;
mod data_path;
mod data_plane;
mod device;
mod device_health;
mod device_set;
mod error;
mod events;
mod handover;
mod pace;
mod passed;
mod plan_cell;
mod ports;
mod streams;
#[allow(unsafe_code)]
mod sys;
mod worker;

pub use burst::{Burst, Origin, Received};
pub use counters_snapshot::{CountersSnapshot, FlowCount, TrafficCount, VerdictCount};
pub use data_plane::{DataPlane, DataPlaneOptions, WORKERS_MAX, panic_message};
pub use device::{Device, DeviceKind, DeviceSpec, Outgoing, Transmitted};
pub use error::{ApplyError, CommandError, DeviceError, OpenError, Step, Stopped};
pub use events::{DeviceId, Event, EventQueue};
pub use passed::{PassedFrame, PassedQueue};
pub use streams::{StreamFailure, StreamNews, StreamTarget};
