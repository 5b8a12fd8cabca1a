/**
 * What both implementations of the translator do: the reference in TypeScript and the engine in Rust.
 *
 * A translator is a gateway reduced to IP: packets come in by a device of the plan and leave by others, without
 * link headers, address resolution or threads. Time is an argument. Conformance cases and generated sequences
 * run on both through this interface and compare every octet.
 */
import type { Plan } from '../plan/plan.ts';

export interface TranslatorOptions {
  /** 16 random octets per boot: the key of port choice. */
  readonly secret: Uint8Array;
  /** Most live and resting mappings. */
  readonly mappingsMax: number;
  readonly sessionsMax: number;
}

/** One packet that leaves. */
export interface OutgoingPacket {
  /** Index of the device in the plan. */
  readonly device: number;
  readonly octets: Uint8Array;
  /** `Forward` or `Reply` for the input packet itself, else an output kind (`IcmpError`, `TcpReset`, `Fragment`, `ReleasedFragment`). */
  readonly kind: string;
}

/** What became of one packet. */
export interface TranslationResult {
  /** `Forward`, `Reply`, `Consumed`, `Queued`, `Pass`, or the name of a drop reason. */
  readonly verdict: string;
  /** In the order they leave: the input packet first, if it leaves at all. */
  readonly outgoing: readonly OutgoingPacket[];
}

/** One live session, as operators see it. Endpoints are `address:port`; of an ICMP query the port is its identifier. */
export interface SessionRow {
  readonly protocol: 'udp' | 'tcp' | 'icmp';
  readonly internal: string;
  readonly external: string;
  readonly remote: string;
  readonly uplinkSlot: number;
  /** State of the TCP machine; absent for other protocols. */
  readonly tcpState?: string;
  /** Milliseconds until it ends if nothing refreshes it, rounded down. */
  readonly expiresInMs: number;
}

/** One live mapping. */
export interface MappingRow {
  readonly protocol: 'udp' | 'tcp' | 'icmp';
  readonly internal: string;
  readonly external: string;
  readonly uplinkSlot: number;
  readonly sessions: number;
}

export interface Translator {
  /** Takes over a plan. Mappings of an uplink whose epoch changed, or that is gone, are dead at once. */
  applyPlan(plan: Plan): void;
  /**
   * Processes one IP packet.
   * @param device index of the device it came in by
   * @param octets the packet, from its IP header on; not changed
   * @param nowUs microseconds since a fixed origin, never falling
   */
  process(device: number, octets: Uint8Array, nowUs: number): TranslationResult;
  /** Live sessions at an instant, in no particular order. */
  sessions(nowUs: number): SessionRow[];
  /** Live mappings at an instant, in no particular order. */
  mappings(nowUs: number): MappingRow[];
}
