/** Opening a session, or the first reason not to ("NAT44 outbound" step 5, "NAT44 inbound" step 3, "Published servers" in docs/decisions.md). */
import type { PlanUplink } from '../plan/plan.ts';
import { apparentEndpoint } from './apparent-endpoint.ts';
import type { Flow } from './flow.ts';
import { refuseHost } from './host-limits.ts';
import { clearTheWay, externalAddressOf, mappingOf, refuseMapping } from './mapping-choice.ts';
import { type Mapping, type Session, sessionWith } from './mapping-table.ts';
import type { Nat44Context } from './nat44-leg.ts';
import { policyNumberOf } from './policies.ts';
import { isPortless } from './protocol.ts';
import { startSession } from './session-lifetime.ts';
import { type StaticPair, staticOfInternal } from './static-mappings.ts';
import { answer4 } from './traffic.ts';
import type { DropReason } from './verdict.ts';

/**
 * The session of a new flow from the site.
 * @param policy number of its policy
 */
export function openFromInside(
  context: Nat44Context,
  flow: Flow,
  uplink: PlanUplink,
  policy: number,
): Session | DropReason {
  const { protocol, source, destination } = flow;
  const pair = staticOfInternal(context.plan, uplink.slot, protocol, source);
  const refused = refuseHost(context, source.address, 'internal') ?? refuseSession(context);
  if (refused !== undefined) {
    return refused;
  }
  if (isRemoteInUse(context, flow, uplink, pair)) {
    return 'RemoteInUse';
  }
  if (pair !== undefined) {
    clearTheWay(context, uplink.slot, protocol, pair);
  }
  const full = refuseMapping(context, uplink, protocol, source);
  if (full !== undefined) {
    return full;
  }
  const mapping = mappingOf(context, uplink, protocol, source, pair);
  if (mapping === undefined) {
    return 'PortPoolExhausted';
  }
  const session = context.table.open(mapping, { remote: destination, openedFrom: 'internal', policy });
  startSession(context, session, flow, 'internal');
  return session;
}

/** The session of a packet that filtering has admitted to a live mapping. */
export function openAdmitted(
  context: Nat44Context,
  flow: Flow,
  uplink: PlanUplink,
  mapping: Mapping,
): Session | DropReason {
  const { internal, protocol } = mapping;
  const refused =
    refuseHost(context, internal.address, 'external') ??
    refuseSession(context) ??
    refuseMapping(context, uplink, protocol, internal);
  return refused ?? openFromOutside(context, flow, mapping, undefined);
}

/**
 * The session of a packet to a published server.
 * @param apparentAddress of a gateway-sourced session
 */
export function openPublished(
  context: Nat44Context,
  flow: Flow,
  uplink: PlanUplink,
  pair: StaticPair,
  apparentAddress: number | undefined,
): Session | DropReason {
  const { protocol, source } = flow;
  const { internal } = pair;
  const refused = refuseHost(context, internal.address, 'external') ?? refuseSession(context);
  if (refused !== undefined) {
    return refused;
  }
  clearTheWay(context, uplink.slot, protocol, pair);
  const full = refuseMapping(context, uplink, protocol, internal);
  if (full !== undefined) {
    return full;
  }
  const apparent =
    apparentAddress === undefined ? undefined : apparentEndpoint(context, protocol, pair, source, apparentAddress);
  if (apparentAddress !== undefined && apparent === undefined) {
    return 'PortPoolExhausted';
  }
  const mapping = mappingOf(context, uplink, protocol, internal, pair);
  return mapping === undefined ? 'PortPoolExhausted' : openFromOutside(context, flow, mapping, apparent);
}

function openFromOutside(context: Nat44Context, flow: Flow, mapping: Mapping, apparent: Session['apparent']): Session {
  const remote = flow.source;
  const ends = apparent === undefined ? { remote } : { remote, apparent };
  const answer = answer4(flow.protocol, mapping.internal, remote, flow.dscp);
  const policy = policyNumberOf(context.plan, answer);
  const session = context.table.open(mapping, { ...ends, openedFrom: 'external', policy });
  startSession(context, session, flow, 'external');
  return session;
}

/** Never at the cost of a live one (5508-R8a, 6888-R11d). */
function refuseSession({ table, options }: Nat44Context): DropReason | undefined {
  return table.sessionCount >= options.sessionsMax ? 'SessionTableFull' : undefined; // 6888-R11a
}

/**
 * Whether answers from the remote endpoint could not be told apart: without ports, where another host speaks to it by the
 * same external address (OTHER-2); with ports, where a gateway-sourced session of the mapping does.
 */
function isRemoteInUse(
  context: Nat44Context,
  { protocol, source, destination }: Flow,
  uplink: PlanUplink,
  pair: StaticPair | undefined,
): boolean {
  const { table } = context;
  const { slot } = uplink;
  const mapping = table.mappingOf(slot, protocol, source);
  const live = mapping !== undefined && isUsable(mapping, pair) ? mapping : undefined;
  if (!isPortless(protocol)) {
    return live !== undefined && sessionWith(live, destination) !== undefined;
  }
  const address =
    pair?.external.address ?? live?.external.address ?? externalAddressOf(context, uplink, source.address);
  const session = table.sessionOfExternal(slot, protocol, { address, port: 0 }, destination);
  return session !== undefined && session.mapping.internal.address !== source.address;
}

/** Not in the way of the static mapping of its internal endpoint. */
function isUsable({ external }: Mapping, pair: StaticPair | undefined): boolean {
  return pair === undefined || (pair.external.address === external.address && pair.external.port === external.port);
}
