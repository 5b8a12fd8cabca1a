import { listOf, protocolsOf, tierOf } from '../complete-policy.ts';
import { type DraftContext, readEntries } from '../draft-context.ts';
import type { ConfigPath } from '../issue.ts';
import { nearestName } from '../nearest.ts';
import type { ConfigDraft, MatchDraft, PolicyDraft, ProbeDraft } from '../schema.ts';
import { checkPolicyTargets } from './probes.ts';

/** Most policies, as plans number them; `default` is one of them. */
const POLICIES_MAX = 32;
/** Most combinations of what a policy matches: each is looked at for a new flow. */
const MATCHES_MAX = 256;

const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 33, 132, 136]);

/** Policies name uplinks that exist, each once, and conditions that can be met. */
export function checkPolicy(draft: ConfigDraft, context: DraftContext): void {
  const policies = Object.entries(draft.policy ?? {});
  const count = policies.length + (context.given(['policy', 'default']) ? 0 : 1);
  if (count > POLICIES_MAX)
    context.report(['policy'], { code: 'too-many', what: 'policies', count, max: POLICIES_MAX });
  for (const [name, policy] of policies) {
    const path = ['policy', name];
    checkPrefer(policy, path, context);
    checkPlace(policy, name, path, context);
    checkMatches(policy, draft, path, context);
    checkPersistence(policy, draft, path, context);
    checkPolicyTargets(policy.probe, probesOf(policy, draft), [...path, 'probe'], context);
  }
  checkUnused(draft, context);
}

function checkPrefer({ prefer }: PolicyDraft, policyPath: ConfigPath, { report, uplinkNames }: DraftContext): void {
  // A file without uplinks has one mistake, not one for each name.
  if (prefer === undefined || uplinkNames.length === 0) return;
  const path = [...policyPath, 'prefer'];
  if (prefer.length === 0) report(path, { code: 'bad-value', reason: 'at least one uplink is needed' });
  const seen = new Set<string>();
  for (const { entry, index } of readEntries(prefer)) {
    const names = typeof entry === 'string' ? [entry] : Object.keys(entry);
    if (names.length === 0) report([...path, index], { code: 'bad-value', reason: 'at least one uplink is needed' });
    for (const name of names) {
      const place = typeof entry === 'string' ? [...path, index] : [...path, index, name];
      if (seen.has(name)) report(place, { code: 'duplicate-entry', entry: `"${name}"` });
      seen.add(name);
      if (uplinkNames.includes(name)) continue;
      const nearest = nearestName(name, uplinkNames);
      report(place, { code: 'unknown-uplink', name, ...(nearest === undefined ? {} : { nearest }) });
    }
  }
}

/** How the uplinks are probed that a policy prefers. */
function probesOf({ prefer }: PolicyDraft, { uplinks }: ConfigDraft): ProbeDraft[] {
  const names = readEntries(prefer).flatMap(({ entry }) => (typeof entry === 'string' ? [entry] : Object.keys(entry)));
  return names.map((name) => uplinks?.[name]?.probe ?? {});
}

/** What makes sense in the default policy only, or in all others. */
function checkPlace(policy: PolicyDraft, name: string, path: ConfigPath, { report }: DraftContext): void {
  const isDefault = name === 'default';
  const misplaced = (key: string, reason: string): void => report([...path, key], { code: 'bad-value', reason });
  if (isDefault && policy.match !== undefined) misplaced('match', 'the default policy takes what no other one matches');
  if (isDefault && policy.else !== undefined) misplaced('else', 'the default policy has "last-resort" in its place');
  if (!isDefault && policy['last-resort'] !== undefined) {
    misplaced('last-resort', 'is a matter of the default policy; others have "else"');
  }
  if (!isDefault && policy.match === undefined) {
    report(path, { code: 'missing-key', key: 'match', hint: 'only the default policy takes everything' });
  }
}

function checkMatches(policy: PolicyDraft, draft: ConfigDraft, path: ConfigPath, context: DraftContext): void {
  const count = listOf(policy.match).reduce((sum, match) => sum + combinations(match), 0);
  if (count > MATCHES_MAX) {
    context.report([...path, 'match'], { code: 'too-many', what: 'combinations', count, max: MATCHES_MAX });
  }
  for (const match of listOf(policy.match)) checkMatch(match, draft, [...path, 'match'], context);
}

function checkMatch(match: MatchDraft, draft: ConfigDraft, path: ConfigPath, { report }: DraftContext): void {
  const refuse = (reason: string): void => report(path, { code: 'bad-value', reason });
  const families = [match.from, match.to].map((prefixes) => new Set(listOf(prefixes).map(({ family }) => family)));
  const [from, to] = families;
  const meets = (family: 4 | 6): boolean => families.every((side) => side.size === 0 || side.has(family));
  if (!meets(4) && !meets(6)) refuse('"from" and "to" are of different families: nothing meets both');
  if (listOf(match.port).length + listOf(match['source-port']).length === 0) return;
  const protocols = protocolsOf(match);
  if (protocols.length === 0) refuse('ports need "proto", as tcp or udp');
  if (protocols.some((protocol) => !WITH_PORTS.has(protocol))) refuse('a protocol here has no ports');
  const carries6 = Object.values(draft.uplinks ?? {}).filter(({ ipv6 }) => ipv6 !== undefined).length > 1;
  if (draft.filter?.mode === 'off' && carries6 && meets(6) && from !== undefined && to !== undefined) {
    refuse('without the IPv6 filter ports are not looked at: name IPv4 addresses in "from" or "to"');
  }
}

function combinations(match: MatchDraft): number {
  const lists = [match.from, match.to, match.port, match['source-port'], match.dscp].map((list) =>
    listOf<unknown>(list),
  );
  return [...lists, protocolsOf(match)].reduce((product, { length }) => product * Math.max(1, length), 1);
}

function checkPersistence(policy: PolicyDraft, draft: ConfigDraft, path: ConfigPath, { report }: DraftContext): void {
  if (policy.persistence !== 'flow' || draft.filter?.mode !== 'off') return;
  if (!Object.values(draft.uplinks ?? {}).some(({ ipv6 }) => ipv6 !== undefined)) return;
  const reason = 'without the IPv6 filter ports are not looked at: use source or source-destination';
  report([...path, 'persistence'], { code: 'bad-value', reason });
}

function checkUnused({ policy }: ConfigDraft, { report, uplinkNames, given }: DraftContext): void {
  // Without a default policy every uplink is preferred by the one that is implied.
  if (!given(['policy', 'default'])) return;
  const preferred = Object.values(policy ?? {}).flatMap(({ prefer }) =>
    readEntries(prefer).flatMap(({ entry }) => tierOf(entry).flatMap((tier) => tier.map(({ uplink }) => uplink))),
  );
  if (policy?.default?.prefer === undefined) return;
  for (const uplink of uplinkNames) {
    if (!preferred.includes(uplink)) report(['uplinks', uplink], { code: 'unused-uplink', uplink });
  }
}
