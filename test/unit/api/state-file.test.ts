import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createNptd } from '../../../src/api/nptd.ts';
import { formatPortRests, readPortRests } from '../../../src/api/port-rests.ts';
import type { PortRest } from '../../../src/reference/translator.ts';
import { configOf } from '../plan/support.ts';
import { FakeDataPlane } from './fake-data-plane.ts';

const folder = mkdtempSync(join(tmpdir(), 'nptd-state-'));
afterAll(() => rmSync(folder, { recursive: true }));
const FILE = join(folder, 'lib', 'state.json');

const CONFIG = `internal: { office: { device: { tap: lan0 }, ipv4: 192.168.1.1/24 } }
uplinks:
  fiber: { device: { tap: wan0 }, ipv4: { address: 203.0.113.2/30, gateway: 203.0.113.1 } }
  lte: { device: { tap: wan1 }, ipv4: { address: 198.51.100.2/24, gateway: 198.51.100.1 } }
nat44: { filtering: { udp: endpoint-independent } }
state: { file: ${FILE} }
`;
const config = configOf(CONFIG);
const slots = new Map([
  ['fiber', 0],
  ['lte', 1],
]);

function rest(slot: number, protocol: number, restMs = 120_000): PortRest {
  return {
    slot,
    protocol,
    internalAddress: 0xc0a8_010a,
    internalPort: 5000,
    externalAddress: 0xcb00_7102,
    externalPort: 5001,
    restMs,
  };
}

describe('the state file (6888-R8)', () => {
  it('keeps ports under endpoint-independent filtering, by the name of their uplink', () => {
    const text = formatPortRests([rest(1, 17), rest(0, 6), rest(0, 136, 5000)], config, slots, 1_000_000);
    const moved = new Map([
      ['lte', 0],
      ['fiber', 1],
    ]);
    expect(readPortRests(text, moved, 1_000_000)).toEqual({ ok: true, value: [rest(0, 17), rest(1, 136, 5000)] });
  });

  it('counts the time since it was written, unless the clock was set back', () => {
    const text = formatPortRests([rest(0, 17, 120_000), rest(1, 17, 3000)], config, slots, 1_000_000);
    expect(readPortRests(text, slots, 1_004_000)).toEqual({ ok: true, value: [rest(0, 17, 116_000)] });
    expect(readPortRests(text, slots, 0)).toEqual({ ok: true, value: [rest(0, 17), rest(1, 17, 3000)] });
  });

  it.each([
    ['nothing', ''],
    ['another format', '{"nptd":2,"writtenAtMs":0,"rests":{}}'],
    ['a row that is none', '{"nptd":1,"writtenAtMs":0,"rests":{"fiber":[[17,1,2,3,70000,5]]}}'],
  ])('refuses %s', (_what, text) => {
    expect(readPortRests(text, slots, 0)).toEqual({ ok: false, error: 'is not a state file of nptd' });
  });
});

describe('a gateway with a state file', () => {
  async function run(plane: FakeDataPlane): Promise<string[]> {
    const complaints: string[] = [];
    const log = ({ level, message }: { level: string; message: string }) => {
      if (level === 'error') complaints.push(message);
    };
    await using gateway = createNptd(CONFIG, { openDataPlane: plane.open, log });
    await gateway.start();
    return complaints;
  }

  it('writes what rests when it stops, for its owner alone, and gives it to the next before the first plan', async () => {
    const first = new FakeDataPlane();
    first.rests = [rest(0, 17)];
    expect(await run(first)).toEqual([]);
    expect(first.restored).toEqual([]);
    expect(statSync(FILE).mode & 0o777).toBe(0o600);
    const second = new FakeDataPlane();
    expect(await run(second)).toEqual([]);
    expect(second.restored).toMatchObject([{ generation: 0, rests: [{ slot: 0, protocol: 17, externalPort: 5001 }] }]);
  });

  it('goes on without a file that cannot be used, and says so once', async () => {
    writeFileSync(FILE, 'broken');
    expect(await run(new FakeDataPlane())).toEqual([`${FILE} is not a state file of nptd: it is written anew`]);
    expect(readFileSync(FILE, 'utf8')).toContain('"nptd":1');
  });
});
