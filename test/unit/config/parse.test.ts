import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderIssues } from '../../../src/config/issue.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { BASE, base, issuesOf, parsed } from './support.ts';

const FIXTURES = new URL('../../../fixtures/config/', import.meta.url);

function fixture(name: string): string {
  return readFileSync(new URL(name, FIXTURES), 'utf8');
}

describe('a file with mistakes', () => {
  it('gets all five of them reported in one run, each with its place', () => {
    expect(issuesOf(fixture('invalid/five-mistakes.yaml'))).toEqual([
      'f:3:42: internal.guests.ipv4: internal prefix 192.168.1.128/25 overlaps 192.168.1.0/24 of internal.office.ipv4',
      'f:7:38: uplinks.fiber.ipv4: unknown key "gatway", did you mean "gateway"?',
      'f:8:57: uplinks.fiber.probe.interval: expected a duration with a unit like 500ms, found the number 500',
      'f:10:20: uplinks.lte.device.tap: device wan0 is used already by uplinks.fiber',
      'f:14:23: policy.default.prefer[0]: there is no uplink "fibre", did you mean "fiber"?',
    ]);
  });

  it.each(readdirSync(new URL('invalid/', FIXTURES)).filter((name) => name.endsWith('.yaml')))(
    '%s is refused with the issues beside it',
    (name) => {
      const text = fixture(`invalid/${name}`);
      const result = parseConfig(text, name);
      expect(result.ok).toBe(false);
      const expected = fixture(`invalid/${name.replace(/\.yaml$/, '.txt')}`);
      expect(result.ok ? '' : renderIssues(result.error)).toBe(expected);
    },
  );

  it('gets errors and warnings in the order of the file', () => {
    const text = `${base('[192.0.2.1, 192.0.2.2, "2001', '[192.0.2.1, "2001')}nat44: { port-rest: 1s, timeouts: 3 }\n`;
    expect(issuesOf(text)).toEqual([
      'f:9:23: warning: uplinks.fiber.probe.targets: uplink "fiber" has a single IPv4 target: if that fails, the uplink counts as down',
      'f:10:21: warning: nat44.port-rest: 1s is below the minimum of 2m (6888-R8)',
      'f:10:35: nat44.timeouts: expected a map, found the number 3',
    ]);
  });

  it('keeps the code, path and data of an issue beside its sentence', () => {
    const result = parseConfig(base('gateway: 203', 'gatewey: 203'), 'f');
    expect(result.ok ? [] : result.error).toMatchObject([
      {
        code: 'unknown-key',
        severity: 'error',
        path: ['uplinks', 'fiber', 'ipv4', 'gatewey'],
        key: 'gatewey',
        nearest: 'gateway',
        file: 'f',
        line: 7,
        column: 38,
      },
    ]);
  });
});

describe('a valid file', () => {
  it.each(readdirSync(new URL('valid/', FIXTURES)))('%s has neither errors nor warnings', (name) => {
    expect(issuesOf(fixture(`valid/${name}`))).toEqual([]);
  });

  it('may have warnings', () => {
    const { config, warnings } = parsed(`${BASE}nat44: { timeouts: { udp: 2s } }\n`);
    expect(config.nat44.timeouts.udpMs).toBe(2000);
    expect(warnings.map(({ code, severity }) => [code, severity])).toEqual([['timer-below-minimum', 'warning']]);
  });
});

describe('reading', () => {
  it('never throws, whatever becomes of the text', () => {
    const texts = readdirSync(new URL('valid/', FIXTURES)).map((name) => fixture(`valid/${name}`));
    const snippets = [
      '{',
      '}',
      '[',
      ']',
      ':',
      '- ',
      '"',
      '&a ',
      '*a',
      '!!x ',
      '? ',
      '| ',
      '\n',
      '\t',
      '\0',
      '0x',
      '__proto__: ',
      '-1',
      '~',
      '/0',
      'é',
    ];
    const mutation = fc.record({
      at: fc.nat(),
      drop: fc.nat({ max: 12 }),
      put: fc.oneof(fc.constantFrom(...snippets), fc.string({ maxLength: 6 })),
    });
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.array(mutation, { minLength: 1, maxLength: 5 }), (text, mutations) => {
        const mutated = mutations.reduce((current, { at, drop, put }) => {
          const offset = at % (current.length + 1);
          return current.slice(0, offset) + put + current.slice(offset + drop);
        }, text);
        const result = parseConfig(mutated, 'f');
        const issues = result.ok ? result.value.warnings : result.error;
        expect(result.ok || issues.some(({ severity }) => severity === 'error')).toBe(true);
        expect(issues.every(({ line, column }) => line >= 1 && column >= 1)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it('finds every part of a file that was replaced by a wrong type, at its place', () => {
    const wrong = ['uplinks', 'internal', 'site'].map((key) =>
      BASE.replace(new RegExp(`^${key}:(.|\n  )*`, 'm'), `${key}: 7\n`),
    );
    expect(wrong.map((text) => issuesOf(text)[0])).toEqual([
      'f:4:10: uplinks: expected a map from names, found the number 7',
      'f:1:11: internal: expected a map from names, found the number 7',
      'f:3:7: site: expected a map, found the number 7',
    ]);
  });
});
