/** Which policy traffic belongs to, and what that says about uplinks ("Policies" in docs/decisions.md). */
import type { Plan, PlanFailureAction, PlanMatch, PlanPolicy, PlanUplink } from '../plan/plan.ts';
import { inPrefix4, inPrefix6, ipv6FromOctets } from './address.ts';
import { hasIdentityPairFor } from './prefix-pairs.ts';
import { TCP, UDP, UDP_LITE } from './protocol.ts';
import { uplinkAt } from './steering.ts';
import type { Side } from './tcp-machine.ts';
import type { Traffic } from './traffic.ts';
import { bestByWeight, persistenceKey } from './weighted-choice.ts';

export type Family = Traffic['family'];

/** What decides about an uplink. */
export interface Deciding {
  readonly plan: Plan;
  readonly options: { readonly secret: Uint8Array };
}

/** What a policy decides by about a flow that is on its way. */
export interface FlowOfPolicy {
  readonly slot: number;
  /** Number of its policy. */
  readonly policy: number;
  readonly protocol: number;
  /** The side of its first packet. */
  readonly openedFrom: Side;
}

const NO_POLICY: PlanPolicy = { prefer: [] };

/** The first policy that traffic meets. */
function policyOf(plan: Plan, traffic: Traffic): PlanPolicy {
  const isMet = ({ matches }: PlanPolicy) => matches === undefined || matches.some((match) => meets(traffic, match));
  return plan.policies.find(isMet) ?? lastPolicy(plan);
}

/** What a session keeps of the policy of its first packet. */
export function policyNumberOf(plan: Plan, traffic: Traffic): number {
  return numberOf(plan, policyOf(plan, traffic));
}

/** What becomes of the flow of a session, as it is on its uplink now: `keep` where nothing speaks against that, or there is nowhere else to go. */
export function fateOf(plan: Plan, family: Family, flow: FlowOfPolicy): PlanFailureAction {
  const policy = plan.policies.find((one) => numberOf(plan, one) === flow.policy) ?? lastPolicy(plan);
  return isToBeLeft(plan, policy, family, flow) ? actionOf(policy, flow.protocol) : 'keep';
}

/** Nothing is moved or reset without somewhere else to go (MWAN-1), nor what came in by an uplink that works (MWAN-4). */
function isToBeLeft(plan: Plan, policy: PlanPolicy, family: Family, { slot, openedFrom }: FlowOfPolicy): boolean {
  const isTold = openedFrom === 'internal' && isLeft(policy, family, slot);
  const elsewhere = candidatesToStay(plan, policy, family).filter((other) => other.slot !== slot);
  return (!isUsable(plan, family, slot) || isTold) && elsewhere.length > 0;
}

/** Whether an uplink works for a family. */
export function isUsable(plan: Plan, family: Family, slot: number): boolean {
  const uplink = uplinkAt(plan, slot);
  return uplink !== undefined && familyOf(uplink, family)?.usable === true;
}

function actionOf({ onFailure }: PlanPolicy, protocol: number): PlanFailureAction {
  switch (protocol) {
    case TCP:
      return onFailure?.tcp ?? 'reset';
    case UDP:
    case UDP_LITE:
      return onFailure?.udp ?? 'move';
    default:
      return onFailure?.other ?? 'move';
  }
}

/**
 * The uplink that a new flow takes, outside of hairpins.
 * @param sticks whether an endpoint would rather take an uplink on which it is already
 */
export function newFlowUplink(
  { plan, options }: Deciding,
  traffic: Traffic,
  sticks: (uplink: PlanUplink) => boolean = () => false,
): PlanUplink | undefined {
  const policy = policyOf(plan, traffic);
  const possible = candidates(plan, policy, traffic.family);
  const ofHost =
    traffic.family === 6 ? possible.find((uplink) => hasIdentityPairFor(uplink, traffic.source)) : undefined; // 8028-3
  const weighted = possible.flatMap((uplink) => {
    const weight = weightOf(policy, uplink);
    return weight > 0 ? [{ uplink, weight }] : [];
  });
  return (
    ofHost ??
    candidatesToStay(plan, policy, traffic.family).find(sticks) ??
    bestByWeight(weighted, persistenceKey(policy.persistence ?? 'source', traffic), options.secret) ??
    possible[0] ??
    lastResort(plan, policy, traffic.family)
  );
}

