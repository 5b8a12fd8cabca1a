//! The host role of the gateway: ARP, neighbour discovery, echo and probes.

pub mod arp;
pub mod context;
pub mod echo;
mod nd_message;
pub mod neighbour_discovery;
pub mod neighbours;
pub mod probes;
