import { type DraftContext, readEntries } from '../draft-context.ts';
import { nearestName } from '../nearest.ts';
import type { ConfigDraft } from '../schema.ts';

/** Policies name uplinks that exist, each once. */
export function checkPolicy(draft: ConfigDraft, { report, uplinkNames }: DraftContext): void {
  const prefer = draft.policy?.default?.prefer;
  // A file without uplinks has one mistake, not one for each name.
  if (prefer === undefined || uplinkNames.length === 0) return;
  const path = ['policy', 'default', 'prefer'];
  if (prefer.length === 0) report(path, { code: 'bad-value', reason: 'at least one uplink is needed' });
  const seen = new Set<string>();
  for (const { entry: name, index } of readEntries(prefer)) {
    if (seen.has(name)) report([...path, index], { code: 'duplicate-entry', entry: `"${name}"` });
    seen.add(name);
    if (uplinkNames.includes(name)) continue;
    const nearest = nearestName(name, uplinkNames);
    report([...path, index], { code: 'unknown-uplink', name, ...(nearest === undefined ? {} : { nearest }) });
  }
  for (const uplink of uplinkNames) {
    if (!seen.has(uplink)) report(['uplinks', uplink], { code: 'unused-uplink', uplink });
  }
}
