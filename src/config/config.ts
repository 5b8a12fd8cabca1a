/**
 * The configuration after it was read, checked and completed with defaults: values, not text, and readonly all the
 * way down. Durations are milliseconds. `parseConfig` is the only way to one.
 */
import type { Ipv4Address } from '../net/ipv4-address.ts';
import type { Ipv4Interface, Ipv4Prefix } from '../net/ipv4-prefix.ts';
import type { Ipv6Address } from '../net/ipv6-address.ts';
import type { Ipv6Interface, Ipv6Prefix } from '../net/ipv6-prefix.ts';
import type { MacAddress } from '../net/mac-address.ts';
import type { HookConfig, JournalConfig } from './operations-config.ts';
import type { PolicyConfig } from './policy-config.ts';
import type { ProbeTargetConfig } from './probe-target.ts';

export type * from './policy-config.ts';

export interface NptdConfig {
  /** In file order; at least one. */
  readonly internal: readonly InternalConfig[];
  readonly site: SiteConfig;
  /** In file order; 1 to 16. */
  readonly uplinks: readonly UplinkConfig[];
  /** In order of match; the last one is `default`. */
  readonly policies: readonly PolicyConfig[];
  /** In file order. */
  readonly publish: readonly PublishConfig[];
  readonly nat44: Nat44Config;
  readonly nptv6: Nptv6Config;
  readonly filter: FilterConfig;
  readonly martians: MartiansConfig;
  readonly limits: LimitsConfig;
  readonly state: StateConfig;
  readonly journal: JournalConfig;
  readonly hooks: readonly HookConfig[];
  readonly worker: WorkerConfig;
  readonly control: ControlConfig;
}

export interface WorkerConfig {
  /** Threads that carry packets, 1 to 8. */
  readonly count: number;
  /** Microseconds for which a worker that has just had packets looks for more before it sleeps. */
  readonly busyPollUs: number;
}

export interface SiteConfig {
  /** Internal prefix of every prefix pair that names no other. */
  readonly ula?: Ipv6Prefix;
}

/** A device on the site's side. */
export interface InternalConfig {
  readonly name: string;
  readonly device: DeviceConfig;
  /** The gateway's own addresses there. */
  readonly ipv4: readonly Ipv4Interface[];
  readonly ipv6: readonly Ipv6Interface[];
  /** Internal subnets behind inner routers on this device. */
  readonly routes: readonly RouteConfig[];
  /** Absent: no router advertisements. */
  readonly advertise?: AdvertiseConfig;
}

export type RouterPreference = 'high' | 'medium' | 'low';

/** Router advertisements on a device. */
export interface AdvertiseConfig {
  /** Longest time between two. */
  readonly intervalMs: number;
  /** Of the default route. */
  readonly lifetimeMs: number;
  readonly preference: RouterPreference;
  /** Lifetimes of prefixes. */
  readonly validMs: number;
  readonly preferredMs: number;
  readonly resolvers: readonly Ipv6Address[];
}

export interface DeviceConfig {
  /** A TAP or TUN device that nptd makes, or packet or AF_XDP sockets on an interface that is there. */
  readonly kind: 'tap' | 'tun' | 'packet' | 'xdp';
  /** Interface name. */
  readonly name: string;
  /** Named network namespace; absent: that of the process. */
  readonly netns?: string;
  /** Longest IP packet, in octets. */
  readonly mtu: number;
  /** The gateway's own address on the link: configured, or made from the names of namespace and device. None: no Ethernet. */
  readonly mac?: MacAddress;
  /** Whether super-packets and unfinished checksums cross it. */
  readonly offload: boolean;
}

export type RouteConfig = Route4Config | Route6Config;

export interface Route4Config {
  readonly family: 4;
  readonly to: Ipv4Prefix;
  readonly via: Ipv4Address;
}

export interface Route6Config {
  readonly family: 6;
  readonly to: Ipv6Prefix;
  readonly via: Ipv6Address;
}

