/**
 * The data plane as the control plane sees it: an interface, so that control code and its tests need no addon.
 * `openDataPlane` in `native-data-plane.ts` is the real one.
 */
import type { Duplex } from 'node:stream';
import type { Plan } from '../plan/plan.ts';
import type { MappingRow, PortRest, SessionRow } from '../reference/translator.ts';

/** One device, in the order of `Plan.devices`: a TAP or TUN device that is made, or a packet socket on an interface that is there. */
export interface DeviceOptions {
  readonly kind: 'tap' | 'tun' | 'packet' | 'xdp';
  /** Interface name, at most 15 octets. */
  readonly name: string;
  /** Named network namespace (as in `ip netns`) it is made in; absent: the namespace of this process. */
  readonly netns?: string;
  readonly mtu: number;
  /** Whether super-packets and unfinished checksums cross it; absent: they do. */
  readonly offload?: boolean;
}

export interface DataPlaneOptions {
  readonly devices: readonly DeviceOptions[];
  /** 16 random octets per boot: the key of port choice. */
  readonly secret: Uint8Array;
  /** 16 more: the key of the tables' own hash. */
  readonly hashKey: Uint8Array;
  readonly mappingsMax: number;
  readonly sessionsMax: number;
  /** Most sessions of the IPv6 filter; absent: as `sessionsMax`. */
  readonly filterSessionsMax?: number;
  /** Most internal addresses that hold mappings or sessions at once. */
  readonly hostsMax: number;
  readonly neighboursMax: number;
  /** Threads that carry packets, 1 to 8; absent: 1. */
  readonly workers?: number;
  /** Microseconds for which a worker that has just had frames looks for more before it sleeps; absent: none. */
  readonly busyPollUs?: number;
}

/** A service that is asked in place of an ICMP echo. */
export interface ServiceTarget {
  readonly address: number | Uint8Array;
  /**
   * `dns`: a query over UDP; `tcp`: a connection, which is ended before it is open; `http`: whatever the listener of
   * `onProbeRequest` does there.
   */
  readonly service: 'dns' | 'tcp' | 'http';
  readonly port: number;
  /** Of `dns`: name, type and class as on the wire. */
  readonly question?: Uint8Array;
  /** Of `tcp`: whether a refusal counts as an answer; absent: it does not. */
  readonly refusedIsAnswer?: boolean;
}

/** An IPv4 address as a number or an IPv6 address as 16 octets, for ICMP echo; or a service there. */
export type ProbeDestination = number | Uint8Array | ServiceTarget;

/** Both ends belong to it. */
export interface OwnPorts {
  readonly low: number;
  readonly high: number;
}

/** What to probe on one uplink in one family. */
export interface ProbeOptions {
  readonly slot: number;
  readonly family: 4 | 6;
  /** 0: targets that speak for the uplink itself; each other number, up to 255, has rounds and bursts of its own. */
  readonly list: number;
  /** All of `family`. */
  readonly targets: readonly ProbeDestination[];
  /** Own ports that `dns` and `tcp` are asked from; the plan keeps them from all mappings. */
  readonly ownPorts?: OwnPorts;
  /** Own ports for `http`, in the same way. */
  readonly conversationPorts?: OwnPorts;
  /** Time between probes (in a burst: between rounds), milliseconds. */
  readonly intervalMs: number;
  /** An answer later than this is a miss, milliseconds; not of `http`. */
  readonly timeoutMs: number;
  /**
   * One probe goes to the next target at each interval, until one misses: then bursts begin at once, to all targets at
   * each interval. They end when this is the round of one of them, or of a later one; 0: not yet.
   */
  readonly calmRound: number;
}

/** A probe of `http` that is due. */
export interface ProbeRequest {
  readonly slot: number;
  readonly family: 4 | 6;
  /** `ProbeOptions.list`. */
  readonly list: number;
  /** Position of the target in that list. */
  readonly target: number;
  /** Tells it from others of the same list. */
  readonly sequence: number;
}

