//! What stateful translation and filtering share: filtering modes, lifetimes, the TCP machine, limits on own errors.

pub mod filtering;
pub mod fragments;
pub mod graves;
pub mod held;
pub mod leaving;
pub mod protocol;
pub mod rate_limit;
pub mod remains;
pub mod round_trips;
pub mod segment;
pub mod settled;
pub mod steering;
pub mod tcp_state;
pub mod tcp_tracking;
pub mod wheel;

pub use crate::wire::endpoint;
