import { DEFAULT_HOOK, DEFAULT_JOURNAL } from './defaults.ts';
import { type DraftContext, readEntries } from './draft-context.ts';
import type { ConfigPath } from './issue.ts';
import type { HookConfig, JournalConfig } from './operations-config.ts';
import type { ConfigDraft, HookDraft } from './schema.ts';

export function completeJournal({ file, entries }: NonNullable<ConfigDraft['journal']> = {}): JournalConfig {
  return { ...(file === undefined ? {} : { file }), entries: entries ?? DEFAULT_JOURNAL.entries };
}

/** The hook, or none after what is wrong with it was reported. */
export function completeHook(draft: HookDraft, path: ConfigPath, { report, given }: DraftContext): HookConfig[] {
  const [hasCommand, hasWebhook] = [given([...path, 'command']), given([...path, 'webhook'])];
  if (hasCommand === hasWebhook) {
    const reason = hasCommand
      ? 'has both a command and a webhook: make two hooks of it'
      : 'has neither command nor webhook';
    report(path, { code: 'bad-value', reason });
    return [];
  }
  const action = actionOf(draft);
  if (action === undefined) {
    if (hasCommand) report([...path, 'command'], { code: 'bad-value', reason: 'a command has at least its program' });
    return [];
  }
  const on = draft.on === undefined ? DEFAULT_HOOK.on : eventsOf(draft.on);
  return [{ on, action, timeoutMs: draft.timeout ?? DEFAULT_HOOK.timeoutMs }];
}

function actionOf({ command, webhook }: HookDraft): HookConfig['action'] | undefined {
  if (webhook !== undefined) return { webhook };
  const [program, ...args] = readEntries(command).map(({ entry }) => entry);
  return program === undefined ? undefined : { command: [program, ...args] };
}

function eventsOf(on: NonNullable<HookDraft['on']>): HookConfig['on'] {
  return typeof on === 'string' ? [on] : readEntries(on).map(({ entry }) => entry);
}