/** Where a connection of the gateway's own is to go. */
export interface StreamTarget {
  /** Of the uplink that it takes. */
  readonly slot: number;
  readonly family: 4 | 6;
  readonly address: number | Uint8Array;
  readonly port: number;
  /** It takes one of them. */
  readonly ownPorts: OwnPorts;
}

/** A TCP connection by an uplink, from its own address. It never keeps the process alive. */
export interface UplinkStream extends Duplex {
  /** Of the handshake, microseconds, timed in Rust; undefined before it is open. */
  readonly rttUs: number | undefined;
}

/** One finished probe, timed in Rust. */
export interface ProbeSample {
  readonly slot: number;
  readonly family: 4 | 6;
  readonly list: number;
  /** Position of the target in `ProbeOptions.targets`. */
  readonly target: number;
  /** Number of the round it was sent in, per slot, family and list, from 1 on; a burst has one round for all targets. */
  readonly round: number;
  readonly burst: boolean;
  /** Microseconds on the data plane's monotonic clock. */
  readonly sentAtUs: number;
  /** Round-trip time in microseconds; absent: missed. */
  readonly rttUs?: number;
  /** Of a miss in a burst: the uplink's gateway has answered ARP or neighbour discovery since it was sent. */
  readonly gatewayAnswered?: boolean;
}

/** A device of the data plane, as its events name it. */
export interface DeviceId {
  /** Its position in `Plan.devices`. */
  readonly index: number;
  /** Interface name. */
  readonly device: string;
  /** Named network namespace it was made in; absent: the namespace of this process. */
  readonly netns?: string;
}

export type DataPlaneEvent =
  | { readonly type: 'probe-sample'; readonly sample: ProbeSample }
  /** It gave an error (`errno` of the kernel); the other devices go on. `message` says what to do. */
  | ({ readonly type: 'device-failed'; readonly errno: number; readonly message: string } & DeviceId)
  /** A device that had failed takes frames again. */
  | ({ readonly type: 'device-restored' } & DeviceId)
  /** Another station of the device's link (`mac`) has, or wants, an IPv6 address of the gateway. */
  | ({ readonly type: 'address-conflict'; readonly address: string; readonly mac: string } & DeviceId)
  /** A packet of traffic that left by an uplink at `startedAtUs` was answered at `atUs`, on the clock of `ProbeSample`. */
  | {
      readonly type: 'round-trip';
      readonly slot: number;
      readonly family: 4 | 6;
      readonly startedAtUs: number;
      readonly atUs: number;
    }
  | { readonly type: 'worker-panicked'; readonly message: string }
  | { readonly type: 'passed-available' };

/** A frame for the gateway itself that the host role did not consume. */
export interface PassedFrame {
  readonly device: number;
  readonly octets: Uint8Array;
}

export interface VerdictCount {
  /** Absent: the packet met no uplink. */
  readonly slot?: number;
  readonly direction: 'outbound' | 'inbound';
  /** `Forward`, `Reply`, `Consumed`, `Queued`, `Pass`, or a drop reason. */
  readonly verdict: string;
  readonly count: number;
}

/** Sessions that have begun under one policy on one uplink, both families together. */
export interface FlowCount {
  /** Number of the policy. */
  readonly policy: number;
  readonly slot: number;
  readonly count: number;
}

/** IP packets that were forwarded by way of one uplink. */
export interface TrafficCount {
  readonly slot: number;
  /** `outbound`: from the site. */
  readonly direction: 'outbound' | 'inbound';
  readonly packets: number;
  /** Of the packets as they were received, without link headers. */
  readonly octets: number;
}

/** Only non-zero rows; summed over workers; never reset by a plan. */
export interface CountersSnapshot {
  readonly verdicts: readonly VerdictCount[];
  readonly flows: readonly FlowCount[];
  readonly traffic: readonly TrafficCount[];
  /** By output kind. */
  readonly outputs: Readonly<Record<string, number>>;
  /** By suppressed output. */
  readonly suppressed: Readonly<Record<string, number>>;
  readonly sessions: number;
  readonly mappings: number;
  readonly receivedFrames: number;
  readonly transmittedFrames: number;
}

