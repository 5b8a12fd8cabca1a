/** Which flow of NAT44 a packet belongs to: protocol and endpoints, or why it has none. */
import type { Plan } from '../plan/plan.ts';
import type { Endpoint } from './address.ts';
import { type IcmpHeader, type Ipv4Packet, isFragment4, type TcpHeader, type Transport } from './packet.ts';
import { AH, DCCP, ICMP } from './protocol.ts';
import { type ConnectionEvent, dccpEvent, tcpEvent } from './tcp-machine.ts';
import { type Dropped, dropped, ERROR4 } from './verdict.ts';

export interface Flow {
  readonly protocol: number;
  readonly source: Endpoint;
  readonly destination: Endpoint;
  /** 0 to 63. */
  readonly dscp: number;
  /** Whether a connection may begin with it; every packet of a protocol without connections may. */
  readonly opens: boolean;
  /** What it is to its connection; absent for protocols without connections. */
  readonly event?: ConnectionEvent;
  /** Of TCP. */
  readonly segment?: TcpHeader;
  /** Of ICMP: from which side it is a query depends on whether the host is wholly published. */
  readonly echo?: 'request' | 'reply';
}

/** An ICMP error that may quote a packet of a flow. */
export interface ErrorMessage {
  readonly kind: 'icmp-error';
}

/** Whether a protocol that is not known by its ports is translated at all; AH authenticates the addresses (OTHER-1). */
export function isTranslatable(plan: Plan, protocol: number): boolean {
  return protocol !== AH && plan.nat44.otherProtocols;
}

const ICMP_ERRORS: readonly number[] = [3, 11, 12];
const ECHO_REPLY = 0;
const ECHO_REQUEST = 8;

/** The flow of a packet from the internal side. */
export function outboundFlow(plan: Plan, packet: Ipv4Packet): Flow | ErrorMessage | Dropped {
  return flowOf(plan, packet, {
    echoEndpoints: (icmp) => ({
      source: { address: packet.source, port: icmp.identifier },
      destination: { address: packet.destination, port: 0 },
    }),
    unsupported: dropped('UnsupportedProtocol', ERROR4.protocolUnreachable), // OTHER-1
  });
}

/** The flow of a packet from the external side. */
export function inboundFlow(plan: Plan, packet: Ipv4Packet): Flow | ErrorMessage | Dropped {
  return flowOf(plan, packet, {
    echoEndpoints: (icmp) => ({
      source: { address: packet.source, port: 0 },
      destination: { address: packet.destination, port: icmp.identifier },
    }),
    unsupported: dropped('UnsupportedProtocol'), // OTHER-1
  });
}

/** An error is never so long that it has to be in fragments. */
function errorMessage(packet: Ipv4Packet): ErrorMessage | Dropped {
  return isFragment4(packet) ? dropped('FragmentNotTracked') : { kind: 'icmp-error' };
}

/** What the two directions do differently. */
interface Reading {
  readonly echoEndpoints: (icmp: IcmpHeader) => { readonly source: Endpoint; readonly destination: Endpoint };
  readonly unsupported: Dropped;
}

function flowOf(
  plan: Plan,
  packet: Ipv4Packet,
  { echoEndpoints, unsupported }: Reading,
): Flow | ErrorMessage | Dropped {
  const { transport, protocol } = packet;
  const dscp = packet.tos >> 2;
  if (transport.kind === 'opaque') {
    return isTranslatable(plan, protocol) ? portlessFlow(packet) : unsupported;
  }
  if (transport.kind === 'icmp') {
    if (transport.type === ECHO_REQUEST || transport.type === ECHO_REPLY) {
      const echo = transport.type === ECHO_REQUEST ? 'request' : 'reply';
      return { protocol: ICMP, opens: true, echo, dscp, ...echoEndpoints(transport) };
    }
    return ICMP_ERRORS.includes(transport.type) ? errorMessage(packet) : dropped('IcmpTypeNotForwarded');
  }
  return {
    protocol,
    source: { address: packet.source, port: transport.sourcePort },
    destination: { address: packet.destination, port: transport.destinationPort },
    dscp,
    ...connectionOf(transport),
  };
}

/** OTHER-2, ESP-1, GRE-1, SCTP-1: told apart by addresses alone. */
function portlessFlow({ protocol, source, destination, tos }: Ipv4Packet): Flow {
  return {
    protocol,
    source: { address: source, port: 0 },
    destination: { address: destination, port: 0 },
    dscp: tos >> 2,
    opens: true,
  };
}

/** What the packet is to its connection, if the protocol has connections. */
function connectionOf(transport: Transport): Pick<Flow, 'opens' | 'event' | 'segment'> {
  switch (transport.kind) {
    case 'tcp':
      // A SYN without ACK opens, whatever other flags say (2663-2.5).
      return {
        opens: transport.flags.syn && !transport.flags.ack,
        event: tcpEvent(transport.flags),
        segment: transport,
      };
    case 'dccp': {
      const event = dccpEvent(transport.type);
      return { opens: event === 'SYN', event };
    }
    case 'udp':
    case 'udp-lite':
    case 'icmp':
    case 'opaque':
      return { opens: true };
  }
}

/** Why a packet that opens nothing is refused where there is no session. */
export function withoutSession(flow: Flow): Dropped {
  return dropped(flow.protocol === DCCP ? 'DccpWithoutSession' : 'TcpWithoutSession');
}