/** One attachment to an ISP; carries a family only if it has it. */
export interface UplinkConfig {
  readonly name: string;
  readonly device: DeviceConfig;
  readonly ipv4?: Uplink4Config;
  readonly ipv6?: Uplink6Config;
  readonly probe: ProbeConfig;
  /** Traffic costs money: probed sparsely. */
  readonly metered: boolean;
  /** What the ISP sells, bits per second, as far as the file says. */
  readonly bandwidth: { readonly down?: number; readonly up?: number };
}

export interface Uplink4Config {
  readonly address: Ipv4Interface;
  /** Router of the link; absent on a point-to-point device. */
  readonly gateway?: Ipv4Address;
  /** External addresses of mappings; the first is the uplink's own. */
  readonly pool: readonly Ipv4Address[];
  readonly ports: PortRange;
  /** False: routed without translation. */
  readonly nat44: boolean;
  /** Largest TCP maximum segment size, octets; absent: left alone. */
  readonly mssClamp?: number;
  /** The gateway's own ports. */
  readonly reserved: readonly ProtocolPorts[];
}

/** Both ends belong to it. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

/** Ports of one IP protocol. */
export interface ProtocolPorts extends PortRange {
  /** 6, 17, 33 or 136. */
  readonly protocol: number;
}

export interface Uplink6Config {
  readonly address: Ipv6Interface;
  /** Router of the link; absent on a point-to-point device. */
  readonly gateway?: Ipv6Address;
  /** At least one; internal prefixes do not overlap, nor do external ones but those of native prefixes. */
  readonly pairs: readonly PrefixPairConfig[];
  /** Prefix of this uplink that hosts hold themselves; it is the first of `pairs`, with itself. */
  readonly native?: Ipv6Prefix;
  /** The ISP's DNS servers. */
  readonly resolvers: readonly Ipv6Address[];
  /** Largest TCP maximum segment size, octets; absent: left alone. */
  readonly mssClamp?: number;
  /** Answer neighbour solicitations for external addresses of the pairs. */
  readonly neighbourProxy: boolean;
}

/** A prefix pair of RFC 6296. */
export interface PrefixPairConfig {
  readonly internal: Ipv6Prefix;
  readonly external: Ipv6Prefix;
}

/** When an uplink works so badly that others are preferred. */
export interface DegradedConfig {
  /** More loss than this, 0 to 1. */
  readonly loss: number;
  /** A longer round trip than this; absent: any will do. */
  readonly latencyMs?: number;
  /** Over this time. */
  readonly windowMs: number;
  /** No more loss than this, 0 to 1, to be up again. */
  readonly clearLoss: number;
}

export interface ProbeConfig {
  /** In file order, of both families. */
  readonly targets: readonly ProbeTargetConfig[];
  /** Time between two probes of one family. */
  readonly intervalMs: number;
  /** An answer later than this is a miss. */
  readonly timeoutMs: number;
  /** How long a family that was down must answer before it is used again. */
  readonly upAfterMs: number;
  /** Most that this grows to while the family comes and goes. */
  readonly upAfterMaxMs: number;
  /** Time between two probes on a metered uplink that carries nothing. */
  readonly standbyIntervalMs: number;
  readonly degraded: DegradedConfig;
  /** Targets of a family that must answer. */
  readonly quorum: number;
  readonly transport: ProbeTransport;
}

/** `data-path`: injected into the uplink's device by the engine; `raw-socket`: through the kernel, for devices it owns. */
export type ProbeTransport = 'data-path' | 'raw-socket';

/** A server that the Internet may reach. */
export interface PublishConfig {
  readonly name: string;
  /** Its internal addresses; at least one. */
  readonly to4: readonly Ipv4Address[];
  readonly to6: readonly Ipv6Address[];
  /** For IPv4; in the order of the file's `on`, or of the uplinks. */
  readonly on: readonly PublishUplinkConfig[];
  /** Empty: the whole address. */
  readonly ports: readonly PublishPortsConfig[];
  /** Whom the server sees: the client, or the gateway's internal address. */
  readonly source: 'client' | 'gateway';
}

export interface PublishUplinkConfig {
  readonly uplink: string;
  /** External address. */
  readonly address: Ipv4Address;
}

