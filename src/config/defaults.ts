/** What holds where the file says nothing. The lifetimes are the constants of RFC 6146 (6146-T10). */
import type {
  AdvertiseConfig,
  ControlConfig,
  FilterConfig,
  LimitsConfig,
  MartiansConfig,
  Nat44Config,
  Nat44Timeouts,
  Nptv6Config,
  PolicyConfig,
  PortRange,
  ProbeConfig,
} from './config.ts';
import type { HookConfig, JournalConfig } from './operations-config.ts';

export const DEFAULT_MTU = 1500;

/**
 * All of them (6056-4): a packet keeps the class of its internal port (4787-R3a), so each class needs its ports.
 */
export const DEFAULT_PORTS: PortRange = { low: 1, high: 65_535 };

export const DEFAULT_NAT44: Nat44Config = {
  timeouts: {
    udpMs: 300_000, // 4787-R5c
    icmpMs: 60_000, // 5508-R2
    otherMs: 300_000,
    tcpOpeningMs: 240_000, // 5382-R5, 6146-T10, 7857-S2.1
    tcpClosingMs: 240_000, // 5382-R5, 6146-T10, 7857-S2.1
    tcpEstablishedMs: 7_440_000, // 5382-R5, 6146-T10
    dccpTransitoryMs: 480_000, // 5597-R5; 8 minutes serve RFC 6092 as well
    dccpEstablishedMs: 7_440_000, // 5597-R5
    heldSynMs: 6000, // 5382-R4, 6146-T10
    fragmentMs: 5000, // 6146-F1
  },
  portRestMs: 120_000, // 6888-R8
  restingPorts: 65_536, // 6888-R8
  filtering: {
    udp: 'address-dependent',
    tcp: 'address-dependent',
    icmp: 'address-dependent',
    dccp: 'address-dependent',
  },
  filtered: 'drop',
  unsolicitedSyn: 'refuse',
  parity: 'any', // 7857-S8
  otherProtocols: 'translate',
  exempt: [],
};

/** The least that the RFCs allow, with the requirement that says so. */
export const TIMEOUT_MINIMA: { readonly [name in keyof Nat44Timeouts]: { readonly ms: number; readonly id: string } } =
  {
    udpMs: { ms: 120_000, id: '4787-R5' },
    icmpMs: { ms: 60_000, id: '5508-R2' },
    otherMs: { ms: 120_000, id: '6092-R12' },
    tcpOpeningMs: { ms: 240_000, id: '5382-R5' },
    tcpClosingMs: { ms: 240_000, id: '5382-R5' },
    tcpEstablishedMs: { ms: 7_440_000, id: '5382-R5' },
    dccpTransitoryMs: { ms: 240_000, id: '5597-R5' },
    dccpEstablishedMs: { ms: 7_440_000, id: '5597-R5' },
    heldSynMs: { ms: 6000, id: '5382-R4' },
    fragmentMs: { ms: 2000, id: '6146-F1' },
  };

export const PORT_REST_MINIMUM = { ms: 120_000, id: '6888-R8' } as const;

export const DEFAULT_NPTV6: Nptv6Config = { allZerosInterfaceId: 'drop' }; // 6296-3.7b

/** Every example and test uses them (6092-R3). */
export const DEFAULT_MARTIANS: MartiansConfig = { documentation: 'pass' };

/** 6092-R11: endpoint-independent, the choice for gateways that nobody manages. */
export const DEFAULT_FILTER: FilterConfig = {
  mode: 'on',
  udp: 'endpoint-independent',
  tcp: 'endpoint-independent',
  other: 'endpoint-independent',
  ipsec: true, // 6092-R21, 6092-R22, 6092-R24
  unassignedIcmp: 'drop', // 4890-T4
};

/** RFC 4861 section 6.2.1, but for lifetimes of prefixes that renumber in hours instead of a month (RFC 9096). */
export const DEFAULT_ADVERTISE: AdvertiseConfig = {
  intervalMs: 600_000,
  lifetimeMs: 1_800_000,
  preference: 'medium',
  validMs: 86_400_000,
  preferredMs: 14_400_000,
  resolvers: [],
};

export const DEFAULT_LIMITS: LimitsConfig = {
  mappings: 262_144,
  sessions: 524_288,
  neighbours: 1024,
  hosts: 4096,
  perHost: {
    mappings: 32_768,
    sessions: 65_536,
    sessionsPerMapping: 65_536,
    flows: { perSecond: 2000, burst: 10_000 },
  },
  filterSessions: 262_144,
  // A 30-hop traceroute with three probes a hop, in parallel, is still answered (1812-RATE).
  icmpErrors: { perSecond: 100, burst: 100 },
};

export const DEFAULT_CONTROL: ControlConfig = { socket: '/run/nptd/nptd.sock' };

/** Judging a dead uplink takes two bursts and a timeout: at most 2.6 s by default, 0.45 s with the fast profile. */
export const PROBE_PROFILES = {
  default: { intervalMs: 500, timeoutMs: 800 },
  fast: { intervalMs: 100, timeoutMs: 120 },
} as const satisfies Record<string, Pick<ProbeConfig, 'intervalMs' | 'timeoutMs'>>;

export const DEFAULT_PROBE: Omit<ProbeConfig, 'targets' | 'intervalMs' | 'timeoutMs'> = {
  upAfterMs: 30_000,
  upAfterMaxMs: 600_000,
  standbyIntervalMs: 10_000,
  degraded: { loss: 0.2, windowMs: 15_000, clearLoss: 0.05 },
  quorum: 1,
  transport: 'data-path',
};

/** Established flows end where they are, those of a dead uplink learn of it at once. */
export const DEFAULT_POLICY: Omit<PolicyConfig, 'name' | 'prefer'> = {
  matches: [],
  select: 'ordered',
  persistence: 'source',
  failback: { mode: 'drain' },
  onFailure: { tcp: 'reset', udp: 'move', other: 'move' },
  otherwise: 'default',
  lastResort: 'keep',
};

/** Years of an ordinary site, some 3 MB. */
export const DEFAULT_JOURNAL: JournalConfig = { entries: 10_000 };

export const DEFAULT_HOOK: Pick<HookConfig, 'on' | 'timeoutMs'> = {
  on: ['uplink-changed', 'selection-changed'],
  timeoutMs: 10_000,
};
