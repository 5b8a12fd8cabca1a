/** Which flow of the IPv6 filter a packet, or a quoted one, belongs to ("Filter" in docs/decisions.md). */
import type { Endpoint6 } from './address.ts';
import { readU8, readU16, readU128 } from './octets.ts';
import type { Ipv6Packet, TcpHeader } from './packet.ts';
import { walkExtensions } from './packet-ipv6.ts';
import { DCCP, ICMPV6, SCTP, TCP, UDP, UDP_LITE } from './protocol.ts';
import { readTcp } from './tcp-header.ts';
import { type ConnectionEvent, dccpEvent, type Side, tcpEvent } from './tcp-machine.ts';
import { type Dropped, dropped } from './verdict.ts';

const ICMPV6_HEADER = 8;
const ECHO_REQUEST = 128;
const ECHO_REPLY = 129;

/** By its number; ICMPv6 echo is told apart from all other ICMPv6. */
export type FilterProtocol = number | 'echo';

/** Who speaks with whom, as the site sees it. Of an echo the internal port is the identifier; without ports both are 0. */
export interface FilterEnds {
  readonly protocol: FilterProtocol;
  readonly internal: Endpoint6;
  readonly remote: Endpoint6;
}

export interface FilterFlow extends FilterEnds {
  /** 0 to 63. */
  readonly dscp: number;
  /** Whether a connection may begin with it; every packet of a protocol without connections may. */
  readonly opens: boolean;
  /** Whether it may be half of a simultaneous open (6092-R31, 6092-R38, 6092-R43). */
  readonly calls: boolean;
  /** What it is to its connection; absent for protocols without connections. */
  readonly event?: ConnectionEvent;
  /** Of TCP. */
  readonly segment?: TcpHeader;
  readonly echo?: 'request' | 'reply';
}

/** The number of IP. */
export function protocolNumber(protocol: FilterProtocol): number {
  return protocol === 'echo' ? ICMPV6 : protocol;
}

/** Whether flows of a protocol are bound to the uplink on which they began. */
export function isConnection(protocol: FilterProtocol): boolean {
  return protocol === TCP || protocol === DCCP || protocol === SCTP;
}

/** The flow of a packet that is neither a later fragment nor an ICMPv6 error. */
export function filterFlow(packet: Ipv6Packet, from: Side): FilterFlow | Dropped {
  const upper = packet.octets.subarray(packet.upperOffset);
  const event = eventOf(packet.protocol, upper);
  const ends = endsOf(packet.octets, packet, from);
  const dscp = packet.trafficClass >> 2;
  return event === undefined || ends === undefined ? dropped('TransportInvalid') : { ...ends, ...event, dscp };
}

/**
 * The ends of the packet that an ICMPv6 error quotes, or undefined where they cannot be seen.
 * @param quotedFrom the side that sent the quoted packet
 */
export function quotedEnds(error: Ipv6Packet, quotedFrom: Side): FilterEnds | undefined {
  const quote = error.octets.subarray(error.upperOffset + ICMPV6_HEADER);
  const upper = walkExtensions(quote);
  if ('kind' in upper || upper.fragmentOffset > 0) {
    return undefined;
  }
  return endsOf(quote, upper, quotedFrom);
}

/** Undefined for an ICMPv6 error, and where the octets end too early. */
function endsOf(
  octets: Uint8Array,
  { protocol, upperOffset }: Pick<Ipv6Packet, 'protocol' | 'upperOffset'>,
  from: Side,
): FilterEnds | undefined {
  const upper = octets.subarray(upperOffset);
  const [source, destination] = [readU128(octets, 8), readU128(octets, 24)];
  const named = (name: FilterProtocol, sourcePort: number, destinationPort: number): FilterEnds => {
    const sender = { address: source, port: sourcePort };
    const receiver = { address: destination, port: destinationPort };
    return from === 'internal'
      ? { protocol: name, internal: sender, remote: receiver }
      : { protocol: name, internal: receiver, remote: sender };
  };
  if (hasPorts(protocol)) {
    return upper.length < 4 ? undefined : named(protocol, readU16(upper, 0), readU16(upper, 2));
  }
  if (protocol !== ICMPV6) {
    return named(protocol, 0, 0);
  }
  const type = upper.length === 0 ? 0 : readU8(upper, 0);
  if (type === ECHO_REQUEST || type === ECHO_REPLY) {
    const identifier = upper.length < 6 ? undefined : readU16(upper, 4);
    return identifier === undefined
      ? undefined
      : named('echo', from === 'internal' ? identifier : 0, from === 'internal' ? 0 : identifier);
  }
  return type < 128 ? undefined : named(protocol, 0, 0);
}

function hasPorts(protocol: number): boolean {
  return [UDP, TCP, UDP_LITE, DCCP, SCTP].includes(protocol);
}

type Event = Pick<FilterFlow, 'opens' | 'calls' | 'event' | 'segment' | 'echo'>;

/** What the packet is to its flow; undefined where the header is cut short. */
function eventOf(protocol: number, upper: Uint8Array): Event | undefined {
  const query = { opens: true, calls: false };
  switch (protocol) {
    case UDP:
    case UDP_LITE:
      return upper.length < 8 ? undefined : query;
    case TCP:
      return tcpEventOf(upper);
    case DCCP:
      return dccpEventOf(upper);
    case SCTP:
      return sctpEventOf(upper);
    case ICMPV6: {
      const type = readU8(upper, 0);
      const echo = type === ECHO_REQUEST ? 'request' : type === ECHO_REPLY ? 'reply' : undefined;
      return echo === undefined ? query : { ...query, echo };
    }
    default:
      return query;
  }
}

function tcpEventOf(upper: Uint8Array): Event | undefined {
  const segment = readTcp(upper);
  if (segment === undefined) {
    return undefined;
  }
  const { syn, ack, rst } = segment.flags;
  const opens = syn && !ack;
  return { opens, calls: opens && !rst, event: tcpEvent(segment.flags), segment };
}

const DCCP_SYNC = 8;

function dccpEventOf(upper: Uint8Array): Event | undefined {
  if (upper.length < 12) {
    return undefined;
  }
  const typeAndX = readU8(upper, 8);
  if ((typeAndX & 1) === 1 && upper.length < 16) {
    return undefined;
  }
  const type = (typeAndX >> 1) & 0x0f;
  const event = dccpEvent(type);
  return { opens: event === 'SYN', calls: event === 'SYN' || type === DCCP_SYNC, event };
}

/** Of SCTP the first chunk speaks (6092-R38). */
function sctpEventOf(upper: Uint8Array): Event | undefined {
  if (upper.length < 12) {
    return undefined;
  }
  const event = upper.length === 12 ? 'other' : sctpEvent(readU8(upper, 12));
  return { opens: event === 'SYN', calls: event === 'SYN', event };
}

/** What a chunk stands for in the table of TCP (RFC 9260 section 3.2). */
function sctpEvent(chunk: number): ConnectionEvent {
  switch (chunk) {
    case 1: // INIT
      return 'SYN';
    case 2: // INIT ACK
      return 'SYN-ACK';
    case 6: // ABORT
    case 14: // SHUTDOWN COMPLETE
      return 'RST';
    case 7: // SHUTDOWN
    case 8: // SHUTDOWN ACK
      return 'FIN';
    default:
      return 'other';
  }
}
