import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { historyCommand } from '../../../src/cli/commands/history.ts';
import { planCommand, reloadCommand } from '../../../src/cli/commands/reload.ts';
import { simulateCommand } from '../../../src/cli/commands/simulate.ts';
import { uplinkCommand } from '../../../src/cli/commands/uplink.ts';
import { whyCommand } from '../../../src/cli/commands/why.ts';
import { EXIT_CODE } from '../../../src/cli/exit-code.ts';
import type { LogEntry } from '../../../src/control/notice.ts';
import { runDaemon } from '../../../src/daemon/daemon.ts';
import { FakeDataPlane } from '../api/fake-data-plane.ts';
import { RecordedOutput } from '../cli/support.ts';
import { parsed } from '../config/support.ts';

const FILE = `internal: { office: { device: { tap: lan0 }, ipv4: 192.168.1.1/24 } }
uplinks:
  fiber: { device: { tap: wan0 }, ipv4: { address: 203.0.113.2/30, gateway: 203.0.113.1 }, probe: { targets: [192.0.2.1, 192.0.2.2] } }
  lte: { device: { tap: wan1 }, ipv4: { address: 198.51.100.2/24, gateway: 198.51.100.1 }, probe: { targets: [192.0.2.1, 192.0.2.2] } }
policy: { default: { prefer: [fiber, lte] } }
`;

