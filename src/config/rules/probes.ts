import { type DraftContext, readEntries } from '../draft-context.ts';
import type { ConfigPath } from '../issue.ts';
import type { ConfigDraft, PolicyDraft, ProbeDraft } from '../schema.ts';
import { type Address, formatAddress } from '../values.ts';

/** Most probe targets of one uplink. */
export const TARGETS_MAX = 64;

/** Each family of an uplink has targets that can tell whether it works. */
export function checkProbes(draft: ConfigDraft, context: DraftContext): void {
  for (const [uplink, { probe }] of Object.entries(draft.uplinks ?? {})) {
    const path = ['uplinks', uplink, 'probe'];
    const targets = readEntries(probe?.targets);
    checkTargets(targets, uplink, path, context);
    // What could not be read may have been a target of either family.
    const unread = context.given(probe === undefined ? path : [...path, 'targets']);
    if (unread && targets.length !== (probe?.targets?.length ?? -1)) continue;
    for (const family of [4, 6] as const) {
      if (!context.given(['uplinks', uplink, `ipv${family}`])) continue;
      const count = targets.filter(({ entry }) => entry.family === family).length;
      checkCount({ uplink, family, count, probe }, path, context);
    }
  }
}

function checkTargets(
  targets: readonly { entry: Address; index: number }[],
  uplink: string,
  path: ConfigPath,
  { report, given }: DraftContext,
): void {
  if (targets.length > TARGETS_MAX) {
    const count = targets.length;
    report([...path, 'targets'], { code: 'too-many', what: 'probe targets', count, max: TARGETS_MAX });
  }
  const seen = new Set<string>();
  for (const { entry, index } of targets) {
    const target = formatAddress(entry);
    const place = [...path, 'targets', index];
    if (seen.has(target)) report(place, { code: 'duplicate-entry', entry: target });
    seen.add(target);
    const { family } = entry;
    if (!given(['uplinks', uplink, `ipv${family}`])) report(place, { code: 'target-family', target, uplink, family });
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

/** Targets of a policy's own. */
export function checkTargetCount(probe: PolicyDraft['probe'], path: ConfigPath, { report }: DraftContext): void {
  const targets = readEntries(probe?.targets);
  const count = targets.length;
  if (count > TARGETS_MAX)
    report([...path, 'targets'], { code: 'too-many', what: 'probe targets', count, max: TARGETS_MAX });
  for (const family of [4, 6] as const) {
    const own = targets.filter(({ entry }) => entry.family === family).length;
    const quorum = probe?.quorum ?? 1;
    if (own > 0 && quorum > own)
      report([...path, 'quorum'], { code: 'quorum-too-large', quorum, targets: own, family });
  }
}
