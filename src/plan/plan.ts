/**
 * The plan: immutable policy that the control plane compiles and the data path takes over between two batches.
 *
 * Octets and numbers only. An IPv4 address is a number below 2^32 (192.0.2.1 is 0xc0000201), an IPv6 address
 * sixteen octets, a MAC address six. Times are milliseconds. The same value configures the Rust engine
 * (as `BindingPlan`) and the reference translator.
 */
export interface Plan {
  /** Counts up from 1; the data path acknowledges it. */
  readonly generation: number;
  /** The position of a device is its index everywhere else, and never changes while the gateway runs. */
  readonly devices: readonly PlanDevice[];
  /** Static routes to internal subnets behind inner routers. */
  readonly routes: readonly PlanRoute[];
  readonly uplinks: readonly PlanUplink[];
  /** In order of match; the last one matches everything. */
  readonly policies: readonly PlanPolicy[];
  readonly nat44: PlanNat44;
  readonly nptv6: PlanNptv6;
  /** Stateful filter of IPv6 (RFC 6092); absent: everything passes and no state is kept. */
  readonly filter6?: PlanFilter6;
  /** Whether the prefixes kept for documentation (RFC 3849, RFC 5737) are martians. */
  readonly dropDocumentation?: boolean;
  /** Buckets of this shape for own ICMP errors towards the site, those towards uplinks, and TCP resets. */
  readonly errorRate: PlanRate;
}

export interface PlanDevice {
  /** The gateway's own link address; absent on a device that carries bare IP packets. */
  readonly mac?: Uint8Array;
  /** Slot of the uplink it belongs to; absent on an internal device. */
  readonly uplinkSlot?: number;
  /** Longest IP packet, in octets. */
  readonly mtu: number;
  /** Own addresses with the length of their on-link prefix; the first is the source of own packets. */
  readonly ipv4: readonly PlanInterface4[];
  readonly ipv6: readonly PlanInterface6[];
  /** Router advertisements on this (internal) device; absent: none. */
  readonly advertise?: PlanAdvertise;
}

export type PlanRouterPreference = 'high' | 'medium' | 'low';

/** What router advertisements say (RFC 4861 section 4.2). A change is sent at once. */
export interface PlanAdvertise {
  /** 0: not a default router. */
  readonly routerLifetimeS: number;
  readonly preference: PlanRouterPreference;
  /** Longest time between two unsolicited ones. */
  readonly intervalMs: number;
  /** Octets; absent: not said. */
  readonly linkMtu?: number;
  readonly prefixes: readonly PlanAdvertisedPrefix[];
  readonly routes: readonly PlanAdvertisedRoute[];
  /** Recursive DNS servers (RFC 8106). */
  readonly resolvers: readonly PlanAdvertisedResolver[];
}

export interface PlanAdvertisedPrefix {
  readonly prefix: Uint8Array;
  readonly prefixLength: number;
  readonly onLink: boolean;
  /** Hosts make themselves addresses of it. */
  readonly autonomous: boolean;
  readonly validS: number;
  /** 0: deprecated. */
  readonly preferredS: number;
}

/** Route information (RFC 4191). */
export interface PlanAdvertisedRoute {
  readonly prefix: Uint8Array;
  readonly prefixLength: number;
  readonly preference: PlanRouterPreference;
  readonly lifetimeS: number;
}

export interface PlanAdvertisedResolver {
  readonly address: Uint8Array;
  /** 0: withdrawn. */
  readonly lifetimeS: number;
}

export interface PlanInterface4 {
  readonly address: number;
  readonly prefixLength: number;
}

export interface PlanInterface6 {
  readonly address: Uint8Array;
  readonly prefixLength: number;
}

/** Exactly one of the two families is present. */
export interface PlanRoute {
  /** Index of an internal device. */
  readonly device: number;
  readonly ipv4?: { readonly prefix: number; readonly prefixLength: number; readonly via: number };
  readonly ipv6?: { readonly prefix: Uint8Array; readonly prefixLength: number; readonly via: Uint8Array };
}

export interface PlanUplink {
  /** Stable position by name, 0 to 15. */
  readonly slot: number;
  /** 0 to 255; raised when an address or prefix of this uplink changes, which ends its older sessions. */
  readonly epoch: number;
  /** Index of its device. */
  readonly device: number;
  readonly ipv4?: PlanUplink4;
  readonly ipv6?: PlanUplink6;
}

