import { PROBE_PROFILES } from '../defaults.ts';
import { type DraftContext, readEntries } from '../draft-context.ts';
import { formatDuration } from '../duration.ts';
import type { ConfigPath } from '../issue.ts';
import { HTTP_TIMEOUT_INTERVALS_MAX, type ProbeTargetConfig, readTargets } from '../probe-target.ts';
import type { ConfigDraft, PolicyDraft, ProbeDraft } from '../schema.ts';
import type { ProbeTargetDraft } from '../schema-policy.ts';

const SERVICES = ['dns', 'tcp', 'http', 'https'] as const;

const KEYS_OF_SERVICES: Readonly<Record<string, readonly (typeof SERVICES)[number][]>> = {
  name: ['dns', 'http', 'https'],
  refused: ['tcp'],
  status: ['http', 'https'],
  timeout: ['http', 'https'],
  ca: ['https'],
  verify: ['https'],
};

/** Most HTTP targets of one list and family: with as many probes of each under way as may be, there are own ports for all. */
export const HTTP_TARGETS_MAX = 8;

/** Most probe targets of one uplink. */
export const TARGETS_MAX = 64;

/** Each family of an uplink has targets that can tell whether it works. */
export function checkProbes(draft: ConfigDraft, context: DraftContext): void {
  for (const [uplink, { probe }] of Object.entries(draft.uplinks ?? {})) {
    const path = ['uplinks', uplink, 'probe'];
    checkKinds(probe?.targets, path, context);
    checkConversations(probe?.targets, [probe ?? {}], path, context);
    if (probe?.transport === 'raw-socket') checkEchoOnly(probe.targets, path, context);
    const targets = readTargets(probe?.targets);
    checkTargets(targets, uplink, path, context);
    // What could not be read may have been a target of either family.
    const unread = context.given(probe === undefined ? path : [...path, 'targets']);
    if (unread && targets.length !== (probe?.targets?.length ?? -1)) continue;
    for (const family of [4, 6] as const) {
      if (!context.given(['uplinks', uplink, `ipv${family}`])) continue;
      const count = countOf(targets, family);
      checkCount({ uplink, family, count, probe }, path, context);
    }
  }
}

function countOf(targets: readonly { target: ProbeTargetConfig }[], family: 4 | 6): number {
  return targets.filter(({ target }) => target.address.family === family).length;
}

function checkTargets(
  targets: readonly { target: ProbeTargetConfig; index: number }[],
  uplink: string,
  path: ConfigPath,
  { report, given }: DraftContext,
): void {
  if (targets.length > TARGETS_MAX) {
    const count = targets.length;
    report([...path, 'targets'], { code: 'too-many', what: 'probe targets', count, max: TARGETS_MAX });
  }
  const seen = new Set<string>();
  for (const { target, index } of targets) {
    const { text, address } = target;
    const place = [...path, 'targets', index];
    if (seen.has(text)) report(place, { code: 'duplicate-entry', entry: text });
    seen.add(text);
    const { family } = address;
    if (!given(['uplinks', uplink, `ipv${family}`])) {
      report(place, { code: 'target-family', target: text, uplink, family });
    }
  }
}

/** A target that is a map asks one service, and has the keys of that. */
function checkKinds(targets: ProbeDraft['targets'], path: ConfigPath, context: DraftContext): void {
  for (const { entry, index } of readEntries(targets)) {
    if (!('family' in entry)) checkKind(entry, [...path, 'targets', index], context);
  }
}

function checkKind(
  target: Exclude<ProbeTargetDraft, { family: 4 | 6 }>,
  path: ConfigPath,
  { report, given }: DraftContext,
): void {
  const refuse = (place: ConfigPath, reason: string): void => report(place, { code: 'bad-value', reason });
  const kinds = SERVICES.filter((kind) => given([...path, kind]));
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    refuse(path, 'a target asks one service: give one of "dns", "tcp", "http" and "https"');
    return;
  }
  for (const [key, services] of Object.entries(KEYS_OF_SERVICES)) {
    if (given([...path, key]) && !services.includes(kind)) {
      refuse([...path, key], `"${key}" goes with ${services.join(' and ')}, not with ${kind}`);
    }
  }
  if (target.name === '.' && kind !== 'dns') refuse([...path, 'name'], 'no web server is called so');
  if (target.ca !== undefined && target.verify === false) {
    refuse([...path, 'ca'], 'without "verify" nobody has to vouch for the server');
  }
}

