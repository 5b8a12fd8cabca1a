/**
 * What the plan publishes ("Published servers" in docs/decisions.md): which static mapping an endpoint belongs to.
 *
 * On one uplink no two of them share an external or an internal endpoint.
 */
import type { Plan, PlanStaticMapping, PlanStaticPorts, PlanUplink } from '../plan/plan.ts';
import type { Endpoint } from './address.ts';
import { preferUsable4 } from './steering.ts';

/** Both endpoints of one static mapping, or of one port of its range. */
export interface StaticPair {
  readonly internal: Endpoint;
  readonly external: Endpoint;
  /** The internal host sees clients as the gateway. */
  readonly gatewaySource: boolean;
}

/** The static mapping of an internal endpoint. */
export function staticOfInternal(
  plan: Plan,
  slot: number,
  protocol: number,
  internal: Endpoint,
): StaticPair | undefined {
  const pairs = ofUplink(plan, slot).flatMap((mapping) => {
    const port = shifted(internal.port, protocol, mapping.ports, 'internal', 'external');
    return port === undefined || mapping.internalAddress !== internal.address
      ? []
      : [pairOf(mapping, internal, { address: mapping.externalAddress, port })];
  });
  return pairs[0];
}

/** The static mapping of an external endpoint. */
export function staticOfExternal(
  plan: Plan,
  slot: number,
  protocol: number,
  external: Endpoint,
): StaticPair | undefined {
  const pairs = ofUplink(plan, slot).flatMap((mapping) => {
    const port = shifted(external.port, protocol, mapping.ports, 'external', 'internal');
    return port === undefined || mapping.externalAddress !== external.address
      ? []
      : [pairOf(mapping, { address: mapping.internalAddress, port }, external)];
  });
  return pairs[0];
}

/** Whether an external address of an uplink leads to one host with every protocol and port. */
export function isWhollyPublished(plan: Plan, slot: number, externalAddress: number): boolean {
  return ofUplink(plan, slot).some(
    (mapping) => mapping.ports === undefined && mapping.externalAddress === externalAddress,
  );
}

/** The external address of the first static mapping of an uplink that publishes a host. */
export function publishedAddress(plan: Plan, slot: number, host: number): number | undefined {
  return ofUplink(plan, slot).find(({ internalAddress }) => internalAddress === host)?.externalAddress;
}

/** Whether an uplink with NAT44 has an external address: in its pool, or of a static mapping. */
export function hasExternalAddress(plan: Plan, uplink: PlanUplink, address: number): boolean {
  const isPublished = () => ofUplink(plan, uplink.slot).some(({ externalAddress }) => externalAddress === address);
  return uplink.ipv4?.nat44 === true && (uplink.ipv4.pool.includes(address) || isPublished());
}

/** The uplink that has an external address: a usable one first, then by slot. */
export function externalOwner(plan: Plan, address: number): PlanUplink | undefined {
  return preferUsable4(plan, (uplink) => hasExternalAddress(plan, uplink, address));
}

function ofUplink(plan: Plan, slot: number): PlanStaticMapping[] {
  return plan.nat44.staticMappings.filter((mapping) => mapping.slot === slot);
}

function pairOf({ ports }: PlanStaticMapping, internal: Endpoint, external: Endpoint): StaticPair {
  return { internal, external, gatewaySource: ports?.gatewaySource ?? false };
}

/** The port on the other side, number by number; undefined where the range does not cover it. */
function shifted(
  port: number,
  protocol: number,
  ports: PlanStaticPorts | undefined,
  from: 'internal' | 'external',
  to: 'internal' | 'external',
): number | undefined {
  if (ports === undefined) {
    return port;
  }
  const offset = port - ports[from];
  const isCovered = ports.protocol === protocol && offset >= 0 && offset < ports.count;
  return isCovered ? ports[to] + offset : undefined;
}
