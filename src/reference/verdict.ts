/** How a packet ends, before own errors and resets are made of it. */

/** The drop reasons that a packet without link header can meet. */
export type DropReason =
  | 'UnknownDevice'
  | 'Truncated'
  | 'UnsupportedEtherType'
  | 'Ipv4HeaderInvalid'
  | 'Ipv4ChecksumWrong'
  | 'Ipv4SourceRouted'
  | 'Ipv6HeaderInvalid'
  | 'Ipv6ExtensionInvalid'
  | 'Ipv6RoutingType0'
  | 'TransportInvalid'
  | 'MartianSource'
  | 'MartianDestination'
  | 'MulticastNotForwarded'
  | 'FragmentNotTracked'
  | 'FragmentRefused'
  | 'FragmentStoreFull'
  | 'SourceNotInternal'
  | 'SpoofedSource'
  | 'NotForThisUplink'
  | 'NoRoute'
  | 'NoUplink'
  | 'HopLimitExceeded'
  | 'TooBig'
  | 'UnsupportedProtocol'
  | 'NoMapping'
  | 'FilteredInbound'
  | 'TcpWithoutSession'
  | 'DccpWithoutSession'
  | 'UplinkDown'
  | 'PortPoolExhausted'
  | 'MappingTableFull'
  | 'SessionTableFull'
  | 'RemoteInUse'
  | 'HostTableFull'
  | 'HostFlowRate'
  | 'HostSessionLimit'
  | 'HostMappingLimit'
  | 'MappingSessionLimit'
  | 'IcmpTypeNotForwarded'
  | 'IcmpChecksumWrong'
  | 'IcmpQuoteInvalid'
  | 'IcmpQuoteUnknown'
  | 'SubnetNotMapped'
  | 'InterfaceIdAllZeros'
  | 'InterfaceIdAllOnes'
  | 'NeighbourDiscoveryInvalid';

/** The ICMP or ICMPv6 error that a drop calls for. */
export interface ErrorRequest {
  readonly type: number;
  readonly code: number;
  /** The 32 bits after the checksum: an MTU, a pointer, or 0. */
  readonly word: number;
}

export interface Dropped {
  readonly kind: 'dropped';
  readonly reason: DropReason;
  readonly error?: ErrorRequest;
  /** A TCP reset is due to the sender. */
  readonly reset?: true;
  /** Nobody asked for it: where it opens a connection it is held, and no error goes out now. */
  readonly unsolicited?: true;
}

export interface Forwarded {
  readonly kind: 'forwarded';
  readonly device: number;
  /** The packet, or its fragments in order. */
  readonly pieces: readonly Uint8Array[];
  /** Fragments that waited for this one, by the same device. */
  readonly followers?: readonly Follower[];
}

export interface Follower {
  readonly octets: Uint8Array;
  /** `Fragment`: a piece of one that had to be fragmented again. */
  readonly kind: 'ReleasedFragment' | 'Fragment';
}

/** A fragment that waits for the first one of its datagram. */
export interface Queued {
  readonly kind: 'queued';
}

/** Answered by the device it came in by. */
export interface Replied {
  readonly kind: 'replied';
  readonly octets: Uint8Array;
}

/** For the gateway itself, and left to the control plane. */
export interface Passed {
  readonly kind: 'passed';
}

export type Outcome = Dropped | Forwarded | Queued | Replied | Passed;

export function dropped(reason: DropReason, error?: ErrorRequest): Dropped {
  return error === undefined ? { kind: 'dropped', reason } : { kind: 'dropped', reason, error };
}

/** The drop of a packet that nobody asked for, with the error that is due at once where it is not held. */
export function droppedUnsolicited(reason: 'NoMapping' | 'FilteredInbound', error?: ErrorRequest): Dropped {
  return { ...dropped(reason, error), unsolicited: true };
}

/** A drop that is answered with a TCP reset. */
export function droppedWithReset(reason: DropReason): Dropped {
  return { kind: 'dropped', reason, reset: true };
}

/** ICMP (IPv4) errors by name. */
export const ERROR4 = {
  networkUnreachable: { type: 3, code: 0, word: 0 },
  hostUnreachable: { type: 3, code: 1, word: 0 },
  protocolUnreachable: { type: 3, code: 2, word: 0 },
  portUnreachable: { type: 3, code: 3, word: 0 },
  prohibited: { type: 3, code: 13, word: 0 },
  timeExceeded: { type: 11, code: 0, word: 0 },
  /** 1191-4: the MTU in the low half, the high half zero. */
  fragmentationNeeded: (mtu: number): ErrorRequest => ({ type: 3, code: 4, word: mtu }),
} as const;

/** ICMPv6 errors by name. */
export const ERROR6 = {
  noRoute: { type: 1, code: 0, word: 0 },
  prohibited: { type: 1, code: 1, word: 0 },
  beyondScope: { type: 1, code: 2, word: 0 },
  addressUnreachable: { type: 1, code: 3, word: 0 },
  sourceFailedPolicy: { type: 1, code: 5, word: 0 },
  hopLimitExceeded: { type: 3, code: 0, word: 0 },
  packetTooBig: (mtu: number): ErrorRequest => ({ type: 2, code: 0, word: mtu }),
  parameterProblem: (pointer: number): ErrorRequest => ({ type: 4, code: 0, word: pointer }),
} as const;
