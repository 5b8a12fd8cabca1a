/**
 * What can happen to a gateway, as plain values that fast-check makes.
 *
 * An event names things by small numbers ("the third packet that left"); `realise.ts` makes octets of it with
 * what the gateway has done so far, so that every sequence is valid by construction.
 */
import type { ProtocolName } from '../../src/reference/translator.ts';
import type { DccpType } from '../support/dccp-builder.ts';

/** `ip-51` is AH, which is not translated. */
export type Protocol = ProtocolName;

/** Header fields that any packet may have. */
export interface PacketShape {
  readonly ttl: number;
  readonly size: number;
  readonly dontFragment: boolean;
  readonly tos: number;
  readonly options: boolean;
}

/** What a packet says to its connection, if its protocol has any. */
export interface Speech {
  /** Of TCP. */
  readonly flags: string;
  readonly dccp: DccpType;
  /** Which options a TCP segment has. */
  readonly tcpOptions: number;
  /** Relative to what `after` says. */
  readonly sequence: number;
  readonly acknowledgement: number;
  /**
   * Numbers go on from where those of both sides begin, from what the internal host has said last in this session, or (of the
   * external side) from the end of the window that it has offered.
   */
  readonly after: 'beginning' | 'said' | 'window';
  readonly window: number;
  /** Of checksums that need not cover all: 0 or a number of octets (UDP-Lite), of words plus one (DCCP). */
  readonly coverage: number;
  /** An echo that goes the other way round: a reply where a request is usual. */
  readonly turned: boolean;
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

interface Spoken extends Sent {
  readonly speech: Speech;
}

/** Which of the hosts and remote endpoints. */
interface Endpoints {
  readonly host: number;
  readonly port: number;
  readonly remote: number;
  readonly remotePort: number;
}

export interface OutboundEvent extends Spoken, Endpoints {
  readonly type: 'outbound';
  readonly protocol: Protocol;
}

/** A packet to the external endpoint of a live mapping: from its uplink, from another one, or from the site. */
export interface ToMappingEvent extends Spoken, Endpoints {
  readonly type: 'to-mapping';
  readonly mapping: number;
  readonly from: 'its-uplink' | 'other-uplink' | 'site';
}

/** A packet to a published endpoint, or to one beside it. */
export interface ToPublishedEvent extends Spoken, Endpoints {
  readonly type: 'to-published';
  readonly published: number;
  readonly from: 'its-uplink' | 'other-uplink' | 'site';
  /** Where the whole address is published. */
  readonly protocol: Protocol;
  /** Which port of the range; one more than there are is the one behind it. */
  readonly place: number;
}

/** A packet of a live session, from either end of it. */
export interface InSessionEvent extends Spoken {
  readonly type: 'in-session';
  /** `same`: that of the event of this kind before. */
  readonly session: number | 'same';
  readonly side: 'internal' | 'external';
}

/** A conversation from its first packet on. */
export interface DialogueEvent {
  readonly type: 'dialogue';
  readonly opening: OutboundEvent | ToPublishedEvent;
  readonly steps: readonly DialogueStep[];
}

export interface DialogueStep {
  readonly side: 'internal' | 'external';
  readonly shape: PacketShape;
  readonly speech: Speech;
}

/** The other end of a packet that left answers it, by the device it left by. */
export interface AnswerEvent extends Spoken {
  readonly type: 'answer';
  readonly packet: number;
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

/** A packet of an IPv6 flow: from a host to the Internet, or to an address that a host was seen with. */
export interface Flow6Event extends Spoken, Endpoints {
  readonly type: 'flow6';
  readonly protocol: Protocol;
  readonly from: 'site' | 'neighbour' | 'uplink';
  /** Which of the addresses seen. */
  readonly seen: number;
  /** What extension headers it has. */
  readonly extension: number;
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
  readonly payload: 'udp' | 'echo' | 'echo-reply' | 'other-icmp' | 'tcp' | 'gre' | 'ah' | 'dccp' | 'udp-lite';
}

/** A place in a datagram that is cut every `cut` octets. */
export interface FragmentPart {
  readonly place: 'first' | 'middle' | 'last';
  readonly cut: number;
  readonly ttl: number;
  readonly dontFragment: boolean;
}

/** Events that are one packet each, which can also come in fragments. */
export type PacketEvent =
  | OutboundEvent
  | ToMappingEvent
  | ToPublishedEvent
  | InSessionEvent
  | AnswerEvent
  | ErrorEvent
  | AddressedEvent
  | Flow6Event;

/** A fragment of a new datagram, made of the packet of another event, or of one before it (0: the last). */
export interface FragmentEvent {
  readonly type: 'fragment';
  readonly of: PacketEvent | number;
  readonly identification: number;
  readonly part: FragmentPart;
}

/**
 * Many packets of one kind: fragments that belong to nothing, new flows of one host, or opening packets from
 * many remote ports that nobody waits for.
 */
export interface FloodEvent {
  readonly type: 'flood';
  readonly device: number;
  readonly kind: 'lone' | 'first' | 'flows' | 'calls';
  readonly protocol: Protocol;
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

/** Time passes: so much of it, or until about the end of something. */
export interface WaitEvent {
  readonly type: 'wait';
  readonly until: 'then' | 'session-ends' | 'timer-ends' | 'held-is-due';
  /** Which session or timer. */
  readonly which: number;
  /** All of it, or how much later. */
  readonly ms: number;
  /** Whether a tick follows at once. */
  readonly tick: boolean;
}

/** The engine is asked for what time alone calls for. */
export interface TickEvent {
  readonly type: 'tick';
}

/** Port rests come back, in another process (all else is lost) or in the same one. */
export interface RestoreEvent {
  readonly type: 'restore';
  readonly fresh: boolean;
  /** Leaves every so-manieth out; 0: none. */
  readonly without: number;
  /** Changes every so-manieth, so that it may not fit; 0: none. */
  readonly spoilt: number;
  /** How the first of them is changed. */
  readonly change: number;
}

/** Another plan. */
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
    | 'filtering'
    | 'internal-address'
    | 'published'
    | 'published-6'
    | 'filter'
    | 'shun'
    | 'leave'
    | 'policy-numbers';
  /** Which static mapping comes or goes. */
  readonly which: number;
  /** Whether a tick follows at once, which resets the connections whose uplink is to be left. */
  readonly tick: boolean;
}

export type Event =
  | PacketEvent
  | DialogueEvent
  | Ipv6Event
  | FragmentEvent
  | FloodEvent
  | AgainEvent
  | GarbageEvent
  | WaitEvent
  | TickEvent
  | RestoreEvent
  | PlanEvent;
