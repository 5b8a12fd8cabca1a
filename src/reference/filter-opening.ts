/** Opening a session of the IPv6 filter. */
import type { PlanUplink } from '../plan/plan.ts';
import { formatEndpoint6 } from './address.ts';
import { type FilterFlow, protocolNumber } from './filter-flow.ts';
import { startFilterSession } from './filter-lifetime.ts';
import type { Ipv6Context } from './ipv6-leg.ts';
import { policyNumberOf } from './policies.ts';
import type { Side } from './tcp-machine.ts';
import { trafficOfFlow6 } from './traffic.ts';

/** Whether one more fits in; no live session makes room for another. */
export function hasRoom({ filter, options }: Ipv6Context): boolean {
  return filter.size < (options.filterSessionsMax ?? options.sessionsMax);
}

/** What was held for the session is over (6092-R34). */
export function openFilterSession(
  { plan, filter, held, nowUs }: Ipv6Context,
  flow: FilterFlow,
  { slot, epoch }: PlanUplink,
  { external, openedFrom }: { readonly external: bigint; readonly openedFrom: Side },
): void {
  const { protocol, internal, remote } = flow;
  const outer = { address: external, port: internal.port };
  const policy = policyNumberOf(plan, trafficOfFlow6(flow));
  const session = filter.open({ protocol, internal, remote, slot, epoch, openedFrom, policy });
  startFilterSession(plan, session, flow, nowUs);
  held.discard(slot, protocolNumber(protocol), formatEndpoint6(outer), formatEndpoint6(remote));
}
