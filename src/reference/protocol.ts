/** The IP protocols that NAT44 knows, by number and by what tells their flows apart ("NAT44" in docs/decisions.md). */
import type { ProtocolName } from './translator.ts';

export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;
export const DCCP = 33;
const GRE = 47;
export const ESP = 50;
export const AH = 51;
export const ICMPV6 = 58;
export const SCTP = 132;
export const UDP_LITE = 136;

/** Of ICMP these are queries, by their identifier. */
const WITH_PORTS: readonly number[] = [ICMP, TCP, UDP, DCCP, UDP_LITE];
const WITH_CONNECTIONS: readonly number[] = [TCP, DCCP];

const NAMES: ReadonlyMap<number, ProtocolName> = new Map([
  [ICMP, 'icmp'],
  [TCP, 'tcp'],
  [UDP, 'udp'],
  [DCCP, 'dccp'],
  [GRE, 'gre'],
  [ESP, 'esp'],
  [SCTP, 'sctp'],
  [UDP_LITE, 'udp-lite'],
]);

/** Whether flows are told apart by addresses alone: every port is 0. */
export function isPortless(protocol: number): boolean {
  return !WITH_PORTS.includes(protocol);
}

/** Whether a flow begins with a packet that opens it, and goes through the states of the TCP machine. */
export function hasConnections(protocol: number): boolean {
  return WITH_CONNECTIONS.includes(protocol);
}

/** As rows show it. */
export function protocolName(protocol: number): ProtocolName {
  return NAMES.get(protocol) ?? `ip-${protocol}`;
}
