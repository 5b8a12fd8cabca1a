import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { LogEntry } from '../../../src/control/notice.ts';
import { requestControl } from '../../../src/daemon/control-client.ts';
import { runDaemon } from '../../../src/daemon/daemon.ts';
import { listenForEnd } from '../../../src/daemon/signals.ts';
import { FakeDataPlane } from '../api/fake-data-plane.ts';
import { site } from '../control/sites.ts';

let folder: string;
let socket: string;
let plane: FakeDataPlane;
let log: LogEntry[];
let end: AbortController;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nptd-daemon-'));
  socket = join(folder, 'nptd.sock');
  plane = new FakeDataPlane();
  log = [];
  end = new AbortController();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Starts a daemon; resolves when it is ready, with its end. */
function start(): Promise<{ ended: Promise<boolean> }> {
  return new Promise((resolve, reject) => {
    const ended = runDaemon({
      config: site(),
      socket,
      log: (entry) => log.push(entry),
      signal: end.signal,
      onReady: () => resolve({ ended }),
      openDataPlane: plane.open,
    });
    ended.catch(reject);
  });
}

test('once it is ready it answers at its socket', async () => {
  const { ended } = await start();
  expect(await requestControl(socket, { request: 'status' })).toMatchObject({ generation: 1 });
  end.abort('SIGTERM');
  await ended;
});

test('a signal ends it in good order: devices closed, socket removed, the reason logged', async () => {
  const { ended } = await start();
  end.abort('SIGTERM');
  expect(await ended).toBe(true);
  expect(plane.closes).toBe(1);
  expect(existsSync(socket)).toBe(false);
  expect(log.at(-1)?.message).toBe('ending: SIGTERM');
});

test('a client that stays connected does not hold it up', async () => {
  const { ended } = await start();
  const { connect } = await import('node:net');
  const client = connect(socket);
  await new Promise((resolve) => client.once('connect', resolve));
  const closed = new Promise((resolve) => client.once('close', resolve));
  end.abort('SIGTERM');
  expect(await ended).toBe(true);
  await closed;
});

test('a worker that panics ends it, not in good order', async () => {
  const { ended } = await start();
  plane.say({ type: 'worker-panicked', message: 'index out of bounds' });
  expect(await ended).toBe(false);
  expect(plane.closes).toBe(1);
  expect(log.map(({ message }) => message)).toContain('a worker of the data plane panicked: index out of bounds');
});

test('where the socket cannot be made no device is', async () => {
  socket = '/proc/nptd.sock';
  await expect(start()).rejects.toMatchObject({ code: 'CONTROL_SOCKET' });
  expect(plane.options).toBeUndefined();
});

describe('a second daemon at the same socket', () => {
  const second = () => {
    const other = new FakeDataPlane();
    const options = { config: site(), socket, log: () => {}, signal: end.signal, onReady: () => {} };
    return { other, ended: runDaemon({ ...options, openDataPlane: other.open }) };
  };

  test('makes no device, says who holds the socket, and leaves the first one alone', async () => {
    const { ended } = await start();
    const { other, ended: refused } = second();
    await expect(refused).rejects.toMatchObject({
      code: 'CONTROL_SOCKET',
      message: expect.stringContaining(`another gateway (pid ${process.pid}) holds the control socket ${socket}: `),
    });
    expect(other.options).toBeUndefined();
    expect(await requestControl(socket, { request: 'status' })).toMatchObject({ generation: 1 });
    end.abort('SIGTERM');
    await ended;
  });

  test('is refused also while the first one is still starting, or ending', async () => {
    let goOn: (value?: unknown) => void = () => {};
    const held = new Promise((resolve) => {
      goOn = resolve;
    });
    plane.beforeApply = async () => {
      await held;
    };
    const started = start();
    await vi.waitFor(() => expect(plane.options).toBeDefined());
    const refused = { code: 'CONTROL_SOCKET', message: expect.stringContaining(`pid ${process.pid}`) };
    await expect(second().ended).rejects.toMatchObject(refused);
    await expect(requestControl(socket, { request: 'status' })).rejects.toMatchObject({
      code: 'NOT_RUNNING',
      message: expect.stringContaining('starting'),
    });
    goOn();
    const { ended } = await started;
    let whileClosing: unknown;
    plane.close = async () => {
      whileClosing = await second().ended.catch((error: unknown) => error);
    };
    end.abort('SIGTERM');
    expect(await ended).toBe(true);
    expect(whileClosing).toMatchObject(refused);
    expect(existsSync(socket)).toBe(false);
  });
});

describe('signals', () => {
  test('the first asks to end, the second forces it', () => {
    const before = new Set(process.listeners('SIGTERM'));
    const forced: number[] = [];
    const listening = listenForEnd((code) => forced.push(code));
    const [listener] = process.listeners('SIGTERM').filter((other) => !before.has(other));
    expect(listening.signal.aborted).toBe(false);
    listener?.('SIGTERM');
    expect([listening.signal.aborted, listening.signal.reason, forced]).toEqual([true, 'SIGTERM', []]);
    listener?.('SIGTERM');
    expect(forced).toEqual([143]);
    listening.release();
    expect(new Set(process.listeners('SIGTERM'))).toEqual(before);
  });
});
