/** What a restart keeps of ports: for how long nobody else may get them ("Lifetimes" in docs/decisions.md; 6888-R8). */
import type { Plan } from '../plan/plan.ts';
import { isFree } from './mapping-choice.ts';
import { type MappingTable, msUntil, tickAfter, tickOf } from './mapping-table.ts';
import type { Nat44Context } from './nat44-leg.ts';
import { ICMP, isPortless } from './protocol.ts';
import { hasRoomToRest, mayRest } from './resting.ts';
import { uplinkAt } from './steering.ts';
import type { PortRest } from './translator.ts';

/** Live mappings, which would rest for the configured time, and resting ones with what remains. */
export function portRests(plan: Plan, table: MappingTable, nowUs: number): PortRest[] {
  return table
    .all()
    .filter((mapping) => mapping.restsUntil !== undefined || mayRest(plan, mapping))
    .map(({ slot, protocol, internal, external, restsUntil }) => ({
      slot,
      protocol,
      internalAddress: internal.address,
      internalPort: internal.port,
      externalAddress: external.address,
      externalPort: external.port,
      restMs: restsUntil === undefined ? plan.nat44.portRestMs : msUntil(restsUntil, nowUs),
    }));
}

/** Makes a resting mapping of a port, unless it does not fit the plan or what is there already. */
export function restorePortRest(
  { plan, workers, hosts, nowUs }: Pick<Nat44Context, 'plan' | 'workers' | 'hosts' | 'nowUs'>,
  rest: PortRest,
): void {
  const { slot, protocol, externalPort } = rest;
  const uplink = uplinkAt(plan, slot);
  const ipv4 = uplink?.ipv4;
  if (uplink === undefined || ipv4?.nat44 !== true || !ipv4.pool.includes(rest.externalAddress)) {
    return;
  }
  const internal = { address: rest.internalAddress, port: rest.internalPort };
  const external = { address: rest.externalAddress, port: externalPort };
  const { table, options } = workers.ofFlow(protocol, internal, external);
  const isInRange = protocol === ICMP || (externalPort >= ipv4.portLow && externalPort <= ipv4.portHigh);
  const isTaken =
    !isFree({ plan, table }, uplink, protocol, external) || table.mappingOf(slot, protocol, internal) !== undefined;
  if (
    isPortless(protocol) ||
    externalPort === 0 ||
    !isInRange ||
    isTaken ||
    workers.isSplit(plan, { slot, protocol, internal, external })
  ) {
    return;
  }
  const endpoints = { slot, epoch: uplink.epoch, protocol, internal, external };
  const restsUntil = tickAfter(nowUs, rest.restMs);
  const hasRoom = table.mappingCount < options.mappingsMax && hasRoomToRest(plan, table, endpoints);
  if (restsUntil > tickOf(nowUs) && hasRoom && hosts.bucketOf(internal.address, options.hostsMax) !== undefined) {
    table.addResting(endpoints, restsUntil);
  }
}
