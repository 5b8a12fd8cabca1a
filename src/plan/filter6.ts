/** The filter of IPv6 of the configuration → that of the plan. */
import type { NptdConfig, PublishConfig } from '../config/config.ts';
import { ipv6ToOctets } from '../net/ipv6-address.ts';
import type { PlanFilter6, PlanPublished6 } from './plan.ts';

/** Undefined where it is switched off (6092-R49). */
export function planFilter6({ filter, publish }: NptdConfig): PlanFilter6 | undefined {
  if (filter.mode === 'off') return undefined;
  return {
    filteringUdp: filter.udp,
    filteringTcp: filter.tcp,
    filteringOther: filter.other,
    ipsec: filter.ipsec,
    published: publish.flatMap(planPublished6),
  };
}

/** No port is translated in IPv6: what is open is the port of the server itself. */
function planPublished6({ to6, ports }: PublishConfig): PlanPublished6[] {
  return to6.flatMap((address) => {
    const internalAddress = ipv6ToOctets(address);
    if (ports.length === 0) return [{ internalAddress }];
    return ports.map(({ protocol, internal, count }) => ({
      internalAddress,
      protocol,
      portLow: internal,
      portHigh: internal + count - 1,
    }));
  });
}