/** Each HTTP probe may take a while, and costs its server more than an echo: they stay few, and do not pile up. */
function checkConversations(
  targets: ProbeDraft['targets'],
  uplinkProbes: readonly ProbeDraft[],
  path: ConfigPath,
  { report }: DraftContext,
): void {
  const intervals = uplinkProbes.map(
    ({ interval, profile = 'default' }) => interval ?? PROBE_PROFILES[profile].intervalMs,
  );
  const maxMs = HTTP_TIMEOUT_INTERVALS_MAX * Math.min(...intervals);
  const counts = new Map<4 | 6, number>();
  for (const { target, index } of readTargets(targets)) {
    const { method, address } = target;
    if (method.kind !== 'http') continue;
    counts.set(address.family, (counts.get(address.family) ?? 0) + 1);
    if (method.timeoutMs !== undefined && method.timeoutMs > maxMs) {
      const reason = `is more than ${HTTP_TIMEOUT_INTERVALS_MAX} intervals of the uplink, ${formatDuration(maxMs)}`;
      report([...path, 'targets', index, 'timeout'], { code: 'bad-value', reason });
    }
  }
  for (const count of counts.values()) {
    if (count <= HTTP_TARGETS_MAX) continue;
    report([...path, 'targets'], {
      code: 'too-many',
      what: 'HTTP targets of one family',
      count,
      max: HTTP_TARGETS_MAX,
    });
  }
}

function checkEchoOnly(targets: ProbeDraft['targets'], path: ConfigPath, { report }: DraftContext): void {
  for (const { target, index } of readTargets(targets)) {
    if (target.method.kind === 'echo') continue;
    const reason = `by raw socket only addresses are probed, by ICMP echo, not ${target.method.kind}`;
    report([...path, 'targets', index], { code: 'bad-value', reason });
  }
}

function checkCount(
  { uplink, family, count, probe }: { uplink: string; family: 4 | 6; count: number; probe: ProbeDraft | undefined },
  path: ConfigPath,
  { report }: DraftContext,
): void {
  const quorum = probe?.quorum ?? 1;
  const place = probe === undefined ? path.slice(0, -1) : path;
  if (count === 0) report(place, { code: 'no-probe-target', uplink, family });
  else if (quorum > count) report([...path, 'quorum'], { code: 'quorum-too-large', quorum, targets: count, family });
  else if (count === 1) report([...path, 'targets'], { code: 'single-probe-target', uplink, family });
}

/**
 * Targets of a policy's own.
 * @param uplinkProbes how its uplinks are probed
 */
export function checkPolicyTargets(
  probe: PolicyDraft['probe'],
  uplinkProbes: readonly ProbeDraft[],
  path: ConfigPath,
  context: DraftContext,
): void {
  const { report } = context;
  checkKinds(probe?.targets, path, context);
  checkConversations(probe?.targets, uplinkProbes, path, context);
  if (uplinkProbes.some(({ transport }) => transport === 'raw-socket')) checkEchoOnly(probe?.targets, path, context);
  const targets = readTargets(probe?.targets);
  const count = targets.length;
  if (count > TARGETS_MAX)
    report([...path, 'targets'], { code: 'too-many', what: 'probe targets', count, max: TARGETS_MAX });
  for (const family of [4, 6] as const) {
    const own = countOf(targets, family);
    const quorum = probe?.quorum ?? 1;
    if (own > 0 && quorum > own)
      report([...path, 'quorum'], { code: 'quorum-too-large', quorum, targets: own, family });
  }
}
