/**
 * Octets and readable packets: the only packet parser in TypeScript.
 *
 * A parsed packet keeps its octets (cut to the length its header states) beside the fields that decisions are
 * made on. The steps are those of "Parsing" in docs/decisions.md.
 */
import type { Dropped } from './verdict.ts';

export interface TcpFlags {
  readonly syn: boolean;
  readonly ack: boolean;
  readonly rst: boolean;
  readonly fin: boolean;
}

export interface UdpHeader {
  readonly kind: 'udp';
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export interface UdpLiteHeader {
  readonly kind: 'udp-lite';
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export interface DccpHeader {
  readonly kind: 'dccp';
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** RFC 4340 section 5.1, Listen: RFC 5596. */
  readonly type: number;
}

export interface TcpHeader {
  readonly kind: 'tcp';
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: TcpFlags;
  /** As it stands in the segment. */
  readonly window: number;
  /** Bits that its sender's windows are shifted by, 0 to 14 (RFC 7323 section 2); absent without the option. */
  readonly windowScale?: number;
  /** Octets after the TCP header. */
  readonly payloadLength: number;
}

export interface IcmpHeader {
  readonly kind: 'icmp';
  readonly type: number;
  /** Of an echo message. */
  readonly identifier: number;
}

/** Another protocol, or a fragment that does not start with the transport header. */
export interface OpaqueTransport {
  readonly kind: 'opaque';
}

export type Transport = UdpHeader | UdpLiteHeader | DccpHeader | TcpHeader | IcmpHeader | OpaqueTransport;

export interface Ipv4Packet {
  readonly family: 4;
  readonly octets: Uint8Array;
  readonly headerLength: number;
  readonly tos: number;
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** In octets. */
  readonly fragmentOffset: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly source: number;
  readonly destination: number;
  readonly transport: Transport;
}

export interface Ipv6Packet {
  readonly family: 6;
  readonly octets: Uint8Array;
  readonly trafficClass: number;
  readonly hopLimit: number;
  readonly source: bigint;
  readonly destination: bigint;
  /** Whether a fragment header was met. */
  readonly isFragment: boolean;
  /** In octets; 0 without a fragment header. */
  readonly fragmentOffset: number;
  readonly moreFragments: boolean;
  /** Of the last fragment header; 0 without one. */
  readonly identification: number;
  /** Whether a Host Identity Protocol header was met. */
  readonly hasHip: boolean;
  /** What follows the extension headers that were walked. */
  readonly protocol: number;
  /** Where the upper layer starts. */
  readonly upperOffset: number;
  /** Type of the ICMPv6 message, where it is one and can be seen. */
  readonly icmpType: number | undefined;
}

export type Packet = Ipv4Packet | Ipv6Packet;

/** What a parser gives: a packet, or why there is none. */
export type Parsed<P extends Packet> = P | Dropped;

/** The fragment of a datagram that has the upper layer's header; one without the flag is whole (RFC 6946). */
export function isFirstFragment6(packet: Ipv6Packet): boolean {
  return packet.moreFragments && packet.fragmentOffset === 0;
}

export function isLaterFragment6(packet: Ipv6Packet): boolean {
  return packet.fragmentOffset > 0;
}

export function isFragment4(packet: Ipv4Packet): boolean {
  return packet.moreFragments || packet.fragmentOffset > 0;
}

/** The ports that can be seen; an identifier of ICMP is none. */
export function portsOf(
  transport: Transport,
): { readonly sourcePort: number; readonly destinationPort: number } | undefined {
  switch (transport.kind) {
    case 'udp':
    case 'udp-lite':
    case 'tcp':
    case 'dccp':
      return transport;
    case 'icmp':
    case 'opaque':
      return undefined;
  }
}

/** An echo request that is no fragment. */
export function isEchoRequest(packet: Packet): boolean {
  if (packet.family === 6) {
    return packet.icmpType === 128 && !packet.isFragment;
  }
  return packet.transport.kind === 'icmp' && packet.transport.type === 8 && !isFragment4(packet);
}