/** Whether an uplink of the policy of some traffic carries its family: it may come back (1812-UNREACH). */
export function isCarried(plan: Plan, traffic: Traffic): boolean {
  return preferred(plan, policyOf(plan, traffic)).some((uplink) => familyOf(uplink, traffic.family) !== undefined);
}

/** The preference order of the plan: that of its last policy, then what that does not name. */
export function preferenceOrder(plan: Plan): PlanUplink[] {
  const named = preferred(plan, lastPolicy(plan));
  const others = plan.uplinks.filter((uplink) => !named.includes(uplink));
  return [...named, ...others.sort((a, b) => a.slot - b.slot)];
}

/** In order of preference. */
function candidates(plan: Plan, policy: PlanPolicy, family: Family): PlanUplink[] {
  const shunned = (family === 4 ? policy.shun4 : policy.shun6) ?? [];
  return preferred(plan, policy).filter(
    (uplink) => familyOf(uplink, family)?.usable === true && !shunned.includes(uplink.slot),
  );
}

function candidatesToStay(plan: Plan, policy: PlanPolicy, family: Family): PlanUplink[] {
  return candidates(plan, policy, family).filter(({ slot }) => !isLeft(policy, family, slot));
}

function isLeft({ leave4 = [], leave6 = [] }: PlanPolicy, family: Family, slot: number): boolean {
  return (family === 4 ? leave4 : leave6).includes(slot);
}

function lastResort(plan: Plan, policy: PlanPolicy, family: Family): PlanUplink | undefined {
  return policy.refuse === true
    ? undefined
    : preferred(plan, policy).find((uplink) => familyOf(uplink, family)?.lastResort === true);
}

function weightOf({ prefer, weights = [] }: PlanPolicy, { slot }: PlanUplink): number {
  return weights[prefer.indexOf(slot)] ?? 0;
}

function preferred(plan: Plan, { prefer }: PlanPolicy): PlanUplink[] {
  return prefer.flatMap((slot) => uplinkAt(plan, slot) ?? []);
}

function familyOf({ ipv4, ipv6 }: PlanUplink, family: Family): { usable: boolean; lastResort: boolean } | undefined {
  return family === 4 ? ipv4 : ipv6;
}

function lastPolicy(plan: Plan): PlanPolicy {
  return plan.policies.at(-1) ?? NO_POLICY;
}

function numberOf(plan: Plan, policy: PlanPolicy): number {
  return policy.number ?? plan.policies.indexOf(policy);
}

/** One match is a conjunction of what it says. */
function meets(traffic: Traffic, match: PlanMatch): boolean {
  const { protocol, dscp, portLow, portHigh, sourcePortLow, sourcePortHigh } = match;
  return (
    meetsAddresses(traffic, match) &&
    (protocol === undefined || protocol === traffic.protocol) &&
    isBetween(traffic.ports?.destination, portLow, portHigh) &&
    isBetween(traffic.ports?.source, sourcePortLow, sourcePortHigh) &&
    (dscp === undefined || dscp === traffic.dscp)
  );
}

function meetsAddresses(traffic: Traffic, { source4, source6, destination4, destination6 }: PlanMatch): boolean {
  if (traffic.family === 4) {
    const isIn = (address: number, prefix: PlanMatch['source4']) =>
      prefix === undefined || inPrefix4(address, prefix.prefix, prefix.prefixLength);
    const isOther = source6 !== undefined || destination6 !== undefined;
    return !isOther && isIn(traffic.source, source4) && isIn(traffic.destination, destination4);
  }
  const isIn = (address: bigint, prefix: PlanMatch['source6']) =>
    prefix === undefined || inPrefix6(address, ipv6FromOctets(prefix.prefix), prefix.prefixLength);
  const isOther = source4 !== undefined || destination4 !== undefined;
  return !isOther && isIn(traffic.source, source6) && isIn(traffic.destination, destination6);
}

/** Without a range everything is. */
function isBetween(port: number | undefined, low: number | undefined, high: number | undefined): boolean {
  return low === undefined || high === undefined || (port !== undefined && port >= low && port <= high);
}