export interface PlanUplink4 {
  /** Whether new traffic may use it: health decides. */
  readonly usable: boolean;
  /** Whether new traffic may use it when no uplink of the policy is usable. */
  readonly lastResort: boolean;
  /** Next hop; absent on a point-to-point link. */
  readonly gateway?: number;
  /** External addresses of mappings; the first is the uplink's own. */
  readonly pool: readonly number[];
  readonly portLow: number;
  readonly portHigh: number;
  /** False: routed without translation. */
  readonly nat44: boolean;
  /** Largest TCP maximum segment size, octets; absent: left alone. */
  readonly mssClamp?: number;
  /** The gateway's own ports: never handed out. */
  readonly reserved: readonly PlanPorts[];
}

/** Ports of one IP protocol (6, 17, 33 or 136); both ends belong to it. */
export interface PlanPorts {
  readonly protocol: number;
  readonly low: number;
  readonly high: number;
}

export interface PlanUplink6 {
  readonly usable: boolean;
  /** As in `PlanUplink4`. */
  readonly lastResort: boolean;
  readonly gateway?: Uint8Array;
  /** Each pair is a translator of its own (RFC 6296 section 3.1). */
  readonly pairs: readonly PlanPrefixPair[];
  /** Largest TCP maximum segment size, octets; absent: left alone. */
  readonly mssClamp?: number;
  /** Whether the gateway answers neighbour solicitations for external addresses of the pairs, where the ISP routes none of them to it. */
  readonly proxyNeighbours?: boolean;
}

export interface PlanPrefixPair {
  readonly internal: Uint8Array;
  readonly internalLength: number;
  readonly external: Uint8Array;
  readonly externalLength: number;
}

/** Which flows it is about, and which uplinks they take. What is absent has the default that is said. */
export interface PlanPolicy {
  /** Uplink slots in order of preference. */
  readonly prefer: readonly number[];
  /** Stable by name, 0 to 31; sessions keep it. Absent: its position. */
  readonly number?: number;
  /** It is about what meets one of them, with none of them about nothing. Absent, as in the last policy: about everything. */
  readonly matches?: readonly PlanMatch[];
  /** In the order of `prefer`, 0 to 65,535: shares of new flows of those uplinks that may take them. Absent: all 0, the first takes all. */
  readonly weights?: readonly number[];
  /** What keeps taking the same uplink of several with weights. Absent: `source`. */
  readonly persistence?: PlanPersistence;
  /** Slots that new flows do not take, though usable. */
  readonly shun4?: readonly number[];
  readonly shun6?: readonly number[];
  /** Slots that flows of the policy leave, though usable, while it has another one for them. */
  readonly leave4?: readonly number[];
  readonly leave6?: readonly number[];
  /** Whether new flows are refused, rather than sent by a last resort. Absent: no. */
  readonly refuse?: boolean;
  /** Absent: TCP is reset, all else moves. */
  readonly onFailure?: PlanOnFailure;
}

/** A conjunction; what is absent is met by everything. Address prefixes are met by packets of their family only. */
export interface PlanMatch {
  readonly source4?: PlanPrefix4;
  readonly source6?: PlanPrefix6;
  readonly destination4?: PlanPrefix4;
  readonly destination6?: PlanPrefix6;
  readonly protocol?: number;
  /** Destination ports; both are there or neither. */
  readonly portLow?: number;
  readonly portHigh?: number;
  /** Source ports; both are there or neither. */
  readonly sourcePortLow?: number;
  readonly sourcePortHigh?: number;
  /** 0 to 63. */
  readonly dscp?: number;
}

export interface PlanPrefix4 {
  readonly prefix: number;
  readonly prefixLength: number;
}

export interface PlanPrefix6 {
  readonly prefix: Uint8Array;
  readonly prefixLength: number;
}

export type PlanPersistence = 'source' | 'source-destination' | 'flow';

/** What becomes of flows whose uplink is to be left. */
export interface PlanOnFailure {
  readonly tcp: 'reset' | 'keep';
  /** UDP and UDP-Lite. */
  readonly udp: PlanFailureAction;
  readonly other: PlanFailureAction;
}

/** `reset`: refused with an ICMP error. */
export type PlanFailureAction = 'move' | 'reset' | 'keep';

