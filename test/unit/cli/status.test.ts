import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createNptd, type Nptd } from '../../../src/api/nptd.ts';
import { sessionsCommand } from '../../../src/cli/commands/sessions.ts';
import { statusCommand } from '../../../src/cli/commands/status.ts';
import { EXIT_CODE } from '../../../src/cli/exit-code.ts';
import { renderDuration } from '../../../src/cli/render-status.ts';
import { type ControlSocket, claimControlSocket } from '../../../src/daemon/control-socket.ts';
import { ANSWERED, FakeDataPlane } from '../api/fake-data-plane.ts';
import { siteText } from '../control/sites.ts';
import { RecordedOutput } from './support.ts';

let folder: string;
let socket: string;
let plane: FakeDataPlane;
let nptd: Nptd;
let control: ControlSocket;
let output: RecordedOutput;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nptd-status-'));
  socket = join(folder, 'nptd.sock');
  plane = new FakeDataPlane();
  nptd = createNptd(siteText(), { openDataPlane: plane.open });
  await nptd.start();
  control = await claimControlSocket(socket);
  control.serve(nptd);
  output = new RecordedOutput();
});
afterEach(async () => {
  await control.close();
  await nptd.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('nptd status', () => {
  test('shows each uplink per family, and what new traffic takes', async () => {
    plane.say({ type: 'probe-sample', sample: ANSWERED });
    plane.kill(2, 4);
    expect(await statusCommand({ socket, json: false }, output)).toBe(EXIT_CODE.ok);
    const words = output.printed.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '));
    expect(words[0]).toBe('UPLINK | DEVICE | FAMILY | HEALTH | FOR | RTT | JITTER | LOSS | NEW TRAFFIC | TARGETS');
    expect(words[1]).toMatch(
      /^fiber \| wan0 \| IPv4 \| up \| 0\.\d s \| 1\.5 ms \| - \| 0 % \| default \| 192\.0\.2\.1, 192\.0\.2\.2$/,
    );
    expect(words[3]).toMatch(/^lte \| wan1 \| IPv4 \| unknown \| 0\.\d s \| - \| - \| - \| usable \|/);
    expect(words[5]).toMatch(/^dsl \| wan2 \| IPv4 \| down \| 0\.\d s \| - \| - \| 100 % \| no \|/);
  });

  test('says what the flows of each policy take, and why', async () => {
    plane.kill(0, 4);
    await statusCommand({ socket, json: false }, output);
    const lines = output.printed.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '));
    expect(lines).toContain('default | IPv4 | lte | fiber is down');
    expect(lines).toContain('default | IPv6 | fiber | first in order of preference');
    expect(output.printed).toMatch(/^fiber IPv4: 2 of 2 targets missed in two bursts running/m);
  });

  test('counts drops with their reasons', async () => {
    await statusCommand({ socket, json: false }, output);
    const lines = output.printed.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '));
    expect(lines).toContain('inbound | fiber | NoMapping | 3');
    expect(lines).toContain('outbound | - | SourceNotInternal | 1');
    expect(lines).toContain('output | - | IcmpError | 2');
    expect(output.printed).toContain('1 on 1 mappings');
  });

  test('says what is exhausted while it is', async () => {
    await statusCommand({ socket, json: false }, output);
    expect(output.printed).not.toContain('refused');
    plane.verdicts = [{ slot: 1, direction: 'outbound', verdict: 'PortPoolExhausted', count: 7 }];
    const told = new Promise((resolve) => nptd.on('exhausted', resolve));
    await told;
    await statusCommand({ socket, json: false }, output);
    expect(output.printed).toMatch(/^lte: PortPoolExhausted, 7 packets refused, the last \d+\.\d s ago$/m);
  });

  test('says which address of the gateway somebody else has', async () => {
    await statusCommand({ socket, json: false }, output);
    expect(output.printed).not.toContain('another station');
    plane.say({ type: 'address-conflict', index: 0, device: 'lan0', address: 'fe80::1', mac: '02:00:00:00:00:07' });
    await statusCommand({ socket, json: false }, output);
    expect(output.printed).toMatch(
      /^lan0: another station \(02:00:00:00:00:07\) has fe80::1, which is the gateway's; heard \d+\.\d s ago$/m,
    );
  });

  test('prints JSON for programs', async () => {
    await statusCommand({ socket, json: true }, output);
    expect(JSON.parse(output.printed)).toMatchObject({
      generation: 1,
      uplinks: [{ name: 'fiber' }, { name: 'lte' }, {}],
    });
  });
});

describe('nptd sessions', () => {
  test('lists sessions with the name of their uplink', async () => {
    expect(await sessionsCommand({ socket, json: false, limit: 10 }, output)).toBe(EXIT_CODE.ok);
    expect(output.printed).toMatch(
      /tcp +192\.168\.1\.10:40000 +203\.0\.113\.2:40000 +192\.0\.2\.80:80 +fiber +ESTABLISHED +2 h 4 min\n1 of 1 session\n/,
    );
  });

  test('prints JSON for programs', async () => {
    await sessionsCommand({ socket, json: true, limit: 10 }, output);
    expect(JSON.parse(output.printed)).toMatchObject({ total: 1, sessions: [{ uplink: 'fiber', protocol: 'tcp' }] });
  });
});

test('without a gateway both say so', async () => {
  const absent = { socket: join(folder, 'none.sock'), json: false };
  expect(await statusCommand(absent, output)).toBe(EXIT_CODE.notRunning);
  expect(await sessionsCommand({ ...absent, limit: 1 }, output)).toBe(EXIT_CODE.notRunning);
  expect(output.complained).toContain('nptd status: no gateway is running');
});

test.each([
  [400, '0.4 s'],
  [59_940, '59.9 s'],
  [61_000, '1 min 1 s'],
  [7_440_000, '2 h 4 min'],
  [200_000_000, '2 d 7 h'],
  [-5, '0.0 s'],
])('%i ms is %s', (ms, text) => {
  expect(renderDuration(ms)).toBe(text);
});
