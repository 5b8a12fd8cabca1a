/** Configuration and the state of the uplinks → the plan that the data path takes over. Pure and total. */
import type {
  InternalConfig,
  NptdConfig,
  ProtocolPorts,
  RouteConfig,
  Uplink4Config,
  Uplink6Config,
  UplinkConfig,
} from '../config/config.ts';
import type { Ipv4Interface } from '../net/ipv4-prefix.ts';
import { ipv6ToOctets } from '../net/ipv6-address.ts';
import type { Ipv6Interface } from '../net/ipv6-prefix.ts';
import { macToOctets } from '../net/mac-address.ts';
import { planAdvertise } from './advertise.ts';
import { planFilter6 } from './filter6.ts';
import { planNat44 } from './nat44.ts';
import type {
  Plan,
  PlanAdvertise,
  PlanDevice,
  PlanInterface4,
  PlanInterface6,
  PlanRoute,
  PlanUplink,
  PlanUplink4,
  PlanUplink6,
} from './plan.ts';
import { type PolicyChoice, planPolicy } from './policy.ts';
import { planPair } from './prefix-pair.ts';
import { probePorts } from './probe-ports.ts';
import { type SlotAssignment, slotOf, uplinksBySlot } from './slots.ts';

export { assignSlots, deviceOrder, type SlotAssignment, slotOf } from './slots.ts';

/** What the control plane adds to the configuration. */
export interface PlanState {
  /** Counts up from 1. */
  readonly generation: number;
  /** By the name of the uplink; every uplink of the configuration is in it. */
  readonly uplinks: ReadonlyMap<string, UplinkPlanState>;
  /** By the name of the policy; one that is not in it follows the configuration alone. */
  readonly policies?: ReadonlyMap<string, PolicyPlanState>;
}

export interface PolicyPlanState {
  /** From `assignPolicyNumbers`. */
  readonly number: number;
  readonly choice: PolicyChoice;
}

export interface UplinkPlanState {
  /** From `assignSlots`. */
  readonly slot: number;
  /** 0 to 255; raised when an address or prefix of the uplink changes. */
  readonly epoch: number;
  /** Whether new traffic of the family may use it; without meaning where the uplink does not carry the family. */
  readonly usable4: boolean;
  readonly usable6: boolean;
  /** Whether new traffic of the family may use it when nothing is usable. Absent: yes. */
  readonly lastResort4?: boolean;
  readonly lastResort6?: boolean;
}

/** Devices are in the order of `deviceOrder`. Throws a `RangeError` if the state lacks an uplink of the configuration. */
export function compilePlan(config: NptdConfig, state: PlanState): Plan {
  const slots: SlotAssignment = new Map([...state.uplinks].map(([name, { slot }]) => [name, slot]));
  const uplinks = uplinksBySlot(config, slots);
  const isUsable6 = ({ name }: UplinkConfig): boolean => state.uplinks.get(name)?.usable6 === true;
  const filter6 = planFilter6(config);
  return {
    generation: state.generation,
    devices: [
      ...config.internal.map((internal) => internalDevice(internal, planAdvertise(config, internal, isUsable6))),
      ...uplinks.map((uplink) => uplinkDevice(uplink, slots)),
    ],
    routes: config.internal.flatMap(({ routes }, device) => routes.map((route) => planRoute(route, device))),
    uplinks: uplinks.map((uplink, index) => planUplink(uplink, config, config.internal.length + index, state)),
    policies: config.policies.map((policy, position) => {
      const known = state.policies?.get(policy.name);
      return planPolicy(policy, known?.number ?? position, slots, known?.choice);
    }),
    nat44: planNat44(config, slots),
    nptv6: {
      translateZeroInterfaceId: config.nptv6.allZerosInterfaceId === 'translate',
      forwardUnassignedIcmp: config.filter.unassignedIcmp === 'forward',
    },
    ...(filter6 === undefined ? {} : { filter6 }),
    dropDocumentation: config.martians.documentation === 'drop',
    errorRate: { perSecond: config.limits.icmpErrors.perSecond, burst: config.limits.icmpErrors.burst },
  };
}

function internalDevice({ device, ipv4, ipv6 }: InternalConfig, advertise: PlanAdvertise | undefined): PlanDevice {
  return {
    ...(device.mac === undefined ? {} : { mac: macToOctets(device.mac) }),
    mtu: device.mtu,
    ipv4: ipv4.map(planInterface4),
    ipv6: ipv6.map(planInterface6),
    ...(advertise === undefined ? {} : { advertise }),
  };
}

function uplinkDevice({ name, device, ipv4, ipv6 }: UplinkConfig, slots: SlotAssignment): PlanDevice {
  return {
    ...(device.mac === undefined ? {} : { mac: macToOctets(device.mac) }),
    uplinkSlot: slotOf(slots, name),
    mtu: device.mtu,
    ipv4: ipv4 === undefined ? [] : [planInterface4(ipv4.address)],
    ipv6: ipv6 === undefined ? [] : [planInterface6(ipv6.address)],
  };
}

function planInterface4({ address, prefix }: Ipv4Interface): PlanInterface4 {
  return { address, prefixLength: prefix.length };
}

function planInterface6({ address, prefix }: Ipv6Interface): PlanInterface6 {
  return { address: ipv6ToOctets(address), prefixLength: prefix.length };
}

function planRoute(route: RouteConfig, device: number): PlanRoute {
  if (route.family === 4) {
    return { device, ipv4: { prefix: route.to.address, prefixLength: route.to.length, via: route.via } };
  }
  const { to, via } = route;
  return {
    device,
    ipv6: { prefix: ipv6ToOctets(to.address), prefixLength: to.length, via: ipv6ToOctets(via) },
  };
}

function planUplink(uplink: UplinkConfig, config: NptdConfig, device: number, state: PlanState): PlanUplink {
  const { name, ipv4, ipv6 } = uplink;
  const uplinkState = state.uplinks.get(name);
  if (uplinkState === undefined) throw new RangeError(`uplink "${name}" has no state`);
  const { slot, epoch, usable4, usable6 } = uplinkState;
  const keep = config.policies.at(-1)?.lastResort === 'keep';
  const lastResort4 = keep && uplinkState.lastResort4 !== false;
  const lastResort6 = keep && uplinkState.lastResort6 !== false;
  return {
    slot,
    epoch,
    device,
    ...(ipv4 === undefined ? {} : { ipv4: planUplink4(ipv4, probePorts(uplink, config), usable4, lastResort4) }),
    ...(ipv6 === undefined ? {} : { ipv6: planUplink6(ipv6, usable6, lastResort6) }),
  };
}

function planUplink4(
  { gateway, pool, ports, nat44, mssClamp, reserved }: Uplink4Config,
  ofProbes: readonly ProtocolPorts[],
  usable: boolean,
  lastResort: boolean,
): PlanUplink4 {
  return {
    usable,
    lastResort,
    ...(gateway === undefined ? {} : { gateway }),
    pool,
    portLow: ports.low,
    portHigh: ports.high,
    nat44,
    reserved: [...reserved, ...ofProbes],
    ...(mssClamp === undefined ? {} : { mssClamp }),
  };
}

function planUplink6(
  { gateway, pairs, mssClamp, neighbourProxy }: Uplink6Config,
  usable: boolean,
  lastResort: boolean,
): PlanUplink6 {
  return {
    usable,
    lastResort,
    ...(gateway === undefined ? {} : { gateway: ipv6ToOctets(gateway) }),
    pairs: pairs.map(planPair),
    ...(mssClamp === undefined ? {} : { mssClamp }),
    proxyNeighbours: neighbourProxy,
  };
}
