import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { zoneCommand } from '../../../src/cli/commands/zone.ts';
import { createProgram } from '../../../src/cli/program.ts';
import { referenceMap } from '../plan/support.ts';
import { RecordedOutput } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'nptd-zone-'));
afterAll(() => rmSync(folder, { recursive: true }));

const CONFIG = join(folder, 'nptd.yaml');
writeFileSync(
  CONFIG,
  `internal: { office: { device: { tap: lan0 }, ipv4: 192.168.1.1/24, ipv6: "fd12:3456:789a:1::1/64" } }
site: { ula: "fd12:3456:789a::/48" }
uplinks:
  fiber:
    device: { tap: wan0 }
    ipv4: { address: 203.0.113.2/30, gateway: 203.0.113.1 }
    ipv6: { address: "2001:db8:a::2/64", gateway: "2001:db8:a::1", prefix: "2001:db8:a100::/48" }
  lte: { device: { tap: wan1 }, ipv4: { address: 198.51.100.2/24, gateway: 198.51.100.1 } }
publish:
  mail: { to: 192.168.1.25, tcp: [25] }
`,
);

async function zone(names: string, options: Partial<Parameters<typeof zoneCommand>[0]> = {}) {
  const file = join(folder, 'names');
  writeFileSync(file, names);
  const output = new RecordedOutput();
  const plain = { names: file, file: CONFIG, json: false, internal: false, reverse: false, ttl: 300 };
  const code = await zoneCommand({ ...plain, ...options }, output, async () => referenceMap);
  return { code, output };
}

const NAMES = `# the servers
192.168.1.25            mail.example.org.
fd12:3456:789a:1::25    mail.example.org.  mx.example.org.
192.168.1.80            www.example.org
`;

describe('nptd zone', () => {
  it.each([
    ['zone', 'map'],
    ['map', 'zone'],
  ])('nptd %s --help names nptd %s', (name, other) => {
    const command = createProgram().commands.find((one) => one.name() === name);
    expect(command?.helpInformation()).toContain(`"nptd ${other}"`);
  });

  it('prints AAAA by NPTv6 and A of published servers, uplink by uplink', async () => {
    const { code, output } = await zone(NAMES);
    expect(code).toBe(0);
    expect(output.printed).toMatchInlineSnapshot(`
      "; fiber
      mail.example.org.  300  IN  A     203.0.113.2
      mail.example.org.  300  IN  AAAA  2001:db8:a100:db4a::25
      mx.example.org.    300  IN  AAAA  2001:db8:a100:db4a::25
      ; without www.example.org.: 192.168.1.80 is not published

      ; lte
      mail.example.org.  300  IN  A  198.51.100.2
      ; without mail.example.org., mx.example.org.: no prefix pair covers fd12:3456:789a:1::25
      ; without www.example.org.: 192.168.1.80 is not published
      "
    `);
  });

  it('prints what the resolver of the site answers', async () => {
    expect((await zone(NAMES, { internal: true })).output.printed).toMatchInlineSnapshot(`
      "; internal
      mail.example.org.  300  IN  A     192.168.1.25
      mail.example.org.  300  IN  AAAA  fd12:3456:789a:1::25
      mx.example.org.    300  IN  AAAA  fd12:3456:789a:1::25
      www.example.org.   300  IN  A     192.168.1.80
      "
    `);
  });

  it('prints reverse zones of both families, one name for each address', async () => {
    const { output } = await zone(NAMES, { reverse: true, uplink: 'fiber' });
    expect(output.printed).toMatchInlineSnapshot(`
      "; fiber
      2.113.0.203.in-addr.arpa.                                                  300  IN  PTR  mail.example.org.
      5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.a.4.b.d.0.0.1.a.8.b.d.0.1.0.0.2.ip6.arpa.  300  IN  PTR  mail.example.org.
      ; without www.example.org.: 192.168.1.80 is not published
      "
    `);
  });

  it.each([
    ['an address that is none', '192.168.1.300 a\n', 'line 1: "192.168.1.300" is not an IP address'],
    ['no name', '\n192.168.1.3 # nobody\n', 'line 2: 192.168.1.3 has no name'],
    ['a name that is none', '192.168.1.3 a..b\n', 'line 1: "a..b" is not a domain name'],
  ])('refuses %s', async (_what, names, problem) => {
    const { code, output } = await zone(names);
    expect([code, output.complained]).toEqual([64, `nptd zone: ${join(folder, 'names')}: ${problem}\n`]);
  });

  it('says that there is no such uplink, and that no gateway runs', async () => {
    const wrong = await zone(NAMES, { uplink: 'dsl' });
    expect([wrong.code, wrong.output.complained]).toEqual([64, 'nptd zone: there is no uplink "dsl"\n']);
    expect((await zone(NAMES, { up: join(folder, 'absent.sock') })).code).toBe(3);
  });
});
