import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NptdError } from '../../../src/api/errors.ts';
import { checkCommand } from '../../../src/cli/commands/check.ts';
import { mapCommand } from '../../../src/cli/commands/map.ts';
import { fixturePath, referenceMap } from '../plan/support.ts';
import { RecordedOutput } from './support.ts';

async function map(address: string, { json = false, file = 'valid/two-isps', addon = true } = {}) {
  const output = new RecordedOutput();
  const load = async () => {
    if (!addon) throw new NptdError('ADDON_UNAVAILABLE', 'the native addon is not built');
    return referenceMap;
  };
  const code = await mapCommand({ address, file: fixturePath(file), json }, output, load);
  return { code, output };
}

describe('nptd map', () => {
  it('shows the external form of an internal address on each uplink', async () => {
    const { code, output } = await map('fd12:3456:789a:1:0::1234');
    expect(code).toBe(0);
    expect(output.printed).toMatchInlineSnapshot(`
      "UPLINK  DIRECTION  INTERNAL                EXTERNAL                    BY
      fiber   outbound   fd12:3456:789a:1::1234  2001:db8:a100:db4a::1234    NPTv6
      lte     outbound   fd12:3456:789a:1::1234  2001:db8:b100:1:cb49::1234  NPTv6
      "
    `);
  });

  it('shows the internal form of an external address', async () => {
    const { output } = await map('fd12:3456:789a:1::1234', { json: true });
    const external: string = JSON.parse(output.printed).uplinks[0].external;
    expect(JSON.parse((await map(external, { json: true })).output.printed)).toEqual({
      address: external,
      uplinks: [
        { uplink: 'fiber', direction: 'inbound', translator: 'nptv6', internal: 'fd12:3456:789a:1::1234', external },
      ],
    });
  });

  it('shows the pools of IPv4, without the addon', async () => {
    const { code, output } = await map('192.168.7.1', { addon: false });
    expect(code).toBe(0);
    expect(output.printed).toMatchInlineSnapshot(`
      "UPLINK  DIRECTION  INTERNAL     EXTERNAL                                                   BY
      fiber   outbound   192.168.7.1  one of 203.0.113.2, 203.0.113.4, 203.0.113.5, 203.0.113.6  NAT44
      lte     outbound   192.168.7.1  198.51.100.2                                               NAT44
      "
    `);
  });

  it('leaves the warnings of the configuration to "nptd check"', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nptd-map-'));
    const file = join(folder, 'one-target.yaml');
    writeFileSync(file, readFileSync(fixturePath('valid/minimal'), 'utf8').replace(', 192.0.2.2', ''));
    const [mapped, checked] = [new RecordedOutput(), new RecordedOutput()];
    await mapCommand({ address: '192.168.1.1', file, json: false }, mapped, async () => referenceMap);
    await checkCommand({ file, json: false }, checked, async () => referenceMap);
    rmSync(folder, { recursive: true });
    expect(mapped.printed).toContain('outbound');
    expect([mapped.complained, checked.complained]).toEqual(['', expect.stringContaining('single IPv4 target')]);
  });

  it('fails for an address of neither side', async () => {
    const { code, output } = await map('8.8.8.8');
    expect(code).toBe(1);
    expect(output.printed).toBe('8.8.8.8 is neither an internal nor an external address of this configuration\n');
  });

  it('tells a wrong command line, a wrong file and a missing addon apart', async () => {
    const wrong = await map('010.1.1.1');
    expect([wrong.code, wrong.output.complained]).toEqual([64, 'nptd map: "010.1.1.1" is not an IP address\n']);
    expect((await map('fd12::1', { file: 'invalid/five-mistakes' })).code).toBe(2);
    const missing = await map('fd12:3456:789a:1::1', { addon: false });
    expect([missing.code, missing.output.complained]).toEqual([4, 'nptd map: the native addon is not built\n']);
  });
});
