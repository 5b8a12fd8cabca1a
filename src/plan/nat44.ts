/** NAT44 of the configuration → that of the plan. */
import type { ExemptConfig, NptdConfig, PublishConfig } from '../config/config.ts';
import type { PlanExempt, PlanNat44, PlanStaticMapping } from './plan.ts';
import { type SlotAssignment, slotOf } from './slots.ts';

export function planNat44({ nat44, limits, publish }: NptdConfig, slots: SlotAssignment): PlanNat44 {
  const { heldSynMs, ...timeouts } = nat44.timeouts;
  const { mappings, sessions, sessionsPerMapping, flows } = limits.perHost;
  return {
    ...timeouts,
    // 5382-R4a.
    holdMs: nat44.unsolicitedSyn === 'stealth' ? 0 : heldSynMs,
    portRestMs: nat44.portRestMs,
    restingPortsMax: nat44.restingPorts,
    filteringUdp: nat44.filtering.udp,
    filteringTcp: nat44.filtering.tcp,
    filteringIcmp: nat44.filtering.icmp,
    filteringDccp: nat44.filtering.dccp,
    otherProtocols: nat44.otherProtocols === 'translate',
    refuseFiltered: nat44.filtered === 'refuse',
    preserveParity: nat44.parity === 'preserve',
    exempt: nat44.exempt.map(planExempt),
    staticMappings: publish.flatMap((server) => planStaticMappings(server, slots)),
    hostLimits: { mappingsPerProtocol: mappings, sessions, sessionsPerMapping, flows },
  };
}

function planExempt({ to, protocol, ports }: ExemptConfig): PlanExempt {
  return {
    prefix: to.address,
    prefixLength: to.length,
    ...(protocol === undefined ? {} : { protocol }),
    ...(ports === undefined ? {} : { portLow: ports.low, portHigh: ports.high }),
  };
}

function planStaticMappings({ to4, on, ports, source }: PublishConfig, slots: SlotAssignment): PlanStaticMapping[] {
  const [to] = to4;
  if (to === undefined) return [];
  return on.flatMap(({ uplink, address }) => {
    const ends = { slot: slotOf(slots, uplink), externalAddress: address, internalAddress: to };
    if (ports.length === 0) return [ends];
    return ports.map((range) => ({ ...ends, ports: { ...range, gatewaySource: source === 'gateway' } }));
  });
}
