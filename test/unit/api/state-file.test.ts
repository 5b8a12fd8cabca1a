import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { formatKeptState, readKeptState } from '../../../src/api/kept-state.ts';
import { createNptd, type Nptd } from '../../../src/api/nptd.ts';
import type { UplinkMode } from '../../../src/control/multihoming/standing.ts';
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

const modes = new Map<string, UplinkMode>([['lte', 'draining']]);
const format = (rests: readonly PortRest[]): string => formatKeptState({ rests, modes }, config, slots, 1_000_000);
const kept = (...rests: readonly PortRest[]) => ({ ok: true, value: { rests, modes } });

describe('the state file (6888-R8)', () => {
  it('keeps ports under endpoint-independent filtering, by the name of their uplink', () => {
    const text = format([rest(1, 17), rest(0, 6), rest(0, 136, 5000)]);
    const moved = new Map([
      ['lte', 0],
      ['fiber', 1],
    ]);
    expect(readKeptState(text, moved, 1_000_000)).toEqual(kept(rest(0, 17), rest(1, 136, 5000)));
  });

  it('counts the time since it was written, unless the clock was set back', () => {
    const text = format([rest(0, 17, 120_000), rest(1, 17, 3000)]);
    expect(readKeptState(text, slots, 1_004_000)).toEqual(kept(rest(0, 17, 116_000)));
    expect(readKeptState(text, slots, 0)).toEqual(kept(rest(0, 17), rest(1, 17, 3000)));
  });

  it('may be one of before modes were kept', () => {
    const text = '{"nptd":1,"writtenAtMs":0,"rests":{}}';
    expect(readKeptState(text, slots, 0)).toEqual({ ok: true, value: { rests: [], modes: new Map() } });
  });

  it.each([
    ['nothing', ''],
    ['another format', '{"nptd":2,"writtenAtMs":0,"rests":{}}'],
    ['a mode that is none', '{"nptd":1,"writtenAtMs":0,"rests":{},"modes":{"fiber":"off"}}'],
    ['a row that is none', '{"nptd":1,"writtenAtMs":0,"rests":{"fiber":[[17,1,2,3,70000,5]]}}'],
  ])('refuses %s', (_what, text) => {
    expect(readKeptState(text, slots, 0)).toEqual({ ok: false, error: 'is not a state file of nptd' });
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

  describe('keeps what an operator wants of an uplink', () => {
    /** Starts a gateway, lets `act` do what it does, and gives modes, log and the uplinks of the first plan that are usable. */
    async function started(act: (gateway: Nptd) => Promise<void>, text = CONFIG) {
      const plane = new FakeDataPlane();
      const log: string[] = [];
      const options = { openDataPlane: plane.open, log: ({ message }: { message: string }) => log.push(message) };
      await using gateway = createNptd(text, options);
      await gateway.start();
      const modes = gateway.status().uplinks.map(({ mode }) => mode);
      await act(gateway);
      return { modes, log, usable: plane.plans[0]?.uplinks.map(({ ipv4 }) => ipv4?.usable) };
    }
    const nothing = async () => {};

    it('written at once, in force from the first plan of the next start on, and cleared by "enabled"', async () => {
      await started(async (gateway) => {
        await gateway.setUplinkMode('fiber', 'disabled');
        expect(readFileSync(FILE, 'utf8')).toContain('"modes":{"fiber":"disabled"}');
      });
      const next = await started((gateway) => gateway.setUplinkMode('fiber', 'enabled'));
      expect([next.modes, next.usable]).toEqual([
        ['disabled', 'enabled'],
        [false, true],
      ]);
      expect(next.log).toContain('uplink fiber is disabled (was enabled): as before the restart');
      expect((await started(nothing)).modes).toEqual(['enabled', 'enabled']);
    });

    it('but of none that there is no more, and says so', async () => {
      await started((gateway) => gateway.setUplinkMode('lte', 'draining'));
      const other = await started(nothing, CONFIG.replace('  lte:', '  cable:'));
      expect(other.modes).toEqual(['enabled', 'enabled']);
      expect(other.log).toContain('that uplink lte is draining is forgotten: there is no such uplink any more');
      expect(readFileSync(FILE, 'utf8')).toContain('"modes":{}');
    });
  });
});
