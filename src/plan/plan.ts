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
  /** Bucket for own ICMP errors (both families together), and another of the same shape for TCP resets. */
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
}

export interface PlanUplink6 {
  readonly usable: boolean;
  readonly gateway?: Uint8Array;
  /** Each pair is a translator of its own (RFC 6296 section 3.1). */
  readonly pairs: readonly PlanPrefixPair[];
}

export interface PlanPrefixPair {
  readonly internal: Uint8Array;
  readonly internalLength: number;
  readonly external: Uint8Array;
  readonly externalLength: number;
}

export interface PlanPolicy {
  /** Uplink slots in order of preference. */
  readonly prefer: readonly number[];
}

export type PlanFiltering = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

export interface PlanNat44 {
  readonly udpMs: number;
  readonly icmpMs: number;
  readonly tcpTransitoryMs: number;
  readonly tcpEstablishedMs: number;
  /** How long a freed external port rests before another endpoint gets it. */
  readonly portRestMs: number;
  readonly filteringUdp: PlanFiltering;
  readonly filteringTcp: PlanFiltering;
  readonly filteringIcmp: PlanFiltering;
  /** How long fragments of a datagram wait for the first one, and are translated after it. */
  readonly fragmentMs: number;
  /** Destinations that are not translated. */
  readonly exempt: readonly PlanPrefix4[];
}

export interface PlanPrefix4 {
  readonly prefix: number;
  readonly prefixLength: number;
}

export interface PlanNptv6 {
  /** Translate an all-zeros interface identifier instead of dropping it (RFC 6296 section 3.7). */
  readonly translateZeroInterfaceId: boolean;
}

export interface PlanRate {
  readonly perSecond: number;
  readonly burst: number;
}
