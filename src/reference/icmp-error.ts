/** ICMP errors through NAT44, both ways ("ICMP errors of IPv4" in docs/decisions.md). Nothing is refreshed (5508-R6). */
import type { PlanUplink } from '../plan/plan.ts';
import type { Endpoint } from './address.ts';
import type { Identifications } from './identification.ts';
import type { Mapping, Session } from './mapping-table.ts';
import { crossed, type Leg, type Nat44Context, type OutboundWay, ownedBy } from './nat44-leg.ts';
import type { Ipv4Packet } from './packet.ts';
import { preferenceOrder } from './policies.ts';
import { ICMP, isPortless } from './protocol.ts';
import { type Quote, readQuote, translateError } from './quoted-packet.ts';
import { DESTINATION, SOURCE } from './rewrite.ts';
import { uplinkAt } from './steering.ts';
import { type Dropped, dropped } from './verdict.ts';

/** An error from the site, about a packet that came in: quoted destination and outer source become external (5508-R5). */
export function outboundError(receiver: Nat44Context, packet: Ipv4Packet, way: OutboundWay): Leg {
  const quote = readQuote(receiver.plan, packet);
  if ('kind' in quote) {
    return quote;
  }
  const owner = receiver.workers.ofFlow(quote.protocol, quote.destination, quote.source);
  const context = ownedBy(receiver, owner);
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
  return crossed(context, translated, uplink.device, { isSourceNew: true });
}

export interface TranslatedError {
  readonly packet: Ipv4Packet;
  /** Where it goes. */
  readonly internalAddress: number;
  /** Those of its owner. */
  readonly identifications: Identifications;
}

/** An error from outside, about a packet that went out: quoted source and outer destination become internal (5508-R4). */
export function inboundError(
  { plan, workers }: Nat44Context,
  packet: Ipv4Packet,
  { slot }: PlanUplink,
): TranslatedError | Dropped {
  const quote = readQuote(plan, packet);
  if ('kind' in quote) {
    return quote;
  }
  const { protocol, source: external } = quote;
  const remote = remoteOf(quote, quote.destination);
  const { table, identifications } = workers.ofExternal(plan, { slot, protocol, external, remote });
  const session =
    external.address === packet.destination ? table.sessionOfExternal(slot, protocol, external, remote) : undefined;
  if (session === undefined) {
    return dropped('IcmpQuoteUnknown');
  }
  const { internal } = session.mapping;
  const apparent = session.apparent === undefined ? [] : [session.apparent];
  const translated = translateError(packet, quote, {
    quoted: [{ end: SOURCE, endpoint: internal }, ...apparent.map((endpoint) => ({ end: DESTINATION, endpoint }))],
    outer: [{ end: DESTINATION, endpoint: internal }],
  });
  return { packet: translated, internalAddress: internal.address, identifications };
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
