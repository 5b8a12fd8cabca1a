//! Stateful NAT44 with port translation.