export type PlanFiltering = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

export interface PlanNat44 {
  /** Of UDP and UDP-Lite. */
  readonly udpMs: number;
  readonly icmpMs: number;
  /** Of protocols without ports: GRE, ESP, SCTP, unknown ones. */
  readonly otherMs: number;
  /** TCP before both sides have sent a SYN. */
  readonly tcpOpeningMs: number;
  /** TCP after both FINs or a RST. */
  readonly tcpClosingMs: number;
  readonly tcpEstablishedMs: number;
  /** DCCP that opens or closes. */
  readonly dccpTransitoryMs: number;
  readonly dccpEstablishedMs: number;
  /** How long a freed external port rests before another endpoint gets it. */
  readonly portRestMs: number;
  /** Ports that rest at most in one pool (uplink, external address, protocol). */
  readonly restingPortsMax: number;
  /** Of UDP and UDP-Lite. */
  readonly filteringUdp: PlanFiltering;
  readonly filteringTcp: PlanFiltering;
  readonly filteringIcmp: PlanFiltering;
  readonly filteringDccp: PlanFiltering;
  /** How long fragments of a datagram wait for the first one, and are translated after it. */
  readonly fragmentMs: number;
  /** How long an unsolicited inbound SYN waits before it is answered by an ICMP error; 0: it is never answered. */
  readonly holdMs: number;
  /** Whether protocols without ports are translated by address alone. */
  readonly otherProtocols: boolean;
  /** Whether what filtering refuses is answered by an ICMP error. */
  readonly refuseFiltered: boolean;
  /** Whether an external port is even where the internal one is. */
  readonly preserveParity: boolean;
  /** Destinations that are not translated. */
  readonly exempt: readonly PlanExempt[];
  /** No two of one uplink share an external or an internal endpoint. */
  readonly staticMappings: readonly PlanStaticMapping[];
  readonly hostLimits: PlanHostLimits;
}

/** Remote endpoints that see the site untranslated. */
export interface PlanExempt {
  readonly prefix: number;
  readonly prefixLength: number;
  /** IP protocol; absent: all. */
  readonly protocol?: number;
  /** Remote ports of that protocol (6, 17, 33 or 136); both are there or neither. */
  readonly portLow?: number;
  readonly portHigh?: number;
}

/** External endpoints of an uplink that lead to an internal host, whoever calls. */
export interface PlanStaticMapping {
  readonly slot: number;
  readonly externalAddress: number;
  readonly internalAddress: number;
  /** Absent: the whole address, every protocol and port. */
  readonly ports?: PlanStaticPorts;
}

/** `count` ports from each of the two on. */
export interface PlanStaticPorts {
  /** 6, 17, 33 or 136. */
  readonly protocol: number;
  readonly external: number;
  readonly internal: number;
  /** At least 1. */
  readonly count: number;
  /** The host sees clients as the gateway's internal address. */
  readonly gatewaySource: boolean;
}

/** What one internal address may hold. */
export interface PlanHostLimits {
  /** Live and resting; protocols without ports count as one. */
  readonly mappingsPerProtocol: number;
  readonly sessions: number;
  readonly sessionsPerMapping: number;
  /** New flows from inside. */
  readonly flows: PlanRate;
}

export interface PlanNptv6 {
  /** Translate an all-zeros interface identifier instead of dropping it (RFC 6296 section 3.7). */
  readonly translateZeroInterfaceId: boolean;
  /** Forward ICMPv6 types that nobody has assigned, and experiments (RFC 4890 section 4.3.4). */
  readonly forwardUnassignedIcmp?: boolean;
}

export interface PlanFilter6 {
  /** Of UDP and UDP-Lite. */
  readonly filteringUdp: PlanFiltering;
  readonly filteringTcp: PlanFiltering;
  readonly filteringOther: PlanFiltering;
  /** Whether ESP, AH and UDP port 500 may come in unasked. */
  readonly ipsec: boolean;
  readonly published: readonly PlanPublished6[];
}

/** What may come in unasked. */
export interface PlanPublished6 {
  readonly internalAddress: Uint8Array;
  /** Absent: everything. */
  readonly protocol?: number;
  /** Of protocols with ports; both are there or neither. */
  readonly portLow?: number;
  readonly portHigh?: number;
}

export interface PlanRate {
  readonly perSecond: number;
  readonly burst: number;
}
