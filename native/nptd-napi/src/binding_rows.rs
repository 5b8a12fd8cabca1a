//! Rows of the tables, in the words of `src/reference/translator.ts`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4};

use napi_derive::napi;
use nptd_core::filter::{self, FilterRow};
use nptd_core::nat44::{Endpoint, MappingRow, SessionRow};

/// `SessionRow`.
#[napi(object, object_from_js = false)]
pub struct BindingSessionRow {
    /// Protocol.
    #[napi(
        ts_type = "'udp' | 'tcp' | 'icmp' | 'udp-lite' | 'dccp' | 'gre' | 'esp' | 'icmpv6' | 'sctp' | `ip-${number}`"
    )]
    pub protocol: String,
    /// Internal endpoint, `a.b.c.d:port` or `[address]:port`.
    pub internal: String,
    /// External endpoint.
    pub external: String,
    /// Remote endpoint.
    pub remote: String,
    /// What the internal host sees in its place, if that is another one.
    pub apparent: Option<String>,
    /// Slot of the uplink.
    pub uplink_slot: u8,
    /// Number of the policy that it began under.
    pub policy: u8,
    /// State of the TCP machine.
    pub tcp_state: Option<&'static str>,
    /// Milliseconds until it ends if nothing refreshes it.
    pub expires_in_ms: f64,
}

/// `MappingRow`.
#[napi(object, object_from_js = false)]
pub struct BindingMappingRow {
    /// Protocol.
    #[napi(
        ts_type = "'udp' | 'tcp' | 'icmp' | 'udp-lite' | 'dccp' | 'gre' | 'esp' | 'icmpv6' | 'sctp' | `ip-${number}`"
    )]
    pub protocol: String,
    /// Internal endpoint, `a.b.c.d:port`.
    pub internal: String,
    /// External endpoint.
    pub external: String,
    /// Slot of the uplink.
    pub uplink_slot: u8,
    /// Live sessions that use it.
    pub sessions: u32,
}

impl From<SessionRow> for BindingSessionRow {
    fn from(row: SessionRow) -> Self {
        Self {
            protocol: protocol(row.protocol.number()),
            internal: endpoint(row.internal),
            external: endpoint(row.external),
            remote: endpoint(row.remote),
            apparent: row.apparent.map(endpoint),
            uplink_slot: row.slot,
            policy: row.policy,
            tcp_state: row.tcp_state.map(|state| state.name()),
            expires_in_ms: row.expires_in_ms as f64,
        }
    }
}

impl From<FilterRow> for BindingSessionRow {
    fn from(row: FilterRow) -> Self {
        Self {
            protocol: protocol(row.protocol.number()),
            internal: endpoint6(row.internal),
            external: endpoint6(row.external),
            remote: endpoint6(row.remote),
            apparent: None,
            uplink_slot: row.slot,
            policy: row.policy,
            tcp_state: row.tcp_state.map(|state| state.name()),
            expires_in_ms: row.expires_in_ms as f64,
        }
    }
}

impl From<MappingRow> for BindingMappingRow {
    fn from(row: MappingRow) -> Self {
        Self {
            protocol: protocol(row.protocol.number()),
            internal: endpoint(row.internal),
            external: endpoint(row.external),
            uplink_slot: row.slot,
            sessions: row.sessions,
        }
    }
}

/// `ProtocolName`.
fn protocol(number: u8) -> String {
    let name = match number {
        1 => "icmp",
        6 => "tcp",
        17 => "udp",
        33 => "dccp",
        47 => "gre",
        50 => "esp",
        58 => "icmpv6",
        132 => "sctp",
        136 => "udp-lite",
        _ => return format!("ip-{number}"),
    };
    name.to_owned()
}

fn endpoint6(endpoint: filter::Endpoint) -> String {
    format!("[{}]:{}", Ipv6Addr::from(endpoint.address), endpoint.port)
}

fn endpoint(endpoint: Endpoint) -> String {
    SocketAddrV4::new(Ipv4Addr::from(endpoint.address), endpoint.port).to_string()
}
