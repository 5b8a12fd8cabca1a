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
  /** Most internal addresses that hold mappings or sessions at once. */
  readonly hostsMax: number;
  /** Most sessions of the IPv6 filter; absent: as `sessionsMax`. */
  readonly filterSessionsMax?: number;
  /** How many workers share the packets out, 1 to 16; absent: 1. Each has its share of the tables. */
  readonly workers?: number;
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

/** `ip-` and its number where it has no other name. */
export type ProtocolName =
  | 'udp'
  | 'tcp'
  | 'icmp'
  | 'udp-lite'
  | 'dccp'
  | 'gre'
  | 'esp'
  | 'icmpv6'
  | 'sctp'
  | `ip-${number}`;

/**
 * One live session, of NAT44 or of the IPv6 filter, as operators see it. Endpoints are `address:port` or `[address]:port`;
 * of an ICMP query the port is its identifier, and 0 where the protocol has no ports. The external endpoint of an IPv6
 * session is what its packets leave with: the internal one with its prefix translated, if it can be.
 */
export interface SessionRow {
  readonly protocol: ProtocolName;
  readonly internal: string;
  readonly external: string;
  readonly remote: string;
  /** What the internal host sees instead of the remote endpoint, if that is another one. */
  readonly apparent?: string;
  readonly uplinkSlot: number;
  /** Number of the policy that it began under. */
  readonly policy: number;
  /** State of the TCP machine, which DCCP has too, and SCTP in IPv6; absent for other protocols. */
  readonly tcpState?: string;
  /** Milliseconds until it ends if nothing refreshes it, rounded down. */
  readonly expiresInMs: number;
}

/** One live mapping. */
export interface MappingRow {
  readonly protocol: ProtocolName;
  readonly internal: string;
  readonly external: string;
  readonly uplinkSlot: number;
  readonly sessions: number;
}

/** A port that must not go to another endpoint for a while. */
export interface PortRest {
  readonly slot: number;
  /** IP protocol: 1, 6, 17, 33 or 136. */
  readonly protocol: number;
  readonly internalAddress: number;
  readonly internalPort: number;
  readonly externalAddress: number;
  readonly externalPort: number;
  readonly restMs: number;
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
  /**
   * Does what time alone calls for: errors about held packets that nobody wanted, and resets of connections that a new plan
   * leaves without their uplink. Their number per call is bounded.
   */
  tick(nowUs: number): OutgoingPacket[];
  /** Live mappings, which would rest for the configured time, and resting ones with what remains, in no particular order. */
  portRests(nowUs: number): PortRest[];
  /** Makes resting mappings again of what a former process held; those that do not fit the plan are left out. */
  restorePortRests(rests: readonly PortRest[], nowUs: number): void;
  /** Live sessions at an instant, in no particular order. */
  sessions(nowUs: number): SessionRow[];
  /** Live mappings at an instant, in no particular order. */
  mappings(nowUs: number): MappingRow[];
}
