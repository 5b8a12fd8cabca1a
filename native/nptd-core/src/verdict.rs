//! What became of a packet: one verdict each, and each verdict one counter.
//!
//! The sentences here are the documentation of the counters: `docs/counters.md` is generated from them.

/// Declares an enum without fields whose doc sentences are also available at run time.
macro_rules! catalogue {
    ($(#[$outer:meta])* $name:ident { $($(#[doc = $doc:literal])+ $variant:ident,)+ }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[doc = $doc])+ $variant,)+ }

        impl $name {
            /// Every variant, in the order of its index.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The name under which the counter is shown.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => stringify!($variant),)+ }
            }

            /// The sentence that documents the counter.
            pub const fn sentence(self) -> &'static str {
                match self { $($name::$variant => concat!($($doc,)+).trim_ascii(),)+ }
            }

            /// Position in [`Self::ALL`].
            pub const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

catalogue! {
/// Why a packet was dropped.
DropReason {
    /// The frame has not been through the pipeline; seen only if the pipeline itself is at fault.
    NotProcessed,
    /// The frame came from a device that the plan does not know.
    UnknownDevice,
    /// The frame is shorter than the headers it claims to have.
    Truncated,
    /// The frame is longer than any device may deliver.
    FrameTooLong,
    /// The frame is addressed to another station on the link.
    NotForThisStation,
    /// The frame carries a VLAN tag on a device that has none configured.
    VlanTagged,
    /// The EtherType is neither IPv4, IPv6 nor ARP.
    UnsupportedEtherType,
    /// The ARP packet is malformed or not about IPv4 over Ethernet.
    ArpMalformed,
    /// The IPv4 version, header length or total length field contradicts the packet.
    Ipv4HeaderInvalid,
    /// The IPv4 header checksum is wrong.
    Ipv4ChecksumWrong,
    /// The IPv4 packet carries a source route.
    Ipv4SourceRouted,
    /// The IPv6 version or payload length field contradicts the packet.
    Ipv6HeaderInvalid,
    /// The IPv6 extension headers are malformed, or more than the engine walks.
    Ipv6ExtensionInvalid,
    /// The IPv6 packet carries a routing header of type 0.
    Ipv6RoutingType0,
    /// The transport header is cut short or contradicts the packet's length.
    TransportInvalid,
    /// The source address may never appear as a source on the wire.
    MartianSource,
    /// The destination address may never be forwarded to.
    MartianDestination,
    /// Multicast and broadcast are not forwarded between site and uplinks.
    MulticastNotForwarded,
    /// An ICMP error in fragments, which is not translated.
    FragmentNotTracked,
    /// The first fragment of the datagram was refused, and so are the others.
    FragmentRefused,
    /// Too many fragments wait for their first one, or too many datagrams are in fragments.
    FragmentStoreFull,
    /// The source of a packet from the site belongs to no internal prefix.
    SourceNotInternal,
    /// A packet from an uplink claims a source inside the site.
    SpoofedSource,
    /// A packet from an uplink is for an address that this uplink does not own.
    NotForThisUplink,
    /// No route leads to the destination.
    NoRoute,
    /// No uplink carries this address family, or none may carry this packet.
    NoUplink,
    /// The time to live or hop limit ran out here.
    HopLimitExceeded,
    /// The packet is longer than the next link takes and may not be fragmented.
    TooBig,
    /// The protocol has no translation rule.
    UnsupportedProtocol,
    /// No mapping exists for the external endpoint the packet was sent to.
    NoMapping,
    /// A mapping exists, but filtering does not admit this remote endpoint.
    FilteredInbound,
    /// A TCP segment in the middle of a connection that the engine does not know.
    TcpWithoutSession,
    /// A DCCP packet in the middle of a connection that the engine does not know.
    DccpWithoutSession,
    /// A packet of a protocol without ports, whose remote address another internal host already speaks to.
    RemoteInUse,
    /// The packet belongs to a session whose uplink is down.
    UplinkDown,
    /// Every external port of the class is taken or resting.
    PortPoolExhausted,
    /// The mapping table is full.
    MappingTableFull,
    /// The session table is full.
    SessionTableFull,
    /// The table of internal hosts is full.
    HostTableFull,
    /// An internal host begins new flows too fast.
    HostFlowRate,
    /// An internal host has as many sessions as it may have.
    HostSessionLimit,
    /// An internal host has as many mappings of the protocol as it may have.
    HostMappingLimit,
    /// A mapping has as many sessions as it may have.
    MappingSessionLimit,
    /// The ICMP type is neither a translatable query nor an error, or not one for a gateway to answer.
    IcmpTypeNotForwarded,
    /// The checksum of an ICMP or ICMPv6 message is wrong.
    IcmpChecksumWrong,
    /// The packet quoted in an ICMP error is cut too short, malformed, or itself an ICMP error.
    IcmpQuoteInvalid,
    /// The packet quoted in an ICMP error matches no session, mapping or prefix.
    IcmpQuoteUnknown,
    /// The internal subnet has no external counterpart under the prefix pair.
    SubnetNotMapped,
    /// The interface identifier is all zeros, which RFC 6296 section 3.7 drops.
    InterfaceIdAllZeros,
    /// The interface identifier is all ones, which cannot be adjusted.
    InterfaceIdAllOnes,
    /// A neighbour discovery message is malformed or did not come from the link.
    NeighbourDiscoveryInvalid,
    /// The next hop did not answer address resolution.
    NeighbourUnreachable,
    /// The neighbour table is full.
    NeighbourTableFull,
    /// Too many frames wait for address resolution already.
    ResolutionQueueFull,
    /// The way to the control plane is full or over its rate.
    PassQueueFull,
    /// No room was left in the pool of extra outputs for what this packet needed.
    OutputPoolFull,
    /// The device did not take the frame.
    TransmitFailed,
    /// The way to the worker that the packet belongs to was full.
    WorkerRingFull,
}
}

catalogue! {
/// A frame that the engine made, or released, beside the verdict of an input frame.
OutputKind {
    /// An ICMP or ICMPv6 error about a packet.
    IcmpError,
    /// A TCP reset.
    TcpReset,
    /// A fragment of a packet that was too long for the next link.
    Fragment,
    /// A fragment that came before the first one of its datagram, translated and sent after it.
    ReleasedFragment,
    /// A segment cut from a super-packet.
    Segment,
    /// An ARP request or neighbour solicitation.
    NeighbourRequest,
    /// A router advertisement, or a part of a long one.
    Advertisement,
    /// A frame that waited for address resolution and could then be sent.
    Released,
    /// A probe packet.
    Probe,
    /// A frame that the control plane asked to send.
    Injected,
}
}

catalogue! {
/// An output that was called for and not made.
Suppressed {
    /// An ICMP error was due, but the rate limit refused it.
    IcmpErrorRateLimited,
    /// A TCP reset was due, but the rate limit refused it.
    TcpResetRateLimited,
    /// An output was due, but the pool of extra outputs was full.
    OutputPoolFull,
    /// A frame that waited for address resolution was given up.
    ResolutionFailed,
    /// A stored fragment was given up: its first one did not come in time, or was refused.
    FragmentGivenUp,
    /// An output was ready, but its next hop is not resolved.
    NeighbourUnresolved,
    /// A packet cut from a super-packet was refused, or for the gateway itself, though the first one went its way.
    SegmentGivenUp,
    /// A message between workers was lost: the way to the other one was full.
    NewsLost,
}
}

/// The single outcome of one input frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Sent on, possibly translated, by the frame's egress device.
    Forward,
    /// Turned round in place as an answer (ARP, neighbour discovery, echo) by the frame's egress device.
    Reply,
    /// For the gateway itself, and used up by it (an ARP reply, the answer to a probe).
    Consumed,
    /// Waits for address resolution.
    Queued,
    /// For the gateway itself, handed to the control plane.
    Pass,
    /// Belongs to another worker, whose number this is; nothing has been done to it. That one gives it a verdict.
    HandedOver(u8),
    /// Dropped.
    Drop(DropReason),
}

/// Number of distinct counters of [`Verdict`].
pub const VERDICT_COUNT: usize = OUTCOMES + DropReason::ALL.len();

/// Those of them that are no drops.
const OUTCOMES: usize = 6;

impl Verdict {
    /// Position of this verdict's counter, below [`VERDICT_COUNT`].
    pub const fn index(self) -> usize {
        match self {
            Verdict::Forward => 0,
            Verdict::Reply => 1,
            Verdict::Consumed => 2,
            Verdict::Queued => 3,
            Verdict::Pass => 4,
            Verdict::HandedOver(_) => 5,
            Verdict::Drop(reason) => OUTCOMES + reason.index(),
        }
    }

    /// Name and sentence of the counter at a position; none beyond [`VERDICT_COUNT`].
    pub fn describe(index: usize) -> Option<(&'static str, &'static str)> {
        Some(match index {
            0 => ("Forward", "Sent on, possibly translated."),
            1 => ("Reply", "Turned round as an answer: ARP, neighbour discovery or echo."),
            2 => ("Consumed", "For the gateway itself, and used up by it: an ARP reply, the answer to a probe."),
            3 => ("Queued", "Waits for address resolution of its next hop."),
            4 => ("Pass", "For the gateway itself, handed to the control plane."),
            5 => ("HandedOver", "Handed over to the worker that it belongs to, which counts what becomes of it."),
            _ => {
                let reason = *DropReason::ALL.get(index - OUTCOMES)?;
                (reason.name(), reason.sentence())
            }
        })
    }
}
