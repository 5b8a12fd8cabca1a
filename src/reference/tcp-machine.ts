/** The TCP state machine of RFC 6146 section 3.5.2 with both sides alike (7857-S2, 6146-T1), which DCCP shares (5597-R2). */
import type { TcpFlags } from './packet.ts';

/** The side of the translator that a segment comes from. */
export type Side = 'internal' | 'external';

export type TcpState = 'INIT' | 'ESTABLISHED' | 'INTERNAL-FIN' | 'EXTERNAL-FIN' | 'BOTH-FIN' | 'TRANS' | 'RESET';

/** What a segment does to the lifetime of its session. */
export type TcpLifetime = 'opening' | 'established' | 'closing' | 'unchanged';

export interface TcpStep {
  readonly state: TcpState;
  /** The side that sent the SYN of state INIT. */
  readonly opener: Side;
  readonly lifetime: TcpLifetime;
}

/** What a packet is to its connection; `SYN` is one without ACK. */
export type ConnectionEvent = 'RST' | 'SYN' | 'SYN-ACK' | 'FIN' | 'other';

/** The first step of a session. */
export function openConnection(side: Side): TcpStep {
  return { state: 'INIT', opener: side, lifetime: 'opening' }; // 6146-T2
}

/** The step that a segment from one side makes. */
export function stepConnection(state: TcpState, opener: Side, side: Side, event: ConnectionEvent): TcpStep {
  const to = (next: TcpState, lifetime: TcpLifetime): TcpStep => ({ state: next, opener, lifetime });
  switch (state) {
    case 'INIT':
      if (event === 'RST') {
        const isRefusedCall = opener === 'external' && side === 'internal';
        return to('TRANS', isRefusedCall ? 'unchanged' : 'closing'); // 7857-S7.1
      }
      if (event === 'SYN' || event === 'SYN-ACK') {
        return side === opener ? to('INIT', 'opening') : to('ESTABLISHED', 'established'); // 6146-T3, 5382-R2a
      }
      return to('INIT', 'unchanged');
    case 'ESTABLISHED':
      if (event === 'RST') {
        return to('TRANS', 'closing'); // 6146-T6
      }
      return event === 'FIN' ? to(finOf(side), 'established') : to('ESTABLISHED', 'established'); // 6146-T4
    case 'INTERNAL-FIN':
    case 'EXTERNAL-FIN':
      if (event === 'RST') {
        return to('TRANS', 'closing');
      }
      return event === 'FIN' && finOf(side) !== state
        ? to('BOTH-FIN', 'closing') // 6146-T5
        : to(state, 'established');
    case 'BOTH-FIN':
      return event === 'SYN' ? openConnection(side) : to('BOTH-FIN', 'unchanged');
    case 'TRANS':
      return event === 'RST' ? to('TRANS', 'unchanged') : to('ESTABLISHED', 'established'); // 6146-T7
    case 'RESET':
      return to('RESET', 'unchanged');
  }
}

const DCCP_REQUEST = 0;
const DCCP_RESPONSE = 1;
const DCCP_CLOSE_REQUEST = 5;
const DCCP_CLOSE = 6;
const DCCP_RESET = 7;
const DCCP_LISTEN = 10;

/** What a DCCP packet stands for in the table of TCP (5597-R2). */
export function dccpEvent(type: number): ConnectionEvent {
  switch (type) {
    case DCCP_REQUEST:
    case DCCP_LISTEN:
      return 'SYN';
    case DCCP_RESPONSE:
      return 'SYN-ACK';
    case DCCP_CLOSE_REQUEST:
    case DCCP_CLOSE:
      return 'FIN';
    case DCCP_RESET:
      return 'RST';
    default:
      return 'other';
  }
}

/** A segment is one event: the first of these that it has. */
export function tcpEvent(flags: TcpFlags): ConnectionEvent {
  if (flags.rst) {
    return 'RST';
  }
  if (flags.syn) {
    return flags.ack ? 'SYN-ACK' : 'SYN';
  }
  return flags.fin ? 'FIN' : 'other';
}

function finOf(side: Side): TcpState {
  return side === 'internal' ? 'INTERNAL-FIN' : 'EXTERNAL-FIN';
}
