import { type DraftContext, readEntries } from '../draft-context.ts';
import type { ConfigPath } from '../issue.ts';
import { type ProbeTargetConfig, readTargets } from '../probe-target.ts';
import type { ConfigDraft, PolicyDraft, ProbeDraft } from '../schema.ts';
import type { ProbeTargetDraft } from '../schema-policy.ts';

/** Most probe targets of one uplink. */
export const TARGETS_MAX = 64;

/** Each family of an uplink has targets that can tell whether it works. */
export function checkProbes(draft: ConfigDraft, context: DraftContext): void {
  for (const [uplink, { probe }] of Object.entries(draft.uplinks ?? {})) {
    const path = ['uplinks', uplink, 'probe'];
    checkKinds(probe?.targets, path, context);
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
  const kinds = ['dns', 'tcp', 'http', 'https'].filter((kind) => given([...path, kind]));
  if (kinds.length !== 1) refuse(path, 'a target asks one service: give either "dns" or "tcp"');
  for (const kind of kinds.filter((name) => name.startsWith('http'))) {
    refuse([...path, kind], `${kind} probes are not supported: "tcp" asks whether the server accepts connections`);
  }
  if (target.name !== undefined && !kinds.includes('dns')) refuse([...path, 'name'], 'only "dns" asks for a name');
  if (target.refused !== undefined && !kinds.includes('tcp')) {
    refuse([...path, 'refused'], 'only a "tcp" connection can be refused');
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
 * @param hasRawSocket whether one of its uplinks is probed by raw socket
 */
export function checkPolicyTargets(
  probe: PolicyDraft['probe'],
  hasRawSocket: boolean,
  path: ConfigPath,
  context: DraftContext,
): void {
  const { report } = context;
  checkKinds(probe?.targets, path, context);
  if (hasRawSocket) checkEchoOnly(probe?.targets, path, context);
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