/** `count` ports from each of the two on. */
export interface PublishPortsConfig {
  /** 6, 17, 33 or 136. */
  readonly protocol: number;
  readonly external: number;
  readonly internal: number;
  readonly count: number;
}

export type Filtering = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

export interface Nat44Config {
  readonly timeouts: Nat44Timeouts;
  /** How long a freed external port rests before another endpoint gets it. */
  readonly portRestMs: number;
  /** Ports that rest at most in one pool. */
  readonly restingPorts: number;
  readonly filtering: Nat44Filtering;
  /** Whether what filtering refuses is answered by ICMP (1812-13). */
  readonly filtered: 'drop' | 'refuse';
  /** Whether a SYN that nobody waits for is answered (5382-R4, 5382-R4a). */
  readonly unsolicitedSyn: 'refuse' | 'stealth';
  readonly parity: 'any' | 'preserve';
  readonly otherProtocols: 'translate' | 'drop';
  /** Destinations that are not translated. */
  readonly exempt: readonly ExemptConfig[];
}

export interface ExemptConfig {
  readonly to: Ipv4Prefix;
  /** 6, 17, 33 or 136; absent: all. */
  readonly protocol?: number;
  /** Remote ports; absent: all. */
  readonly ports?: PortRange;
}

/** Each configurable (4787-R5b, 5382-R5a, 5508-R2a). */
export interface Nat44Timeouts {
  readonly udpMs: number;
  readonly icmpMs: number;
  /** Protocols without ports. */
  readonly otherMs: number;
  readonly tcpOpeningMs: number;
  readonly tcpClosingMs: number;
  readonly tcpEstablishedMs: number;
  readonly dccpTransitoryMs: number;
  readonly dccpEstablishedMs: number;
  /** How long a SYN that nobody waits for is held before it is answered. */
  readonly heldSynMs: number;
  /** How long fragments of a datagram wait for the first one, and are translated after it. */
  readonly fragmentMs: number;
}

export interface Nat44Filtering {
  readonly udp: Filtering;
  readonly tcp: Filtering;
  readonly icmp: Filtering;
  readonly dccp: Filtering;
}

export interface FilterConfig {
  readonly mode: 'on' | 'off';
  /** Of UDP and UDP-Lite. */
  readonly udp: Filtering;
  readonly tcp: Filtering;
  readonly other: Filtering;
  readonly ipsec: boolean;
  readonly unassignedIcmp: 'drop' | 'forward';
}

export interface Nptv6Config {
  /** What to do with an interface identifier of zeros (RFC 6296 section 3.7). */
  readonly allZerosInterfaceId: 'drop' | 'translate';
}

/** Addresses that are nobody, beyond those that never are anybody. */
export interface MartiansConfig {
  /** Prefixes kept for examples (RFC 3849, RFC 5737; 6092-R3). */
  readonly documentation: 'pass' | 'drop';
}

export interface LimitsConfig {
  /** Most mappings, live and resting; for the life of the process, like the next two. */
  readonly mappings: number;
  readonly sessions: number;
  readonly neighbours: number;
  /** Most internal addresses that hold mappings or sessions; for the life of the process too. */
  readonly hosts: number;
  readonly perHost: PerHostLimits;
  /** Most sessions of the IPv6 filter; for the life of the process too. */
  readonly filterSessions: number;
  /** Own ICMP errors towards the site; those towards uplinks, and TCP resets, have buckets of their own of this shape. */
  readonly icmpErrors: RateConfig;
}

/** What one internal address may hold (6888-R4, 6888-R5). */
export interface PerHostLimits {
  /** Per protocol. */
  readonly mappings: number;
  readonly sessions: number;
  readonly sessionsPerMapping: number;
  readonly flows: RateConfig;
}

export interface RateConfig {
  readonly perSecond: number;
  readonly burst: number;
}

/** What survives a restart. */
export interface StateConfig {
  /** Absent: nothing does. */
  readonly file?: string;
}

export interface ControlConfig {
  /** Path of the control socket. */
  readonly socket: string;
}
