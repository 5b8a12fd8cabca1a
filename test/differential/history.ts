/** What a gateway has done so far: what events can refer to. */
import type { Plan } from '../../src/plan/plan.ts';
import type { MappingRow, SessionRow } from '../../src/reference/translator.ts';
import type { Conversations } from './conversations.ts';

export interface Arrival {
  readonly device: number;
  readonly packet: Uint8Array;
}

/** A packet that is sent in fragments. */
export interface Datagram {
  readonly whole: Arrival;
  readonly identification: number;
}

export interface History {
  readonly plan: Plan;
  /** As they were when the tables were compared last; some may have ended since. */
  readonly mappings: readonly MappingRow[];
  readonly sessions: readonly SessionRow[];
  /** Packets that left, the latest last. */
  readonly left: readonly Arrival[];
  /** Packets that came in and were forwarded, the latest last. */
  readonly arrived: readonly Arrival[];
  /** Datagrams that came in fragments, as they would have been whole, the latest last. */
  readonly datagrams: readonly Datagram[];
  /** The session of the latest event within one. */
  readonly session: SessionRow | undefined;
  readonly conversations: Conversations;
}
