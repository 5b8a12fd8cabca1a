import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { EXIT_CODE } from '../../../src/cli/exit-code.ts';
import { DEFAULT_LIMITS, DEFAULT_NAT44, DEFAULT_PROBE, PROBE_PROFILES } from '../../../src/config/defaults.ts';
import { formatDuration } from '../../../src/config/duration.ts';
import { fileJsonSchema } from '../../../src/config/schema.ts';
import { issuesOf } from './support.ts';

const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');

it('the example of docs/configuration.md is valid without a warning', () => {
  const [, example] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  expect(issuesOf(example ?? 'no example')).toEqual([]);
});

it('docs/configuration.md names every key of the file', () => {
  const keys = allKeys(fileJsonSchema());
  expect(keys).toContain('tap');
  const missing = keys.filter((key) => !new RegExp(`[\`. ]${key}\\b`).test(page));
  expect(missing).toEqual([]);
});

it('docs/configuration.md gives the defaults of the code', () => {
  const { timeouts, portRestMs } = DEFAULT_NAT44;
  const seconds = (ms: number): string => `${ms / 1000}s`;
  const rows: [string, string][] = [
    ['timeouts.udp', seconds(timeouts.udpMs)],
    ['timeouts.icmp', seconds(timeouts.icmpMs)],
    ['timeouts.tcp-opening', seconds(timeouts.tcpOpeningMs)],
    ['timeouts.tcp-closing', seconds(timeouts.tcpClosingMs)],
    ['timeouts.other', seconds(timeouts.otherMs)],
    ['timeouts.dccp-transitory', seconds(timeouts.dccpTransitoryMs)],
    ['timeouts.dccp-established', seconds(timeouts.dccpEstablishedMs)],
    ['timeouts.held-syn', seconds(timeouts.heldSynMs)],
    ['hosts', `${DEFAULT_LIMITS.hosts}`],
    ['timeouts.tcp-established', seconds(timeouts.tcpEstablishedMs)],
    ['timeouts.fragment', seconds(timeouts.fragmentMs)],
    ['port-rest', seconds(portRestMs)],
    ['mappings', `${DEFAULT_LIMITS.mappings}`],
    ['sessions', `${DEFAULT_LIMITS.sessions}`],
    ['neighbours', `${DEFAULT_LIMITS.neighbours}`],
    ['interval', formatDuration(PROBE_PROFILES.default.intervalMs)],
    ['timeout', formatDuration(PROBE_PROFILES.default.timeoutMs)],
    ['up-after', formatDuration(DEFAULT_PROBE.upAfterMs)],
  ];
  const wrong = rows.filter(([key, value]) => {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${key}\``));
    return row?.includes(`\`${value}\``) !== true;
  });
  expect(wrong).toEqual([]);
});

it('docs/configuration.md lists every exit code', () => {
  const listed = [...page.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  expect(listed).toEqual(Object.values(EXIT_CODE));
});

/** Names of all keys in a JSON Schema. */
function allKeys(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = 'properties' in schema ? Object.keys(schema.properties ?? {}) : [];
  return [...own, ...Object.values(schema).flatMap(allKeys)];
}
