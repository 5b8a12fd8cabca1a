/** What policies look at: a packet from the site, or the answer that a session opened from outside would get ("Policies" in docs/decisions.md). */
import type { Endpoint } from './address.ts';
import { type FilterFlow, protocolNumber } from './filter-flow.ts';
import { type Ipv4Packet, type Ipv6Packet, portsOf } from './packet.ts';
import { DCCP, SCTP, TCP, UDP, UDP_LITE } from './protocol.ts';

const WITH_PORTS4: readonly number[] = [UDP, TCP, UDP_LITE, DCCP];
const WITH_PORTS6: readonly number[] = [...WITH_PORTS4, SCTP];

interface Fields {
  /** Of IP. */
  readonly protocol: number;
  /** Of a protocol with ports, where they are known. */
  readonly ports?: { readonly source: number; readonly destination: number };
  /** Of an echo. */
  readonly identifier?: number;
  /** 0 to 63. */
  readonly dscp: number;
}

export interface Traffic4 extends Fields {
  readonly family: 4;
  readonly source: number;
  readonly destination: number;
}

export interface Traffic6 extends Fields {
  readonly family: 6;
  readonly source: bigint;
  readonly destination: bigint;
}

export type Traffic = Traffic4 | Traffic6;

/** An IPv4 packet as received. */
export function traffic4(packet: Ipv4Packet): Traffic4 {
  const { source, destination, protocol, transport, tos } = packet;
  const ports = portsOf(transport);
  const isEcho = transport.kind === 'icmp' && (transport.type === 0 || transport.type === 8);
  return {
    family: 4,
    source,
    destination,
    protocol,
    dscp: tos >> 2,
    ...(ports === undefined ? {} : { ports: { source: ports.sourcePort, destination: ports.destinationPort } }),
    ...(isEcho ? { identifier: transport.identifier } : {}),
  };
}

/** An IPv6 packet of which nobody looks at ports: there is no filter. */
export function traffic6({ source, destination, protocol, trafficClass }: Ipv6Packet): Traffic6 {
  return { family: 6, source, destination, protocol, dscp: trafficClass >> 2 };
}

/** The answer to an IPv4 packet that opens a session from outside. */
export function answer4(protocol: number, internal: Endpoint, remote: Endpoint, dscp: number): Traffic4 {
  const ports = { source: internal.port, destination: remote.port };
  return {
    family: 4,
    source: internal.address,
    destination: remote.address,
    protocol,
    dscp,
    ...(WITH_PORTS4.includes(protocol) ? { ports } : {}),
  };
}

/** A flow of the IPv6 filter, as packets from the site have it, whoever has opened it. */
export function trafficOfFlow6({ protocol, internal, remote, dscp }: FilterFlow): Traffic6 {
  const number = protocolNumber(protocol);
  const ports = { source: internal.port, destination: remote.port };
  return {
    family: 6,
    source: internal.address,
    destination: remote.address,
    protocol: number,
    dscp,
    ...(WITH_PORTS6.includes(number) ? { ports } : {}),
    ...(protocol === 'echo' ? { identifier: internal.port } : {}),
  };
}
