/** Which mapping a new session uses: the static one, the live or resting one, or one that is made ("NAT44 outbound", step 5). */
import type { PlanUplink, PlanUplink4 } from '../plan/plan.ts';
import { type Endpoint, sameEndpoint } from './address.ts';
import { mayHaveMapping } from './host-limits.ts';
import { isLive, type Mapping } from './mapping-table.ts';
import type { Nat44Context } from './nat44-leg.ts';
import { portList } from './port-list.ts';
import { choosePort, pairedAddress } from './port-pool.ts';
import { isPortless } from './protocol.ts';
import { publishedAddress, type StaticPair, staticOfExternal } from './static-mappings.ts';
import type { DropReason } from './verdict.ts';

/** Ends what has only one of the endpoints of a static mapping, whose mapping is needed now; such ports do not rest. */
export function clearTheWay({ table }: Nat44Context, slot: number, protocol: number, pair: StaticPair): void {
  const ofInternal = table.mappingOf(slot, protocol, pair.internal);
  if (ofInternal !== undefined && !sameEndpoint(ofInternal.external, pair.external)) {
    table.remove(ofInternal);
  }
  const ofExternal = isPortless(protocol) ? [] : table.holders(slot, protocol, pair.external);
  for (const mapping of ofExternal.filter(({ internal }) => !sameEndpoint(internal, pair.internal))) {
    table.remove(mapping);
  }
}

/** Why the mapping of an endpoint takes no other session, or cannot be made. A resting one returns to life in any case. */
export function refuseMapping(
  context: Nat44Context,
  { slot }: PlanUplink,
  protocol: number,
  internal: Endpoint,
): DropReason | undefined {
  const { plan, table, options } = context;
  const known = table.mappingOf(slot, protocol, internal);
  if (known !== undefined) {
    const isFull = isLive(known) && known.sessions.size >= plan.nat44.hostLimits.sessionsPerMapping;
    return isFull ? 'MappingSessionLimit' : undefined; // 6888-R5
  }
  if (!mayHaveMapping(context, internal.address, protocol)) {
    return 'HostMappingLimit';
  }
  return table.mappingCount >= options.mappingsMax ? 'MappingTableFull' : undefined; // 6888-R11a
}

/**
 * The mapping of an endpoint that has passed `refuseMapping`, made if need be; undefined where no port is left.
 * @param pair the static mapping of the endpoint, whose way is clear
 */
export function mappingOf(
  context: Nat44Context,
  uplink: PlanUplink,
  protocol: number,
  internal: Endpoint,
  pair: StaticPair | undefined,
): Mapping | undefined {
  const { table } = context;
  const { slot, epoch } = uplink;
  const known = table.mappingOf(slot, protocol, internal);
  if (known !== undefined) {
    return known;
  }
  if (pair !== undefined) {
    return table.add({ slot, epoch, protocol, internal, external: pair.external });
  }
  const external = chooseExternal(context, uplink, protocol, internal);
  if (external === undefined) {
    return undefined; // 7857-S4: no other address of the pool
  }
  table.countAllocation({ slot, epoch, protocol, external });
  return table.add({ slot, epoch, protocol, internal, external });
}

/** The external address of a host's new mappings: the one that it is known by, or the one it is paired with. */
export function externalAddressOf(context: Nat44Context, uplink: PlanUplink, host: number): number {
  const { pool } = ipv4Of(uplink);
  const published = publishedAddress(context.plan, uplink.slot, host);
  return published !== undefined && pool.includes(published)
    ? published
    : pairedAddress(context.options.secret, host, pool);
}

/** 4787-R3: no two endpoints ever share an external one. */
function chooseExternal(
  context: Nat44Context,
  uplink: PlanUplink,
  protocol: number,
  internal: Endpoint,
): Endpoint | undefined {
  const { plan, table, options } = context;
  const { slot, epoch } = uplink;
  const address = externalAddressOf(context, uplink, internal.address);
  if (isPortless(protocol)) {
    return { address, port: 0 };
  }
  const port = choosePort({
    secret: options.secret,
    protocol,
    internal,
    externalAddress: address,
    ports: portList({
      protocol,
      internalPort: internal.port,
      uplink: ipv4Of(uplink),
      preserveParity: plan.nat44.preserveParity,
      workers: table.workers,
    }),
    counter: table.allocationsOf(slot, epoch, protocol, address),
    isFree: (candidate) => isFree(context, uplink, protocol, { address, port: candidate }),
  });
  return port === undefined ? undefined : { address, port };
}

/** Whether a port may be handed out: nobody holds it, nobody is published there, and the gateway does not keep it for itself. */
export function isFree(
  { plan, table }: Pick<Nat44Context, 'plan' | 'table'>,
  uplink: PlanUplink,
  protocol: number,
  external: Endpoint,
): boolean {
  const { slot } = uplink;
  return (
    table.holders(slot, protocol, external).length === 0 &&
    staticOfExternal(plan, slot, protocol, external) === undefined &&
    !isReserved(uplink, protocol, external.port)
  );
}

/** 3022-2.2, 6056-4: a port that the plan keeps for the gateway itself. */
export function isReserved(uplink: PlanUplink, protocol: number, port: number): boolean {
  const reserved = uplink.ipv4?.reserved ?? [];
  return reserved.some((range) => range.protocol === protocol && port >= range.low && port <= range.high);
}

function ipv4Of(uplink: PlanUplink): PlanUplink4 {
  if (uplink.ipv4 === undefined) {
    throw new Error('a flow is only opened on an uplink with IPv4');
  }
  return uplink.ipv4;
}
