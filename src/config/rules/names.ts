import { deviceName } from '../complete-device.ts';
import type { DraftContext } from '../draft-context.ts';
import type { ConfigPath } from '../issue.ts';
import type { ConfigDraft, DeviceDraft } from '../schema.ts';

const UPLINKS_MAX = 16;
/** The engine takes 64 devices, uplinks among them. */
const INTERNAL_DEVICES_MAX = 48;

/** There is something to route between, not too much of it, and no name or device appears twice. */
export function checkNames(draft: ConfigDraft, context: DraftContext): void {
  checkCounts(draft, context);
  for (const name of Object.keys(draft.uplinks ?? {})) {
    if (Object.hasOwn(draft.internal ?? {}, name)) {
      context.report(['uplinks', name], { code: 'duplicate-name', name, other: ['internal', name] });
    }
  }
  checkDevices(draft, context);
}

function checkCounts(draft: ConfigDraft, { report, given, uplinkNames }: DraftContext): void {
  if (draft.internal !== undefined || !given(['internal'])) {
    const count = Object.keys(draft.internal ?? {}).length;
    if (count === 0) report(given(['internal']) ? ['internal'] : [], { code: 'no-internal-device' });
    const max = INTERNAL_DEVICES_MAX;
    if (count > max) report(['internal'], { code: 'too-many', what: 'internal devices', count, max });
  }
  if (draft.uplinks !== undefined || !given(['uplinks'])) {
    const count = uplinkNames.length;
    if (count === 0) report(given(['uplinks']) ? ['uplinks'] : [], { code: 'no-uplinks' });
    if (count > UPLINKS_MAX) report(['uplinks'], { code: 'too-many', what: 'uplinks', count, max: UPLINKS_MAX });
  }
}

function checkDevices(draft: ConfigDraft, { report }: DraftContext): void {
  const users = new Map<string, ConfigPath>();
  for (const section of ['internal', 'uplinks'] as const) {
    for (const [name, { device }] of Object.entries(draft[section] ?? {})) {
      const named = device && deviceName(device);
      if (device === undefined || named === undefined) continue;
      const user = [section, name];
      const key = deviceKey(named.name, device);
      const other = users.get(key);
      if (other !== undefined)
        report([...user, 'device', named.kind], { code: 'duplicate-device', device: key, other });
      else users.set(key, user);
    }
  }
}

/** Devices of one name in different namespaces are different devices. */
function deviceKey(name: string, { netns }: DeviceDraft): string {
  return netns === undefined ? name : `${name} in namespace ${netns}`;
}
