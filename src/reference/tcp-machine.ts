/** The TCP state machine of RFC 6146 section 3.5.2 with both sides alike (7857-S2, 6146-T1). */
import type { TcpFlags } from './packet.ts';

/** The side of the translator that a segment comes from. */
export type Side = 'internal' | 'external';

export type TcpState = 'INIT' | 'ESTABLISHED' | 'INTERNAL-FIN' | 'EXTERNAL-FIN' | 'BOTH-FIN' | 'TRANS';

/** What a segment does to the lifetime of its session. */
export type TcpLifetime = 'transitory' | 'established' | 'unchanged';

export interface TcpStep {
  readonly state: TcpState;
  /** The side that sent the SYN of state INIT. */
  readonly opener: Side;
  readonly lifetime: TcpLifetime;
}

/** What a packet is to its connection; `SYN` is one without ACK. */
export type ConnectionEvent = 'RST' | 'SYN' | 'SYN-ACK' | 'FIN' | 'other';

/** The first step of a session. */
export function openTcp(side: Side): TcpStep {
  return { state: 'INIT', opener: side, lifetime: 'transitory' }; // 6146-T2
}

/** The step that a segment from one side makes. */
export function stepTcp(state: TcpState, opener: Side, side: Side, event: ConnectionEvent): TcpStep {
  const to = (next: TcpState, lifetime: TcpLifetime): TcpStep => ({ state: next, opener, lifetime });
  switch (state) {
    case 'INIT':
      if (event === 'RST') {
        return to('TRANS', 'transitory');
      }
      if (event === 'SYN' || event === 'SYN-ACK') {
        return side === opener ? to('INIT', 'transitory') : to('ESTABLISHED', 'established'); // 6146-T3, 5382-R2a
      }
      return to('INIT', 'unchanged');
    case 'ESTABLISHED':
      if (event === 'RST') {
        return to('TRANS', 'transitory'); // 6146-T6
      }
      return event === 'FIN' ? to(finOf(side), 'established') : to('ESTABLISHED', 'established'); // 6146-T4
    case 'INTERNAL-FIN':
    case 'EXTERNAL-FIN':
      if (event === 'RST') {
        return to('TRANS', 'transitory');
      }
      return event === 'FIN' && finOf(side) !== state
        ? to('BOTH-FIN', 'transitory') // 6146-T5
        : to(state, 'established');
    case 'BOTH-FIN':
      return event === 'SYN' ? openTcp(side) : to('BOTH-FIN', 'unchanged');
    case 'TRANS':
      return event === 'RST' ? to('TRANS', 'unchanged') : to('ESTABLISHED', 'established'); // 6146-T7
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
