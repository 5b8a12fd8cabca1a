//! The host role of the gateway: ARP, neighbour discovery, router advertisements, echo and probes.

pub mod arp;
pub mod context;
pub mod duplicate_addresses;
pub mod echo;
pub mod link_duties;
mod nd_message;
pub mod neighbour_discovery;
pub mod neighbour_proxy;
pub mod neighbours;
pub mod probes;
pub mod router_advertisement;
mod router_message;
