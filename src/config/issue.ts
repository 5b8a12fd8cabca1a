import { describeProblem } from './describe.ts';

/** Keys and list positions from the root of the file. */
export type ConfigPath = readonly (string | number)[];

/** What is wrong, told apart by `code`; `describeProblem` says it in words. */
export type Problem = FileProblem | NetworkProblem | WarningProblem;

/** Errors of the text and its shape. */
export type FileProblem =
  | { readonly code: 'yaml-syntax'; readonly reason: string }
  | { readonly code: 'unreadable-file'; readonly reason: string }
  | { readonly code: 'duplicate-key'; readonly key: string }
  | { readonly code: 'unknown-key'; readonly key: string; readonly nearest?: string; readonly known: readonly string[] }
  | { readonly code: 'missing-key'; readonly key: string; readonly hint?: string }
  | { readonly code: 'wrong-type'; readonly expected: string; readonly found: string }
  | { readonly code: 'bad-value'; readonly reason: string }
  | { readonly code: 'bad-name'; readonly reason: string }
  | { readonly code: 'duplicate-name'; readonly name: string; readonly other: ConfigPath }
  | { readonly code: 'duplicate-device'; readonly device: string; readonly other: ConfigPath }
  | { readonly code: 'duplicate-entry'; readonly entry: string }
  | { readonly code: 'second-kind'; readonly kind: string; readonly other: string }
  | { readonly code: 'too-many'; readonly what: string; readonly count: number; readonly max: number }
  | { readonly code: 'no-internal-device' }
  | { readonly code: 'no-uplinks' };

/** Errors of the network that it describes. */
export type NetworkProblem =
  | { readonly code: 'overlapping-internal-prefixes'; readonly prefix: string; readonly other: OtherPrefix }
  | {
      readonly code: 'not-on-link';
      readonly what: 'gateway' | 'router';
      readonly address: string;
      readonly link: string;
    }
  | { readonly code: 'own-address'; readonly what: 'gateway' | 'router'; readonly address: string }
  | { readonly code: 'family-mismatch'; readonly prefix: string; readonly address: string }
  | { readonly code: 'mtu-too-small'; readonly mtu: number; readonly minimum: number }
  | { readonly code: 'untranslatable-prefix'; readonly prefix: string; readonly reason: string }
  | { readonly code: 'pair-without-internal'; readonly prefix: string }
  | {
      readonly code: 'ambiguous-pair';
      readonly side: 'internal' | 'external';
      readonly prefix: string;
      readonly other: OtherPrefix;
    }
  | { readonly code: 'reserved-subnet'; readonly prefix: string; readonly uplink: string }
  | {
      readonly code: 'unmappable-subnet';
      readonly prefix: string;
      readonly uplink: string;
      readonly internal: string;
      readonly external: string;
    }
  | { readonly code: 'uplink-without-address'; readonly uplink: string }
  | { readonly code: 'unknown-uplink'; readonly name: string; readonly nearest?: string }
  | { readonly code: 'published-twice'; readonly uplink: string; readonly other: ConfigPath }
  | { readonly code: 'target-family'; readonly target: string; readonly uplink: string; readonly family: 4 | 6 }
  | { readonly code: 'quorum-too-large'; readonly quorum: number; readonly targets: number; readonly family: 4 | 6 };

/** What is accepted, but probably not meant. */
export type WarningProblem =
  | { readonly code: 'timer-below-minimum'; readonly ms: number; readonly minimumMs: number; readonly id: string }
  | { readonly code: 'single-probe-target'; readonly uplink: string; readonly family: 4 | 6 }
  | { readonly code: 'no-probe-target'; readonly uplink: string; readonly family: 4 | 6 }
  | { readonly code: 'prefix-not-covered'; readonly prefix: string; readonly uplink: string }
  | { readonly code: 'unused-uplink'; readonly uplink: string }
  | { readonly code: 'rest-without-state'; readonly protocol: string };

export interface OtherPrefix {
  readonly prefix: string;
  readonly path: ConfigPath;
}

/** One problem at its place in the file; lines and columns count from 1. */
export type ConfigIssue = Problem & IssuePlace;

export interface IssuePlace {
  readonly severity: 'error' | 'warning';
  readonly path: ConfigPath;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly sentence: string;
}

/** Where a rule leaves what it found; order does not matter. */
export type Report = (path: ConfigPath, problem: Problem) => void;

const WARNINGS: ReadonlySet<string> = new Set<WarningProblem['code']>([
  'timer-below-minimum',
  'single-probe-target',
  'no-probe-target',
  'prefix-not-covered',
  'unused-uplink',
  'rest-without-state',
]);

export function issueAt(
  problem: Problem,
  place: { path: ConfigPath; file: string; line: number; column: number },
): ConfigIssue {
  const severity = WARNINGS.has(problem.code) ? 'warning' : 'error';
  return { ...problem, ...place, severity, sentence: describeProblem(problem, place.path) };
}

/** `file:line:column: sentence`, with `warning:` before the sentence of a warning. */
export function renderIssue(issue: ConfigIssue): string {
  const severity = issue.severity === 'warning' ? 'warning: ' : '';
  return `${issue.file}:${issue.line}:${issue.column}: ${severity}${issue.sentence}`;
}

/** One line per issue. */
export function renderIssues(issues: readonly ConfigIssue[]): string {
  return issues.map((issue) => `${renderIssue(issue)}\n`).join('');
}
