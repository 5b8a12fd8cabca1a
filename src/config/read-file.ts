import { readFile } from 'node:fs/promises';
import { err, type Result } from '../result.ts';
import { type ConfigIssue, issueAt } from './issue.ts';
import { type ParsedConfig, parseConfig } from './parse.ts';

/** Where commands look if no file is named. */
export const DEFAULT_CONFIG_FILE = '/etc/nptd/nptd.yaml';

/** Reads and parses a configuration file; a file that cannot be read is an issue like others. */
export async function readConfigFile(
  file: string,
): Promise<Result<ParsedConfig & { readonly text: string }, { issues: readonly ConfigIssue[]; text: string }>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const issue = issueAt({ code: 'unreadable-file', reason }, { path: [], file, line: 1, column: 1 });
    return err({ issues: [issue], text: '' });
  }
  const parsed = parseConfig(text, file);
  return parsed.ok ? { ok: true, value: { ...parsed.value, text } } : err({ issues: parsed.error, text });
}
