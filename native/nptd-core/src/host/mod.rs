//! The host role of the gateway: ARP, neighbour discovery, echo and probes.

pub mod context;
pub mod neighbours;
