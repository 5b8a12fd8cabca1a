/**
 * What can happen to a gateway, as plain values that fast-check makes and shrinks.
 *
 * An event names things by small numbers ("the third packet that left"); `realise.ts` makes octets of it with
 * what the gateway has done so far, so that every sequence is valid by construction.
 */
export type Protocol = 'udp' | 'tcp' | 'icmp';

/** Header fields that any packet may have. */
export interface PacketShape {
  readonly ttl: number;
  readonly size: number;
  readonly dontFragment: boolean;
  readonly tos: number;
  readonly options: boolean;
  /** Which options a TCP segment has. */
  readonly tcpOptions: number;
}

/** What is done to a finished packet. */
export type Damage =
  | { readonly kind: 'none' }
  | { readonly kind: 'truncate'; readonly permille: number }
  | { readonly kind: 'extend'; readonly octets: number }
  | { readonly kind: 'patch'; readonly permille: number; readonly value: number; readonly repairHeader: boolean }
  | { readonly kind: 'fragment'; readonly offset: number; readonly more: boolean };

interface Sent {
  readonly shape: PacketShape;
  readonly damage: Damage;
}

export interface OutboundEvent extends Sent {
  readonly type: 'outbound';
  readonly host: number;
  readonly protocol: Protocol;
  readonly port: number;
  readonly remote: number;
  readonly remotePort: number;
  readonly flags: string;
}

/** A packet to the external endpoint of a live mapping: from its uplink, from another one, or from the site. */
export interface ToMappingEvent extends Sent {
  readonly type: 'to-mapping';
  readonly mapping: number;
  readonly from: 'its-uplink' | 'other-uplink' | 'site';
  readonly host: number;
  readonly port: number;
  readonly remote: number;
  readonly remotePort: number;
  readonly flags: string;
}

/** A packet of a live session, from either end of it. */
export interface InSessionEvent extends Sent {
  readonly type: 'in-session';
  readonly session: number;
  readonly side: 'internal' | 'external';
  readonly flags: string;
}

/** The other end of a packet that left answers it, by the device it left by. */
export interface AnswerEvent extends Sent {
  readonly type: 'answer';
  readonly packet: number;
  readonly flags: string;
}

/** An ICMP error about a packet that left. */
export interface ErrorEvent extends Sent {
  readonly type: 'error';
  readonly packet: number;
  readonly icmp: number;
  readonly code: number;
  readonly word: number;
  /** Whether the other end or a router between says it. */
  readonly by: 'end' | 'router';
  /** What is wrong with the quote, if anything. */
  readonly quote: 'whole' | 'short' | 'eight' | 'rfc4884' | 'bad-header' | 'bad-transport' | 'foreign';
}

/** An IPv6 packet from the site or from an uplink. */
export interface Ipv6Event extends Sent {
  readonly type: 'ipv6';
  readonly from: 'site' | 'uplink-a' | 'uplink-b';
  readonly source: Ipv6Choice;
  readonly destination: Ipv6Choice;
  readonly nextHeader: number;
  readonly extensions: readonly number[];
}

/** One IPv6 address, put together from parts. */
export interface Ipv6Choice {
  readonly prefix: number;
  readonly subnet: number;
  readonly interfaceId: number;
}

/** Any pair of special or ordinary IPv4 addresses. */
export interface AddressedEvent extends Sent {
  readonly type: 'addressed';
  readonly device: number;
  readonly source: number;
  readonly destination: number;
  readonly payload: 'udp' | 'echo' | 'echo-reply' | 'other-icmp' | 'tcp' | 'gre';
}

/** A place in a datagram that is cut every `cut` octets. */
export interface FragmentPart {
  readonly place: 'first' | 'middle' | 'last';
  readonly cut: number;
  readonly ttl: number;
  readonly dontFragment: boolean;
}

/** A fragment of a new datagram, made of the packet of another event, or of one before it (0: the last). */
export interface FragmentEvent {
  readonly type: 'fragment';
  readonly of: OutboundEvent | ToMappingEvent | InSessionEvent | AnswerEvent | ErrorEvent | AddressedEvent | number;
  readonly identification: number;
  readonly part: FragmentPart;
}

/** Many fragments that belong to nothing. */
export interface FloodEvent {
  readonly type: 'flood';
  readonly device: number;
  readonly kind: 'lone' | 'first';
  readonly count: number;
}

/** A packet that came in before, once more. */
export interface AgainEvent {
  readonly type: 'again';
  readonly packet: number;
}

/** Octets of no meaning. */
export interface GarbageEvent {
  readonly type: 'garbage';
  readonly device: number;
  readonly octets: Uint8Array;
}

export interface WaitEvent {
  readonly type: 'wait';
  readonly ms: number;
}

/** Another plan: an index into the variants of each part. */
export interface PlanEvent {
  readonly type: 'plan';
  readonly change:
    | 'usable-a'
    | 'usable-b'
    | 'both-down'
    | 'epoch-a'
    | 'address-a'
    | 'routed-a'
    | 'prefer'
    | 'filtering';
}

export type Event =
  | OutboundEvent
  | ToMappingEvent
  | InSessionEvent
  | AnswerEvent
  | ErrorEvent
  | Ipv6Event
  | AddressedEvent
  | FragmentEvent
  | FloodEvent
  | AgainEvent
  | GarbageEvent
  | WaitEvent
  | PlanEvent;
