/** Remote endpoints that see the site untranslated ("Exempt destinations" in docs/decisions.md; 6888-R6). */
import type { Plan, PlanExempt } from '../plan/plan.ts';
import { inPrefix4 } from './address.ts';
import { checkForwarding4, forward4 } from './forwarding.ts';
import { checkRoom, isFirstFragment, isLaterFragment, sendLeg } from './fragments.ts';
import { crossed, type Nat44Context } from './nat44-leg.ts';
import { noUplink4 } from './no-uplink.ts';
import { type Ipv4Packet, portsOf } from './packet.ts';
import { newFlowUplink } from './policies.ts';
import { traffic4 } from './traffic.ts';
import type { Outcome } from './verdict.ts';

/**
 * What becomes of a packet to an exempt destination; undefined for all others.
 *
 * Where ports decide, later fragments follow the record of their first one.
 */
export function toExempt(context: Nat44Context, packet: Ipv4Packet): Outcome | undefined {
  const { plan } = context;
  const port = portsOf(packet.transport)?.destinationPort;
  const covering = entriesOf(plan, packet.destination, packet.protocol).filter((entry) => coversPort(entry, port));
  if (covering.length === 0) {
    return undefined;
  }
  const uplink = newFlowUplink(context, traffic4(packet));
  if (uplink === undefined) {
    return noUplink4(plan, packet);
  }
  const isByPort = covering.every((entry) => entry.portLow !== undefined);
  const makesRecord = isByPort && isFirstFragment(packet) && checkRoom(context, packet) === undefined;
  return makesRecord
    ? (checkForwarding4(plan, packet, uplink.device) ??
        sendLeg(context, packet, crossed(context, packet, uplink.device, { isSourceNew: false })))
    : forward4(plan, packet, uplink.device);
}

/** Whether a packet from an uplink comes from an exempt source; of a later fragment no port is known. */
export function isFromExempt(plan: Plan, packet: Ipv4Packet): boolean {
  const port = portsOf(packet.transport)?.sourcePort;
  return entriesOf(plan, packet.source, packet.protocol).some(
    (entry) => isLaterFragment(packet) || coversPort(entry, port),
  );
}

function entriesOf(plan: Plan, address: number, protocol: number): PlanExempt[] {
  return plan.nat44.exempt.filter(
    (entry) =>
      inPrefix4(address, entry.prefix, entry.prefixLength) &&
      (entry.protocol === undefined || entry.protocol === protocol),
  );
}

function coversPort({ portLow, portHigh }: PlanExempt, port: number | undefined): boolean {
  if (portLow === undefined || portHigh === undefined) {
    return true;
  }
  return port !== undefined && port >= portLow && port <= portHigh;
}
