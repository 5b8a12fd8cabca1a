/**
 * NAT44 in the order of RFC 4787: mapping, filtering, rewriting ("NAT44" in docs/decisions.md).
 *
 * Outbound and inbound packets make one leg, hairpinned ones both.
 */
import type { PlanUplink } from '../plan/plan.ts';
import { checkForwarding4, checkHopLimit4, checkMtu4, emit4 } from './forwarding.ts';
import { inboundLeg } from './nat44-inbound.ts';
import type { Leg, Nat44Context } from './nat44-leg.ts';
import { outboundLeg } from './nat44-outbound.ts';
import type { Ipv4Packet } from './packet.ts';
import { withTtlLess } from './rewrite.ts';
import type { Outcome } from './verdict.ts';

/** A packet from the site to an uplink. */
export function outbound(context: Nat44Context, packet: Ipv4Packet): Outcome {
  return sendLeg(context, outboundLeg(context, packet, undefined));
}

/** A packet from an uplink to an external address of its own. */
export function inbound(context: Nat44Context, packet: Ipv4Packet, uplink: PlanUplink): Outcome {
  return sendLeg(context, inboundLeg(context, packet, uplink, checkForwarding4));
}

/** A packet from the site to an external address of an uplink: both legs of that uplink (4787-R9, MWAN-5). */
export function hairpin(context: Nat44Context, packet: Ipv4Packet, uplink: PlanUplink): Outcome {
  const late = checkHopLimit4(packet);
  if (late !== undefined) {
    return late;
  }
  const first = outboundLeg(context, packet, uplink);
  if (first.kind === 'dropped') {
    return first;
  }
  return sendLeg(context, inboundLeg(context, first.packet, uplink, checkMtu4));
}

function sendLeg(context: Nat44Context, leg: Leg): Outcome {
  return leg.kind === 'crossed' ? emit4(context.plan, withTtlLess(leg.packet), leg.device) : leg;
}