/** A packet from the site that could begin a flow. */
export interface FlowQuestion {
  /** IP protocol. */
  readonly protocol: number;
  /** An IPv4 address as a number, or an IPv6 address as 16 octets. */
  readonly internal: number | Uint8Array;
  /** Identifier of an echo; 0 where the protocol has no ports. */
  readonly internalPort: number;
  /** Of the same family. */
  readonly remote: number | Uint8Array;
  readonly remotePort: number;
  /** 0 to 63. */
  readonly dscp: number;
}

/** An uplink that new flows of a policy may take. */
export interface FlowCandidate {
  readonly slot: number;
  /** Its share of new flows; 0 where the order decides. */
  readonly weight: number;
  /** The smallest is the best; absent without a weight. */
  readonly score?: number;
  /** Flows leave it all the same, and nothing sticks to it. */
  readonly isLeft: boolean;
}

/** What would become of such a packet now. */
export interface FlowExplanation {
  /** Of the plan that was asked. */
  readonly generation: number;
  /** Number of the policy that it meets. */
  readonly policy: number;
  /** Position of the match that it meets there; absent: the policy is about everything. */
  readonly matching?: number;
  /** In the order of preference. */
  readonly candidates: readonly FlowCandidate[];
  /** The live session of the flow. */
  readonly session?: SessionRow;
  /** Whether the session stays on its uplink. */
  readonly stays: boolean;
  /** The uplink that the packet takes, or that a new flow would take in place of a session that does not stay; absent: none. */
  readonly slot?: number;
  /** Why that one: of the ISP that the source is from (`identity`), used by the endpoint already (`sticks`), the best score (`weight`), the first in order. */
  readonly by: 'session' | 'identity' | 'sticks' | 'weight' | 'order' | 'last-resort' | 'nothing';
}

export interface DataPlane extends AsyncDisposable {
  /** Resolves when every worker has taken the plan over; rejects with a `PlanRefused` error if it cannot be used. */
  applyPlan(plan: Plan): Promise<void>;
  /** Generation that every worker has acknowledged; 0 before the first. */
  readonly generation: number;
  setProbes(probes: readonly ProbeOptions[]): void;
  /** Calls back for each probe that is to be made by `connect`, and ended by `concludeProbe`. Returns the function that removes the listener. */
  onProbeRequest(listener: (request: ProbeRequest) => void): () => void;
  /** How such a probe ended: `rttUs` is absent if it has missed. Does nothing after closing. */
  concludeProbe(request: ProbeRequest, rttUs?: number): void;
  /** Opens a connection; what is in its way is an error of the stream. */
  connect(target: StreamTarget): UplinkStream;
  counters(): CountersSnapshot;
  /** Live sessions, at most `limit`; gathered in slices between batches. */
  sessions(limit: number): Promise<SessionRow[]>;
  mappings(limit: number): Promise<MappingRow[]>;
  /** Why a flow takes its uplink: a question that changes nothing. */
  explain(flow: FlowQuestion): Promise<FlowExplanation>;
  /** What has to rest over a restart; gathered in slices between batches. */
  portRests(): Promise<PortRest[]>;
  /** Makes resting mappings again of what a former process held: from the first plan on. */
  restorePortRests(rests: readonly PortRest[]): void;
  /** Takes what has been passed up so far. */
  takePassed(): PassedFrame[];
  /** Sends a complete frame out of a device; false when the way there is full. */
  inject(device: number, octets: Uint8Array): boolean;
  /** Listeners never keep the process alive. Returns the function that removes the listener. */
  onEvent(listener: (event: DataPlaneEvent) => void): () => void;
  /** Stops the workers and removes the devices; safe to call twice. */
  close(): Promise<void>;
}
