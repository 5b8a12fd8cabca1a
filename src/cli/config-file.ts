import { type ConfigIssue, renderIssues } from '../config/issue.ts';
import type { ParsedConfig } from '../config/parse.ts';
import { readConfigFile } from '../config/read-file.ts';
import type { Output } from './output.ts';
import { countOf, renderIssuesWithExcerpts } from './render.ts';

/**
 * The configuration of a command, or undefined after everything wrong with it was printed.
 * @param warnings whether to print those of a valid file: a command that is asked often has no use for them
 */
export async function loadConfig(
  file: string,
  output: Output,
  { warnings }: { readonly warnings: boolean },
): Promise<ParsedConfig | undefined> {
  const read = await readConfigFile(file);
  if (read.ok) {
    if (warnings) complainAbout(read.value.warnings, read.value.text, output);
    return read.value;
  }
  complainAbout(read.error.issues, read.error.text, output);
  return undefined;
}

/** Prints issues, with excerpts of the file where a person reads them. */
export function complainAbout(issues: readonly ConfigIssue[], text: string, output: Output): void {
  if (issues.length === 0) return;
  output.complain(output.terminal ? renderIssuesWithExcerpts(issues, text) : renderIssues(issues));
}

/** `2 errors, 1 warning` */
export function countIssues(issues: readonly ConfigIssue[]): string {
  const errors = issues.filter(({ severity }) => severity === 'error').length;
  const warnings = issues.length - errors;
  const parts = [errors > 0 ? countOf(errors, 'error') : '', warnings > 0 ? countOf(warnings, 'warning') : ''];
  return parts.filter((part) => part !== '').join(', ');
}
