/** Questions to the plan about prefix pairs: which one translates an address, and what the site calls its own. */
import type { Plan, PlanPrefixPair, PlanUplink } from '../plan/plan.ts';
import { inPrefix6, ipv6FromOctets } from './address.ts';
import { isIdentity, mapInbound, mapOutbound } from './nptv6.ts';
import { bySlot, internalRoute6, uplinkAt } from './steering.ts';

const UNIQUE_LOCAL = 0xfcn << 120n;
const UNIQUE_LOCAL_LENGTH = 7;
const SITE_LOCAL = 0xfec0n << 112n;
/** Identifiers that are no addresses (RFC 4843). */
const ORCHID = 0x2001001n << 100n;

/** The first pair of an uplink whose internal prefix covers an address. */
export function pairByInternal(uplink: PlanUplink, address: bigint): PlanPrefixPair | undefined {
  return pairsOf(uplink).find((pair) => internalCovers(pair, address));
}

/** What an internal address leaves an uplink as; undefined where it does not. */
export function externalForm(plan: Plan, slot: number, address: bigint): bigint | undefined {
  const uplink = uplinkAt(plan, slot);
  const pair = uplink && pairByInternal(uplink, address);
  const external = pair && mapOutbound(pair, plan.nptv6, address);
  return typeof external === 'bigint' ? external : undefined;
}

/**
 * The pair that an external destination is translated by: where hosts hold prefixes of several uplinks, an identity pair
 * and others share the external prefix, and the first that leads to somebody is meant.
 */
export function pairOfDestination(plan: Plan, uplink: PlanUplink, address: bigint): PlanPrefixPair | undefined {
  const covering = pairsOf(uplink).filter((pair) => externalCovers(pair, address));
  return covering.find((pair) => leadsSomewhere(plan, pair, address)) ?? covering[0];
}

function leadsSomewhere(plan: Plan, pair: PlanPrefixPair, address: bigint): boolean {
  const internal = mapInbound(pair, plan.nptv6, address);
  return typeof internal === 'bigint' && internalRoute6(plan, internal) !== undefined;
}

/** The first uplink, by slot, that has an address in an external prefix. */
export function externalPrefixOwner(plan: Plan, address: bigint): PlanUplink | undefined {
  return bySlot(plan).find((uplink) => pairsOf(uplink).some((pair) => externalCovers(pair, address)));
}

/** Whether the ISP of an uplink has given a source its address (8028-3). */
export function hasIdentityPairFor(uplink: PlanUplink, source: bigint): boolean {
  return pairsOf(uplink).some((pair) => isIdentity(pair) && internalCovers(pair, source));
}

/** Whether any pair of any uplink translates this source. */
export function coveredByAnyInternalPrefix(plan: Plan, address: bigint): boolean {
  return plan.uplinks.some((uplink) => pairByInternal(uplink, address) !== undefined);
}

/** Whether an address belongs to the site: an internal or external prefix of any pair, or an internal route. */
export function belongsToSite6(plan: Plan, address: bigint): boolean {
  const isCovered = allPairs(plan).some((pair) => internalCovers(pair, address) || externalCovers(pair, address));
  return isCovered || internalRoute6(plan, address) !== undefined;
}

/**
 * Whether an address must not cross the border of the site: a site-local one, an ORCHID (6092-R3), or a unique local one, unless
 * the site is part of a larger network of such (6092-R7, 4193-4.3).
 */
export function isBarredAtBorder(plan: Plan, address: bigint): boolean {
  const isLargerNetwork = allPairs(plan).some(({ external }) => isUniqueLocal(ipv6FromOctets(external)));
  const isNoneOfInternet = inPrefix6(address, SITE_LOCAL, 10) || inPrefix6(address, ORCHID, 28);
  return isNoneOfInternet || (isUniqueLocal(address) && !isLargerNetwork);
}

function isUniqueLocal(address: bigint): boolean {
  return inPrefix6(address, UNIQUE_LOCAL, UNIQUE_LOCAL_LENGTH);
}

function allPairs(plan: Plan): PlanPrefixPair[] {
  return plan.uplinks.flatMap(pairsOf);
}

function pairsOf(uplink: PlanUplink): readonly PlanPrefixPair[] {
  return uplink.ipv6?.pairs ?? [];
}

function internalCovers(pair: PlanPrefixPair, address: bigint): boolean {
  return inPrefix6(address, ipv6FromOctets(pair.internal), pair.internalLength);
}

function externalCovers(pair: PlanPrefixPair, address: bigint): boolean {
  return inPrefix6(address, ipv6FromOctets(pair.external), pair.externalLength);
}
