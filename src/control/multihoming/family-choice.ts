/**
 * Which uplinks of a policy new flows of one family take, and which ones established flows are told to leave. Pure: what
 * it has to know of the past is in the memory that it gives back.
 *
 * - new flows take the uplinks of the best standing there is, and of those the ones of the most preferred tier; with
 *   failback `never` they stay in the tier that they are in while nothing there is worse than elsewhere
 * - of a tier that selects by latency one leads, until another has been clearly quicker for a time
 * - flows are told to leave an uplink that works only by failback `hard` or `deadline`, once it has ceased to be taken, and
 *   for as long as flows that have not sent since can still live; and where the policy's own targets are not reached by it
 *
 * Times are milliseconds on a clock that nobody sets.
 */
import type { FailbackConfig, PolicyConfig } from '../../config/config.ts';
import { isAlive, isLastResort, type Member, rankOf } from './standing.ts';

export interface FamilyChoice {
  /** What new flows take, the first of them where none has a weight; empty: no uplink is alive. */
  readonly active: readonly string[];
  /** All uplinks of the policy that carry the family: the first that can take new flows is what they take. */
  readonly order: readonly string[];
  /** What new flows must not take, although it works. */
  readonly shun: readonly string[];
  /** What established flows leave, although it works. */
  readonly leave: readonly string[];
  /** What new flows take although it is down, since nothing is alive. */
  readonly lastResort?: string;
  /** Why new flows go where they go, as a sentence without a full stop. */
  readonly reason: string;
}

export interface FamilyMemory {
  /** Tier that new flows are in. */
  readonly tier?: number;
  /** Uplinks of it that took them. */
  readonly taken: readonly string[];
  /** Uplinks that flows were on and may be told to leave, with the time when they ceased to be taken. */
  readonly retired: ReadonlyMap<string, number>;
  /** With `least-latency`: who leads, and who has been quicker since when. */
  readonly leader?: string;
  readonly challenger?: { readonly name: string; readonly sinceMs: number };
}

export const NO_MEMORY: FamilyMemory = { taken: [], retired: new Map() };

export interface ChoiceStep {
  readonly choice: FamilyChoice;
  readonly memory: FamilyMemory;
}

/** What a choice is made by, beside the policy. */
export interface ChoiceFacts {
  readonly members: readonly Member[];
  readonly memory: FamilyMemory;
  readonly nowMs: number;
  /** How long a flow lives that does not send. */
  readonly idleMs: number;
}

/** A challenger leads when it has been quicker by this much, and by this share, for this long. */
const LEAD_MS = 5;
const LEAD_SHARE = 0.2;
export const LEAD_AFTER_MS = 30_000;

export function chooseFamily(policy: PolicyConfig, facts: ChoiceFacts): ChoiceStep {
  const { members, memory, nowMs } = facts;
  const alive = members.filter(isAlive);
  const best = Math.min(...alive.map(rankOf));
  const pool = alive.filter((member) => rankOf(member) === best);
  const held = policy.failback.mode === 'never' && pool.some(({ tier }) => tier === memory.tier);
  const tier = held ? memory.tier : pool[0]?.tier;
  const taken = pool.filter((member) => member.tier === tier);
  const lead = policy.select === 'least-latency' ? leaderOf(taken, memory, nowMs) : {};
  const active = lead.leader === undefined ? taken : taken.filter(({ name }) => name === lead.leader);
  const retired = retire(alive, taken, facts);
  const lastResort = alive.length === 0 ? lastResortOf(members) : undefined;
  const choice: FamilyChoice = {
    active: namesOf(active),
    order: namesOf(
      alive.length === 0 ? inOrder(members, lastResort, isLastResort) : inOrder(members, active[0], isAlive),
    ),
    shun: namesOf(members.filter((member) => isShunned(member, pool))),
    leave: leaving(policy.failback, members, retired, facts),
    ...(lastResort === undefined ? {} : { lastResort: lastResort.name }),
    reason: reasonOf(policy, { members, active, taken, held }),
  };
  const where = tier === undefined ? (memory.tier === undefined ? {} : { tier: memory.tier }) : { tier };
  return { choice, memory: { ...where, taken: namesOf(taken), retired, ...lead } };
}

/** Not even those flows take it whose endpoint is on it already. */
function isShunned(member: Member, pool: readonly Member[]): boolean {
  return member.standing === 'unreachable' || (member.standing === 'draining' && !pool.includes(member));
}

