/** ICMP errors through NAT44, both ways ("ICMP errors of IPv4" in docs/decisions.md). Nothing is refreshed (5508-R6). */
import type { PlanUplink } from '../plan/plan.ts';
import type { Endpoint } from './address.ts';
import type { Mapping, Session } from './mapping-table.ts';
import { crossed, type Leg, type Nat44Context, type OutboundWay } from './nat44-leg.ts';
import type { Ipv4Packet } from './packet.ts';
import { preferenceOrder } from './policies.ts';
import { ICMP, isPortless } from './protocol.ts';
import { type Quote, readQuote, translateError } from './quoted-packet.ts';
import { DESTINATION, SOURCE } from './rewrite.ts';
import { uplinkAt } from './steering.ts';
import { type Dropped, dropped } from './verdict.ts';

/** An error from the site, about a packet that came in: quoted destination and outer source become external (5508-R5). */
export function outboundError(context: Nat44Context, packet: Ipv4Packet, way: OutboundWay): Leg {
  const quote = readQuote(context.plan, packet);
  if ('kind' in quote) {
    return quote;
  }
  const session = way.gatewaySourced ?? sessionOfQuote(context, quote, way.target);
  const mapping = session?.mapping ?? mappingOfQuote(context, quote, way.target);
  if (mapping === undefined || quote.source.address !== packet.destination) {
    return dropped('IcmpQuoteUnknown');
  }
  const uplink = uplinkAt(context.plan, mapping.slot);
  if (uplink === undefined) {
    throw new Error('a live mapping is on an uplink of the plan');
  }
  const { external } = mapping;
  const remote = session?.apparent === undefined ? [] : [session.remote];
  const translated = translateError(packet, quote, {
    quoted: [{ end: DESTINATION, endpoint: external }, ...remote.map((endpoint) => ({ end: SOURCE, endpoint }))],
    outer: [{ end: SOURCE, endpoint: external }, ...remote.map((endpoint) => ({ end: DESTINATION, endpoint }))],
  });
  return crossed(translated, uplink.device, { isSourceNew: true });
}

export interface TranslatedError {
  readonly packet: Ipv4Packet;
  /** Where it goes. */
  readonly internalAddress: number;
}

/** An error from outside, about a packet that went out: quoted source and outer destination become internal (5508-R4). */
export function inboundError(context: Nat44Context, packet: Ipv4Packet, uplink: PlanUplink): TranslatedError | Dropped {
  const quote = readQuote(context.plan, packet);
  if ('kind' in quote) {
    return quote;
  }
  const session =
    quote.source.address === packet.destination
      ? context.table.sessionOfExternal(uplink.slot, quote.protocol, quote.source, remoteOf(quote, quote.destination))
      : undefined;
  if (session === undefined) {
    return dropped('IcmpQuoteUnknown');
  }
  const { internal } = session.mapping;
  const apparent = session.apparent === undefined ? [] : [session.apparent];
  const translated = translateError(packet, quote, {
    quoted: [{ end: SOURCE, endpoint: internal }, ...apparent.map((endpoint) => ({ end: DESTINATION, endpoint }))],
    outer: [{ end: DESTINATION, endpoint: internal }],
  });
  return { packet: translated, internalAddress: internal.address };
}

function mappingOfQuote(context: Nat44Context, quote: Quote, target: PlanUplink | undefined): Mapping | undefined {
  if (isPortless(quote.protocol)) {
    return undefined;
  }
  const uplinks = target === undefined ? preferenceOrder(context.plan) : [target];
  const mappings = uplinks.map(({ slot }) => context.table.liveMapping(slot, quote.protocol, quote.destination));
  return mappings.find((mapping) => mapping !== undefined);
}

function sessionOfQuote(context: Nat44Context, quote: Quote, target: PlanUplink | undefined): Session | undefined {
  const { plan, table } = context;
  const remote = remoteOf(quote, quote.source);
  const slot = target?.slot;
  return slot === undefined
    ? table.sessionOnAnyUplink(plan, quote.protocol, quote.destination, remote, 'translated')
    : table.session(slot, quote.protocol, quote.destination, remote, 'translated');
}

/** The remote endpoint as sessions know it: of an ICMP query it has no port. */
function remoteOf(quote: Quote, endpoint: Endpoint): Endpoint {
  return quote.protocol === ICMP ? { address: endpoint.address, port: 0 } : endpoint;
}
