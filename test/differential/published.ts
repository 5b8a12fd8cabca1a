/** Static mappings that a site may have: some beside each other, some in each other's way. */
import type { Plan, PlanStaticMapping } from '../../src/plan/plan.ts';
import { ipv4 } from '../support/packet-builder.ts';
import type { Published } from './any-site.ts';

const TCP = 6;
const UDP = 17;
const DCCP = 33;
const UDP_LITE = 136;

/** An external address: the first or last one of the uplink's pool, or one beside it. */
type External = 'first' | 'last' | number;

interface Candidate {
  readonly slot: number;
  readonly external: External;
  readonly internal: string;
  readonly ports?: readonly [protocol: number, external: number, internal: number, count: number, mode?: 'gateway'];
}

const CANDIDATES: readonly Candidate[] = [
  { slot: 0, external: 'first', internal: '10.0.0.11', ports: [TCP, 80, 80, 1] },
  { slot: 0, external: 'first', internal: '10.0.0.12', ports: [UDP, 5000, 5000, 3] },
  { slot: 0, external: 'first', internal: '10.0.1.5', ports: [TCP, 5000, 5000, 2, 'gateway'] },
  { slot: 1, external: 'first', internal: '10.0.0.11', ports: [TCP, 80, 80, 1] },
  { slot: 1, external: 'first', internal: '10.0.0.12', ports: [UDP, 53, 5000, 2, 'gateway'] },
  { slot: 0, external: 40, internal: '10.0.0.13' },
  { slot: 1, external: 40, internal: '10.0.0.13' },
  { slot: 0, external: 'last', internal: '10.0.0.12', ports: [TCP, 443, 80, 1] },
  { slot: 0, external: 'first', internal: '10.0.9.7', ports: [UDP_LITE, 5000, 5000, 4] },
  { slot: 0, external: 'first', internal: '10.0.9.7', ports: [DCCP, 5000, 5000, 4, 'gateway'] },
  { slot: 0, external: 41, internal: '10.0.0.11', ports: [UDP, 5000, 5000, 1] },
  { slot: 0, external: 'first', internal: '10.0.0.11', ports: [TCP, 65_535, 65_535, 1] },
  { slot: 0, external: 'first', internal: '10.0.0.11', ports: [UDP, 5000, 5000, 1] },
  { slot: 0, external: 'first', internal: '10.0.0.12', ports: [TCP, 80, 80, 1] },
  { slot: 1, external: 'first', internal: '10.0.0.11', ports: [UDP, 1, 1, 1023] },
  { slot: 0, external: 42, internal: '10.0.0.11' },
  { slot: 0, external: 'first', internal: '172.16.5.5', ports: [TCP, 5002, 5002, 1] },
  { slot: 1, external: 'first', internal: '10.0.9.8', ports: [DCCP, 80, 5000, 2] },
  { slot: 1, external: 'first', internal: '10.0.1.5', ports: [UDP_LITE, 5000, 80, 1, 'gateway'] },
  { slot: 0, external: 'last', internal: '10.0.0.13', ports: [UDP, 1024, 5000, 300] },
  { slot: 1, external: 'first', internal: '172.16.5.6', ports: [UDP, 5000, 5000, 1, 'gateway'] },
  { slot: 1, external: 42, internal: '10.0.9.7' },
  { slot: 0, external: 'last', internal: '10.0.0.11', ports: [TCP, 5000, 5000, 2, 'gateway'] },
  { slot: 0, external: 'first', internal: '10.0.0.13', ports: [DCCP, 80, 80, 1] },
];

/** The plan with those of the candidates that are chosen and fit it. */
export function withPublished(plan: Plan, { bits, first }: Published): Plan {
  const chosen = CANDIDATES.filter((_, index) => (bits >>> index) & 1);
  const start = first % Math.max(chosen.length, 1);
  const ordered = [...chosen.slice(start), ...chosen.slice(0, start)];
  const staticMappings: PlanStaticMapping[] = [];
  for (const candidate of ordered) {
    const mapping = mappingOf(plan, candidate);
    if (mapping !== undefined && fits(plan, mapping) && !staticMappings.some((other) => collide(other, mapping))) {
      staticMappings.push(mapping);
    }
  }
  return { ...plan, nat44: { ...plan.nat44, staticMappings } };
}

function mappingOf(plan: Plan, { slot, external, internal, ports }: Candidate): PlanStaticMapping | undefined {
  const externalAddress = addressOf(plan, slot, external);
  if (externalAddress === undefined) {
    return undefined;
  }
  const whole = { slot, externalAddress, internalAddress: ipv4(internal) };
  if (ports === undefined) {
    return whole;
  }
  const [protocol, externalPort, internalPort, count, mode] = ports;
  const gatewaySource = mode === 'gateway';
  return { ...whole, ports: { protocol, external: externalPort, internal: internalPort, count, gatewaySource } };
}

function addressOf(plan: Plan, slot: number, external: External): number | undefined {
  const pool = plan.uplinks.find((uplink) => uplink.slot === slot)?.ipv4?.pool;
  const first = pool?.[0];
  if (pool === undefined || first === undefined) {
    return undefined;
  }
  switch (external) {
    case 'first':
      return first;
    case 'last':
      return pool.at(-1);
    default:
      return first - (first % 256) + external;
  }
}

/** A whole address belongs to nobody else. */
function fits(plan: Plan, { slot, externalAddress, ports }: PlanStaticMapping): boolean {
  const uplink = plan.uplinks.find((one) => one.slot === slot);
  const own = plan.devices[uplink?.device ?? -1]?.ipv4 ?? [];
  const isOwn = uplink?.ipv4?.pool.includes(externalAddress) || own.some(({ address }) => address === externalAddress);
  return ports !== undefined || !isOwn;
}

/** No two of one uplink share an external or an internal endpoint. */
function collide(one: PlanStaticMapping, other: PlanStaticMapping): boolean {
  if (one.slot !== other.slot) {
    return false;
  }
  const external = one.externalAddress === other.externalAddress && meet(one, other, 'external');
  const internal = one.internalAddress === other.internalAddress && meet(one, other, 'internal');
  return external || internal;
}

function meet(
  { ports: one }: PlanStaticMapping,
  { ports: other }: PlanStaticMapping,
  side: 'external' | 'internal',
): boolean {
  if (one === undefined || other === undefined) {
    return true;
  }
  const apart = one[side] + one.count <= other[side] || other[side] + other.count <= one[side];
  return one.protocol === other.protocol && !apart;
}
