import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkCommand } from '../../../src/cli/commands/check.ts';
import type { MapAddress6 } from '../../../src/plan/external-forms.ts';
import { fixturePath, referenceMap } from '../plan/support.ts';
import { RecordedOutput } from './support.ts';

const loadMap = async (): Promise<MapAddress6> => referenceMap;
const noAddon = async (): Promise<MapAddress6> => {
  throw new Error('no addon');
};

async function check(fixture: string, { json = false, terminal = false, load = loadMap } = {}) {
  const output = new RecordedOutput(terminal);
  const code = await checkCommand({ file: fixturePath(fixture), json }, output, load);
  return { code, output };
}

describe('nptd check of a file with mistakes', () => {
  const file = fixturePath('invalid/five-mistakes');

  it('prints each as file:line:column and ends with code 2', async () => {
    const { code, output } = await check('invalid/five-mistakes');
    expect(code).toBe(2);
    expect(output.printed).toBe('');
    const lines = output.complained.trimEnd().split('\n');
    const places = lines.slice(0, -1).map((line) => line.slice(file.length + 1).split(': ')[0]);
    expect(lines.every((line) => line.startsWith(`${file}:`))).toBe(true);
    expect(places).toEqual(['3:42', '7:38', '8:57', '10:20', '14:23']);
    expect(lines.at(-1)).toBe(`${file}: 5 errors`);
  });

  it('shows the line with a caret in a terminal', async () => {
    const { output } = await check('invalid/five-mistakes', { terminal: true });
    const lines = output.complained.split('\n');
    const source = readFileSync(file, 'utf8').split('\n')[6] ?? '';
    expect(lines[4]).toBe(`    7 | ${source}`);
    expect(lines[5]).toBe(`      | ${' '.repeat(source.indexOf('gatway'))}^`);
  });

  it('prints the issues as JSON', async () => {
    const { code, output } = await check('invalid/five-mistakes', { json: true });
    expect(code).toBe(2);
    expect(output.complained).toBe('');
    const { ok, issues } = JSON.parse(output.printed);
    expect(ok).toBe(false);
    expect(issues.map(({ code, line, column }: Record<string, unknown>) => [code, line, column])).toEqual([
      ['overlapping-internal-prefixes', 3, 42],
      ['unknown-key', 7, 38],
      ['wrong-type', 8, 57],
      ['duplicate-device', 10, 20],
      ['unknown-uplink', 14, 23],
    ]);
  });

  it('says that a file is not there', async () => {
    const { code, output } = await check('invalid/absent');
    expect(code).toBe(2);
    expect(output.complained).toContain('invalid/absent.yaml:1:1: cannot be read: ENOENT');
  });
});

describe('nptd check of a valid file', () => {
  it('prints what it means', async () => {
    const { code, output } = await check('valid/two-isps');
    expect(code).toBe(0);
    expect(output.complained).toBe('');
    const [, ...rest] = output.printed.split('\n');
    expect(rest.join('\n')).toMatchInlineSnapshot(`
      "
      INTERNAL  DEVICE        ADDRESSES                               ROUTES
      office    lan0 in site  192.168.1.1/24, fd12:3456:789a:1::1/64  192.168.7.0/24, fd12:3456:789a:7::/64

      UPLINK         DEVICE         ADDRESS           GATEWAY        TRANSLATION
      fiber          wan0 in isp-a  203.0.113.2/29    203.0.113.1    NAT44 to 203.0.113.2, 203.0.113.4, 203.0.113.5, 203.0.113.6
                                    2001:db8:a::2/64  2001:db8:a::1  NPTv6 fd12:3456:789a::/48 ↔ 2001:db8:a100::/48
      lte (metered)  wan1           198.51.100.2/24   198.51.100.1   NAT44 to 198.51.100.2
                                    2001:db8:b::2/64  fe80::1        NPTv6 fd12:3456:789a::/48 ↔ 2001:db8:b100::/56

      ADDRESS              ON UPLINK  IS
      fd12:3456:789a:1::1  fiber      2001:db8:a100:db4a::1
      fd12:3456:789a:1::1  lte        2001:db8:b100:1:cb49::1

      POLICY   FLOWS       PREFERS          FAILBACK
      default  everything  lte, then fiber  drain

      Note: hosts on office prefer IPv4: their IPv6 addresses are unique local ones (RFC 6724); docs/ula.md says what helps
      "
    `);
  });

  it('shows published servers', async () => {
    const { output } = await check('valid/published');
    const table = output.printed.split('\n\n').find((part) => part.startsWith('PUBLISHED'));
    expect(table?.split('\n')).toEqual([
      'PUBLISHED  SERVER        ON UPLINK  AT             PORTS',
      'mail       192.168.1.25  fiber      203.0.113.2    tcp 25, tcp 443',
      'mail       192.168.1.25  lte        198.51.100.2   tcp 25, tcp 443',
      'web        192.168.1.80  fiber      203.0.113.2    tcp 8443 to 443, tcp 9000-9099, clients seen as the gateway',
      'box        192.168.1.7   lte        198.51.100.20  everything',
    ]);
  });

  it('leaves out external forms where the addon is missing', async () => {
    const { code, output } = await check('valid/two-isps', { load: noAddon });
    expect(code).toBe(0);
    expect(output.printed).toContain('2001:db8:a100::/48');
    expect(output.printed).not.toContain('ON UPLINK');
  });

  it('prints the summary as JSON', async () => {
    const { output } = await check('valid/two-isps', { json: true });
    const { ok, issues, summary } = JSON.parse(output.printed);
    expect([ok, issues]).toEqual([true, []]);
    expect(summary.policies).toMatchObject([{ name: 'default', matches: [], prefer: ['lte', 'fiber'] }]);
    expect(summary.uplinks.map(({ name }: { name: string }) => name)).toEqual(['fiber', 'lte']);
  });
});
