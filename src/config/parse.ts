import { err, ok, type Result } from '../result.ts';
import { completeConfig } from './complete.ts';
import type { NptdConfig } from './config.ts';
import { type ConfigDocument, hasPath, readDocument } from './document.ts';
import type { DraftContext } from './draft-context.ts';
import { type ConfigIssue, type ConfigPath, issueAt, type Problem } from './issue.ts';
import { checkAdvertised } from './rules/advertise.ts';
import { checkInternal } from './rules/internal.ts';
import { checkMartians } from './rules/martians.ts';
import { checkNames } from './rules/names.ts';
import { checkPairs } from './rules/pairs.ts';
import { checkPolicy } from './rules/policy.ts';
import { checkProbes } from './rules/probes.ts';
import { checkPublish } from './rules/publish.ts';
import { checkState } from './rules/state.ts';
import { checkTimers } from './rules/timers.ts';
import { checkUplinks } from './rules/uplinks.ts';
import { readShape } from './shape.ts';

export interface ParsedConfig {
  readonly config: NptdConfig;
  /** In file order; all of severity `warning`. */
  readonly warnings: readonly ConfigIssue[];
  /** The data of the text as YAML has it, for comparing files. */
  readonly source: unknown;
}

/**
 * Reads a configuration. The error lists everything that is wrong, and the warnings too, in file order.
 * Never throws, whatever the text.
 */
export function parseConfig(text: string, file: string): Result<ParsedConfig, readonly ConfigIssue[]> {
  const document = readDocument(text);
  const issues: ConfigIssue[] = document.syntax.map(({ problem, position }) =>
    issueAt(problem, { path: [], file, ...position }),
  );
  // Guesses about a file whose syntax is broken would bury what is broken.
  if (document.root === undefined && issues.length > 0) return err(issues);
  const report = (path: ConfigPath, problem: Problem): void => {
    issues.push(issueAt(problem, { path, file, ...document.position(path, partOf(problem)) }));
  };
  const config = readConfig(document, report);
  issues.sort((a, b) => a.line - b.line || a.column - b.column);
  if (issues.some((issue) => issue.severity === 'error')) return err(issues);
  return ok({ config, warnings: issues, source: document.root });
}

function readConfig({ root }: ConfigDocument, report: DraftContext['report']): NptdConfig {
  const misspelt = new Set<string>();
  const draft = readShape(root, (path, problem) => {
    report(path, problem);
    if (problem.code === 'unknown-key') misspelt.add(keyOf([...path.slice(0, -1), problem.nearest ?? '']));
  });
  const context: DraftContext = {
    report,
    // A key that was misspelt is not missing as well.
    given: (path) => hasPath(root, path) || misspelt.has(keyOf(path)),
    uplinkNames: uplinkNames(root),
  };
  const rules = [
    checkNames,
    checkInternal,
    checkUplinks,
    checkPairs,
    checkProbes,
    checkPolicy,
    checkPublish,
    checkTimers,
    checkMartians,
    checkState,
  ];
  for (const rule of rules) rule(draft, context);
  const config = completeConfig(draft, context);
  checkAdvertised(config, context);
  return config;
}

function keyOf(path: ConfigPath): string {
  return JSON.stringify(path);
}

/** As the file has them, so that an uplink with a mistake in it is not unknown as well. */
function uplinkNames(root: unknown): string[] {
  if (typeof root !== 'object' || root === null || !('uplinks' in root)) return [];
  const { uplinks } = root;
  return typeof uplinks === 'object' && uplinks !== null && !Array.isArray(uplinks) ? Object.keys(uplinks) : [];
}

const AT_KEY: ReadonlySet<Problem['code']> = new Set([
  'unknown-key',
  'missing-key',
  'bad-name',
  'duplicate-name',
  'uplink-without-address',
  'unused-uplink',
  'no-internal-device',
  'no-uplinks',
  'no-probe-target',
]);

function partOf({ code }: Problem): 'key' | 'value' {
  return AT_KEY.has(code) ? 'key' : 'value';
}
