//! Filtering behaviour of RFC 4787 section 5: may an inbound packet without a session use a mapping?

/// How strictly inbound packets are matched to what the internal host has contacted (4787-R8a, 5382-R3a, 5597-R3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filtering {
    /// Any remote endpoint may use the mapping.
    EndpointIndependent,
    /// Any port of a remote address that the internal endpoint has contacted may use it (4787-R8).
    #[default]
    AddressDependent,
    /// Only remote endpoints that the internal endpoint has contacted may use it.
    AddressAndPortDependent,
}
