import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import type { HookConfig } from '../../../src/config/operations-config.ts';
import { HookRunner } from '../../../src/hooks/hook-runner.ts';
import type { JournalEntry } from '../../../src/journal/entry.ts';

const folder = mkdtempSync(join(tmpdir(), 'nptd-hooks-'));
afterAll(() => rmSync(folder, { recursive: true }));

function entry(number = 0, event = 'uplink-changed'): JournalEntry {
  const fields = { event, uplink: 'fiber', family: 4, lastResort: false, number };
  return { atMs: 1000 + number, event, message: `change ${number}`, fields };
}

function runnerOf(action: HookConfig['action'], timeoutMs = 10_000) {
  const complaints: string[] = [];
  const hooks: HookConfig[] = [{ on: ['uplink-changed'], action, timeoutMs }];
  return { runner: new HookRunner({ hooks, complain: (message) => complaints.push(message) }), complaints };
}

const shell = (script: string): HookConfig['action'] => ({ command: ['/bin/sh', '-c', script] });

describe('a hook that runs a command', () => {
  it('gets each event of its kind in order, in the environment and on the standard input', async () => {
    const out = join(folder, 'out');
    const { runner, complaints } = runnerOf(shell(`echo "$NPTD_UPLINK $NPTD_LAST_RESORT" >> ${out}; cat >> ${out}`));
    runner.notify(entry(1));
    runner.notify(entry(2, 'selection-changed'));
    runner.notify(entry(3));
    await runner.close();
    const lines = readFileSync(out, 'utf8').trimEnd().split('\n');
    expect([lines[0], lines[2]]).toEqual(['fiber false', 'fiber false']);
    expect([lines[1], lines[3]].map((line) => JSON.parse(line ?? ''))).toEqual([entry(1), entry(3)]);
    expect(complaints).toEqual([]);
  });

  it('is ended with all that it started when it takes too long, and the next event is dealt with', async () => {
    const out = join(folder, 'late');
    const script = `if [ "$NPTD_NUMBER" = 1 ]; then sleep 60 & wait; fi; echo "$NPTD_NUMBER" >> ${out}`;
    const { runner, complaints } = runnerOf(shell(script), 300);
    runner.notify(entry(1));
    runner.notify(entry(2));
    await runner.close();
    expect(complaints).toEqual(['hook /bin/sh: took longer than 0.3 s and was ended']);
    expect(readFileSync(out, 'utf8')).toBe('2\n');
  });

  it('that fails, or is not there, is told of with what it said', async () => {
    const failing = runnerOf(shell('echo no such pager >&2; exit 3'));
    failing.runner.notify(entry());
    await failing.runner.close();
    expect(failing.complaints).toEqual(['hook /bin/sh: ended with exit code 3: no such pager']);
    const missing = runnerOf({ command: ['/nowhere/pager'] });
    missing.runner.notify(entry());
    await missing.runner.close();
    expect(missing.complaints[0]).toContain('ENOENT');
  });

  it('that is too slow for what happens loses events, and says how many', async () => {
    const { runner, complaints } = runnerOf(shell('exit 0'));
    for (let number = 0; number < 100; number += 1) runner.notify(entry(number));
    await runner.close();
    expect(complaints).toEqual([
      'hook /bin/sh is too slow: events are left out',
      'hook /bin/sh caught up; 36 events were left out',
    ]);
  });
});

describe('a webhook', () => {
  it('is posted the event, and its refusal is told of', async () => {
    const bodies: unknown[] = [];
    const server = createServer(async (request, response) => {
      bodies.push(JSON.parse(await text(request)));
      response.writeHead(bodies.length === 1 ? 204 : 503).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { runner, complaints } = runnerOf({ webhook: `http://127.0.0.1:${port}/nptd` });
    runner.notify(entry(1));
    runner.notify(entry(2));
    await runner.close();
    server.close();
    expect(bodies).toEqual([entry(1), entry(2)]);
    expect(complaints).toEqual([`hook http://127.0.0.1:${port}/nptd: answered 503 Service Unavailable`]);
  });

  it('that never answers is given up', async () => {
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { runner, complaints } = runnerOf({ webhook: `http://127.0.0.1:${port}/` }, 200);
    runner.notify(entry());
    await runner.close();
    server.closeAllConnections();
    server.close();
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toContain('timeout');
  });
});