let folder: string;
let file: string;
let socket: string;
let plane: FakeDataPlane;
let log: LogEntry[];
let end: AbortController;
let ended: Promise<boolean>;
let output: RecordedOutput;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nptd-reload-'));
  [file, socket] = [join(folder, 'nptd.yaml'), join(folder, 'nptd.sock')];
  plane = new FakeDataPlane();
  log = [];
  end = new AbortController();
  output = new RecordedOutput();
  writeFileSync(file, FILE);
  const { config, source } = parsed(FILE);
  await new Promise<void>((onReady, reject) => {
    ended = runDaemon({
      config,
      from: { file, source },
      socket,
      log: (entry) => log.push(entry),
      signal: end.signal,
      onReady: () => onReady(),
      openDataPlane: plane.open,
    });
    ended.catch(reject);
  });
});
afterEach(async () => {
  end.abort('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

const asked = () => ({ socket, json: false });
const preferOf = (generation: number) => plane.plans[generation - 1]?.policies[0]?.prefer;

describe('nptd reload', () => {
  test('takes a changed file over, and says what changed', async () => {
    writeFileSync(file, FILE.replace('[fiber, lte]', '[lte, fiber]'));
    expect(await reloadCommand(asked(), output)).toBe(EXIT_CODE.ok);
    expect(output.printed).toBe('  policy.default.prefer: [fiber, lte] → [lte, fiber]\ntaken over\n');
    expect([preferOf(1), preferOf(2)]).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });

  test('changes nothing where the file is wrong, and lists all that is', async () => {
    writeFileSync(file, FILE.replace('[fiber, lte]', '[fibre, cable]'));
    expect(await reloadCommand(asked(), output)).toBe(EXIT_CODE.configInvalid);
    expect(output.complained).toContain('there is no uplink "fibre", did you mean "fiber"?');
    expect(output.complained).toContain('there is no uplink "cable"');
    expect(output.complained).toContain('nothing has changed');
    expect(plane.plans).toHaveLength(1);
  });

  test('refuses what needs a restart', async () => {
    writeFileSync(file, `${FILE}limits: { sessions: 1000 }\n`);
    expect(await reloadCommand(asked(), output)).toBe(EXIT_CODE.failed);
    expect(output.complained).toContain('other limits need a restart');
    expect(plane.plans).toHaveLength(1);
  });

  test('comes by SIGHUP too; a wrong file is told of in the log, and the next one is taken', async () => {
    writeFileSync(file, 'uplinks: {}\n');
    process.emit('SIGHUP');
    await vi.waitFor(() => expect(log.at(-1)?.fields.event).toBe('config-refused'));
    writeFileSync(file, FILE.replace('[fiber, lte]', '[lte]'));
    process.emit('SIGHUP');
    await vi.waitFor(() => expect(preferOf(2)).toEqual([1]));
    await vi.waitFor(() =>
      expect(log.map(({ message }) => message)).toContain('policy.default.prefer: [fiber, lte] → [lte]'),
    );
  });
});

describe('nptd plan', () => {
  test('says what would change, what ends, and changes nothing', async () => {
    const other = join(folder, 'other.yaml');
    const renumbered = FILE.replace('203.0.113.2/30', '203.0.113.6/30').replace('203.0.113.1,', '203.0.113.5,');
    writeFileSync(other, renumbered.replace('gateway: 203.0.113.1 }', 'gateway: 203.0.113.5 }'));
    expect(await planCommand({ ...asked(), file: other }, output)).toBe(EXIT_CODE.ok);
    expect(output.printed.split('\n')).toEqual([
      '  uplinks.fiber.ipv4.address: 203.0.113.2/30 → 203.0.113.6/30',
      '  uplinks.fiber.ipv4.gateway: 203.0.113.1 → 203.0.113.5',
      '! translated flows of uplink fiber end: its addresses change',
      '"nptd reload" takes it over while traffic goes on',
      '',
    ]);
    expect(plane.plans).toHaveLength(1);
  });

  test('says what needs a restart, and what is heeded later', async () => {
    writeFileSync(file, `${FILE}limits: { sessions: 1000 }\njournal: { entries: 500 }\n`);
    await planCommand(asked(), output);
    expect(output.printed).toBe(
      '  limits is added: { sessions: 1000 }\n  journal is added: { entries: 500 }\n! journal is heeded from the next start on\nit is taken over by a restart only, because of its limits\n',
    );
  });

  test('says so where nothing would change', async () => {
    await planCommand(asked(), output);
    expect(output.printed).toBe(`${file} says what is in force: nothing would change\n`);
  });
});

describe('nptd history', () => {
  test('shows availability, outages and causes', async () => {
    plane.say({
      type: 'probe-sample',
      sample: { slot: 0, family: 4, list: 0, round: 0, target: 0, burst: false, sentAtUs: 0, rttUs: 1500 },
    });
    plane.kill(0, 4);
    await vi.waitFor(() => expect(log.some(({ message }) => message.includes('fiber IPv4 is down'))).toBe(true));
    expect(await historyCommand({ ...asked(), limit: 100 }, output)).toBe(EXIT_CODE.ok);
    const words = output.printed.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '));
    expect(words[2]).toBe('UPLINK | FAMILY | AVAILABLE | DOWN | DEGRADED | OUTAGES | OBSERVED');
    expect(words[3]).toMatch(/^fiber \| IPv4 \| [\d.]+% \|/);
    expect(words[6]).toMatch(/^fiber \| IPv4 \| 20[\d: -]+ \| [\d.]+ s, goes on \| 2 of 2 targets missed/);
    expect(output.printed).toContain('the gateway started');
    expect(output.printed).toContain('new IPv4 traffic of policy default takes uplink lte (was fiber)');
  });

  test('of one uplink and as JSON', async () => {
    plane.kill(1, 4);
    await vi.waitFor(() => expect(log.some(({ message }) => message.includes('lte IPv4 is down'))).toBe(true));
    await historyCommand({ socket, json: true, limit: 10, uplink: 'lte' }, output);
    const { entries, availability } = JSON.parse(output.printed);
    expect(entries.map(({ event, fields }: LogEntry & { event: string }) => [event, fields.uplink])).toEqual([
      ['uplink-changed', 'lte'],
    ]);
    expect(availability).toMatchObject([{ uplink: 'lte', family: 4 }]);
  });
});

describe('nptd uplink', () => {
  const preferred = () => plane.plans.at(-1)?.policies[0]?.prefer[0];

  test('disable and enable are heeded at once, shown, and noted in the history', async () => {
    expect(await uplinkCommand({ ...asked(), name: 'fiber', verb: 'disable' }, output)).toBe(EXIT_CODE.ok);
    expect(plane.plans.at(-1)?.uplinks[0]?.ipv4?.usable).toBe(false);
    expect(output.printed).toMatch(/fiber .* disabled /);
    expect(output.printed).toContain('fiber: disabled by an operator\n');
    await uplinkCommand({ ...asked(), name: 'fiber', verb: 'enable' }, output);
    expect(plane.plans.at(-1)?.uplinks[0]?.ipv4?.usable).toBe(true);
    const history = new RecordedOutput();
    await historyCommand({ ...asked(), limit: 100, uplink: 'fiber' }, history);
    expect(history.printed.match(/operator/g)?.length).toBeGreaterThan(0);
  });

  test('drain leaves established flows alone', async () => {
    await uplinkCommand({ ...asked(), name: 'fiber', verb: 'drain' }, output);
    expect(preferred()).toBe(1);
    expect(plane.plans.at(-1)?.uplinks[0]?.ipv4?.usable).toBe(true);
    expect(plane.plans.at(-1)?.policies[0]?.leave4 ?? []).toEqual([]);
  });

  test('of a name that there is not is a wrong command', async () => {
    expect(await uplinkCommand({ ...asked(), name: 'fibre', verb: 'drain' }, output)).toBe(EXIT_CODE.usage);
    expect(output.complained).toContain('there is no uplink "fibre"; there are fiber, lte');
  });
});

describe('nptd simulate', () => {
  test('shows what would happen, and changes nothing', async () => {
    const assume = [{ uplink: 'fiber', state: 'down' }] as const;
    expect(await simulateCommand({ ...asked(), assume }, output)).toBe(EXIT_CODE.ok);
    const words = output.printed.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '));
    expect(words[0]).toBe('POLICY | FAMILY | NEW FLOWS TAKE | WOULD TAKE | ESTABLISHED FLOWS | WHY');
    expect(words[1]).toMatch(/^default \| IPv4 \| fiber \| lte \| on fiber: TCP reset, UDP move, others move \|/);
    expect(plane.plans).toHaveLength(1);
  });
});

describe('nptd why', () => {
  const tcp = { protocol: 'tcp', internal: '192.168.1.10:40000', remote: '192.0.2.1:443', dscp: 46 };

  test('asks the data path about the flow, and says why in words', async () => {
    expect(await whyCommand({ ...asked(), ...tcp }, output)).toBe(EXIT_CODE.ok);
    const question = { protocol: 6, internal: 0xc0a8_010a, internalPort: 40_000, remote: 0xc000_0201, remotePort: 443 };
    expect(plane.questions).toEqual([{ ...question, dscp: 46 }]);
    const words = output.printed.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '));
    expect(words[0]).toMatch(/^uplink.*fiber$/);
    expect(words[1]).toMatch(/a session keeps its uplink$/);
    expect(words[2]).toMatch(/^policy.*default: /);
    expect(output.printed).toContain('on fiber');
  });

  test('takes IPv6, protocols by number, and addresses alone', async () => {
    await whyCommand({ ...asked(), protocol: '47', internal: 'fd12::1', remote: '[2001:db8::1]', dscp: 0 }, output);
    await whyCommand({ ...asked(), protocol: 'icmp', internal: '[fd12::1]:7', remote: '2001:db8::1', dscp: 0 }, output);
    expect(plane.questions.map(({ protocol, internalPort }) => [protocol, internalPort])).toEqual([
      [47, 0],
      [58, 7],
    ]);
  });

  test.each([
    [{ ...tcp, protocol: 'tpc' }, '"tpc" is none of tcp, udp'],
    [{ ...tcp, internal: '192.168.1.300:1' }, '"192.168.1.300:1" is not an address with a port'],
    [{ ...tcp, remote: '192.0.2.1:99999' }, '"192.0.2.1:99999" is not an address with a port'],
    [{ ...tcp, remote: '[2001:db8::1]:443' }, 'the two addresses are of different families'],
  ])('refuses what is no flow: %o', async (flow, sentence) => {
    expect(await whyCommand({ ...asked(), ...flow }, output)).toBe(EXIT_CODE.usage);
    expect(output.complained).toContain(sentence);
  });
});
