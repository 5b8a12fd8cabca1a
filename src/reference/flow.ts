/** Which flow of NAT44 a packet belongs to: protocol and endpoints, or why it has none. */
import type { Endpoint } from './address.ts';
import { type IcmpHeader, type Ipv4Packet, isFragment4, type TcpHeader } from './packet.ts';
import { ICMP, TCP, UDP } from './protocol.ts';
import { type ConnectionEvent, tcpEvent } from './tcp-machine.ts';
import { type Dropped, dropped } from './verdict.ts';

export interface Flow {
  readonly protocol: number;
  readonly source: Endpoint;
  readonly destination: Endpoint;
  /** Whether a connection may begin with it; every packet of a protocol without connections may. */
  readonly opens: boolean;
  /** What it is to its connection; absent for protocols without connections. */
  readonly event?: ConnectionEvent;
}

/** An ICMP error that may quote a packet of a flow. */
export interface ErrorMessage {
  readonly kind: 'icmp-error';
}

const ICMP_ERRORS: readonly number[] = [3, 11, 12];
const ECHO_REPLY = 0;
const ECHO_REQUEST = 8;

/** The flow of a packet from the internal side: of ICMP queries, echo requests. */
export function outboundFlow(packet: Ipv4Packet): Flow | ErrorMessage | Dropped {
  return flowOf(packet, ECHO_REQUEST, (icmp) => ({
    source: { address: packet.source, port: icmp.identifier },
    destination: { address: packet.destination, port: 0 },
  }));
}

/** The flow of a packet from the external side: of ICMP queries, echo replies. */
export function inboundFlow(packet: Ipv4Packet): Flow | ErrorMessage | Dropped {
  return flowOf(packet, ECHO_REPLY, (icmp) => ({
    source: { address: packet.source, port: 0 },
    destination: { address: packet.destination, port: icmp.identifier },
  }));
}

/** An error is never so long that it has to be in fragments. */
function errorMessage(packet: Ipv4Packet): ErrorMessage | Dropped {
  return isFragment4(packet) ? dropped('FragmentNotTracked') : { kind: 'icmp-error' };
}

function flowOf(
  packet: Ipv4Packet,
  echoType: number,
  echoEndpoints: (icmp: IcmpHeader) => { readonly source: Endpoint; readonly destination: Endpoint },
): Flow | ErrorMessage | Dropped {
  const { transport } = packet;
  if (transport.kind === 'opaque') {
    return dropped('UnsupportedProtocol');
  }
  if (transport.kind === 'icmp') {
    if (transport.type === echoType) {
      return { protocol: ICMP, opens: true, ...echoEndpoints(transport) };
    }
    return ICMP_ERRORS.includes(transport.type) ? errorMessage(packet) : dropped('IcmpTypeNotForwarded');
  }
  const source = { address: packet.source, port: transport.sourcePort };
  const destination = { address: packet.destination, port: transport.destinationPort };
  return transport.kind === 'tcp'
    ? { protocol: TCP, source, destination, ...tcpConnection(transport) }
    : { protocol: UDP, source, destination, opens: true };
}

/** A SYN without ACK opens, whatever other flags say (2663-2.5). */
function tcpConnection({ flags }: TcpHeader): Pick<Flow, 'opens' | 'event'> {
  return { opens: flags.syn && !flags.ack, event: tcpEvent(flags) };
}