/** The order of the policy, with what is to be taken in front where something else would be taken in its place. */
function inOrder(
  members: readonly Member[],
  first: Member | undefined,
  canTake: (member: Member) => boolean,
): Member[] {
  if (first === undefined || members.find(canTake) === first) return [...members];
  return [first, ...members.filter((member) => member !== first)];
}

/** What answers comes first. */
function lastResortOf(members: readonly Member[]): Member | undefined {
  return members.filter(isLastResort).toSorted((a, b) => rankOf(a) - rankOf(b))[0];
}

/** Who leads the members of a tier by latency; a leader that is not among them any more is followed at once. */
function leaderOf(
  members: readonly Member[],
  { leader: before, challenger: earlier }: FamilyMemory,
  nowMs: number,
): Pick<FamilyMemory, 'leader' | 'challenger'> {
  const quickest = members.toSorted((a, b) => latencyOf(a) - latencyOf(b))[0];
  if (quickest === undefined) return {};
  const leader = members.find(({ name }) => name === before);
  if (leader === undefined) return { leader: quickest.name };
  const margin = Math.max(LEAD_MS, latencyOf(leader) * LEAD_SHARE);
  if (latencyOf(quickest) === Infinity || !(latencyOf(quickest) + margin < latencyOf(leader))) {
    return { leader: leader.name };
  }
  const sinceMs = earlier?.name === quickest.name ? earlier.sinceMs : nowMs;
  if (nowMs - sinceMs >= LEAD_AFTER_MS) return { leader: quickest.name };
  return { leader: leader.name, challenger: { name: quickest.name, sinceMs } };
}

function latencyOf({ rttMs }: Member): number {
  return rttMs ?? Infinity;
}

/** What was taken, lives, and is not taken any more; what is dead has been left for that reason. */
function retire(
  alive: readonly Member[],
  taken: readonly Member[],
  { memory, nowMs }: ChoiceFacts,
): ReadonlyMap<string, number> {
  const now = new Set(namesOf(taken));
  const names = new Set([...memory.retired.keys(), ...memory.taken]);
  return new Map(
    alive.flatMap(({ name }): [string, number][] =>
      names.has(name) && !now.has(name) ? [[name, memory.retired.get(name) ?? nowMs]] : [],
    ),
  );
}

function leaving(
  failback: FailbackConfig,
  members: readonly Member[],
  retired: ReadonlyMap<string, number>,
  { nowMs, idleMs }: ChoiceFacts,
): string[] {
  const afterMs = failback.mode === 'hard' ? 0 : failback.mode === 'deadline' ? failback.afterMs : Infinity;
  const leaves = ({ name, standing, native }: Member): boolean => {
    if (standing === 'unreachable') return true;
    const sinceMs = retired.get(name);
    // A host's own prefix would bring its flows back to the uplink that they leave, again and again (8028-3).
    if (native || sinceMs === undefined) return false;
    return nowMs - sinceMs >= afterMs && nowMs - sinceMs <= afterMs + idleMs;
  };
  return namesOf(members.filter(leaves));
}

interface Grounds {
  readonly members: readonly Member[];
  readonly active: readonly Member[];
  readonly taken: readonly Member[];
  readonly held: boolean;
}

function reasonOf({ select }: PolicyConfig, { members, active, taken, held }: Grounds): string {
  const [first] = active;
  if (first === undefined) {
    return members.length === 0 ? 'no uplink of it carries the family' : members.map(stateInWords).join(', ');
  }
  const better = members.filter(
    ({ tier, name }) => tier < first.tier || (tier === first.tier && !isTaken(taken, name)),
  );
  const passed = better.filter(({ standing }) => standing !== first.standing).map(stateInWords);
  const worse = first.standing === 'sound' ? [] : [`${first.name} is ${first.standing} too`];
  const stays = held && better.some(({ standing }) => standing === first.standing) ? ['failback never'] : [];
  const among = namesOf(taken).join(', ');
  const guest = first.guest ? ['as the default policy does'] : [];
  const chosen =
    taken.length < 2
      ? []
      : [select === 'least-latency' ? `least latency of ${among}` : `shared by weight among ${among}`];
  const grounds = [...stays, ...passed, ...worse, ...guest, ...chosen];
  return grounds.length === 0 ? 'first in order of preference' : grounds.join('; ');
}

function isTaken(taken: readonly Member[], name: string): boolean {
  return taken.some((member) => member.name === name);
}

function stateInWords({ name, standing }: Member): string {
  return `${name} is ${standing === 'cut' ? 'without carrier' : standing}`;
}

function namesOf(members: readonly Member[]): string[] {
  return members.map(({ name }) => name);
}
