import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NptdError } from '../../../src/api/errors.ts';
import { createNptd, type Nptd } from '../../../src/api/nptd.ts';
import { requestControl } from '../../../src/daemon/control-client.ts';
import { REQUEST_OCTETS_MAX } from '../../../src/daemon/control-protocol.ts';
import { type ControlSocket, claimControlSocket } from '../../../src/daemon/control-socket.ts';
import { FakeDataPlane, SESSION } from '../api/fake-data-plane.ts';
import { siteText } from '../control/sites.ts';

let folder: string;
let path: string;
let plane: FakeDataPlane;
let nptd: Nptd;
let control: ControlSocket | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nptd-socket-'));
  path = join(folder, 'run', 'nptd.sock');
  plane = new FakeDataPlane();
  nptd = createNptd(siteText(), { openDataPlane: plane.open });
  await nptd.start();
  control = undefined;
});
afterEach(async () => {
  await control?.close();
  await nptd.close();
  rmSync(folder, { recursive: true, force: true });
});

const serve = async () => {
  control = await claimControlSocket(path);
  control.serve(nptd);
};

/** Sends text as it is, and gives everything that came back until the other end closed. */
const send = async (line: string): Promise<string> => {
  const socket = connect(path);
  socket.on('error', () => {});
  socket.end(line);
  return text(socket).catch((error: Error) => error.message);
};

const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  const error: unknown = await promise.catch((reason: unknown) => reason);
  return error instanceof NptdError ? error.code : String(error);
};

describe('requests', () => {
  beforeEach(serve);

  test('status is what the gateway says', async () => {
    const status = await requestControl(path, { request: 'status' });
    expect(status).toEqual({ ...nptd.status(), atMs: status.atMs });
  });

  test('sessions obey the limit', async () => {
    expect(await requestControl(path, { request: 'sessions' })).toEqual([SESSION]);
    expect(await requestControl(path, { request: 'sessions', limit: 0 })).toEqual([]);
  });

  test('that take a while are answered after the client has finished writing', async () => {
    plane.sessions = async () => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      return [SESSION];
    };
    expect(await requestControl(path, { request: 'sessions' })).toEqual([SESSION]);
  });

  test('mappings are listed', async () => {
    expect(await requestControl(path, { request: 'mappings' })).toMatchObject([{ internal: SESSION.internal }]);
  });

  test('passed frames are taken once, as hexadecimal', async () => {
    plane.passed = [{ device: 1, octets: Uint8Array.of(0xde, 0xad) }];
    expect(await requestControl(path, { request: 'passed' })).toEqual([{ device: 1, octets: 'dead' }]);
    expect(await requestControl(path, { request: 'passed' })).toEqual([]);
  });

  test('several on one connection are answered in order', async () => {
    const answers = await send('{"request":"mappings"}\n{"request":"sessions"}\n');
    expect(
      answers
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { ok: true, result: [{ sessions: 1 }] },
      { ok: true, result: [{ tcpState: 'ESTABLISHED' }] },
    ]);
  });

  test.each([
    'not json',
    '{"request":"reboot"}',
    '{"request":"sessions","limit":-1}',
    '{"request":"sessions","limit":1000000}',
    '{"request":"status","extra":1}',
    '[]',
  ])('that are wrong are refused with a reason: %s', async (line) => {
    const response = JSON.parse(await send(`${line}\n`));
    expect(response).toMatchObject({ ok: false, error: { code: 'BAD_REQUEST' } });
    expect(response.error.message.length).toBeGreaterThan(5);
  });

  test('of a client that does not read are not answered ahead', async () => {
    let asked = 0;
    plane.sessions = async () => {
      asked += 1;
      return new Array(10_000).fill(SESSION);
    };
    const socket = connect(path);
    socket.on('error', () => {});
    socket.pause().write('{"request":"sessions"}\n'.repeat(100));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(asked).toBeLessThan(3);
    socket.end();
    const answers = (await text(socket)).trim().split('\n');
    expect([answers.length, asked]).toEqual([100, 100]);
    // Some 200 MB of answers take a while on a busy machine.
  }, 60_000);

  test('without an end are cut off', async () => {
    const answers = await send('x'.repeat(REQUEST_OCTETS_MAX + 1));
    expect(answers).not.toContain('ok');
    expect(await requestControl(path, { request: 'mappings' })).toHaveLength(1);
  });

  test('to a gateway that is closing are refused with its code', async () => {
    await nptd.close();
    expect(JSON.parse(await send('{"request":"status"}\n'))).toMatchObject({
      ok: false,
      error: { code: 'NOT_RUNNING' },
    });
  });
});

describe('the socket', () => {
  test('is made with its directory, for its owner only, and removed at the end', async () => {
    await serve();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await control?.close();
    expect(existsSync(path)).toBe(false);
  });

  test('takes the place of one that was left behind', async () => {
    mkdirSync(dirname(path));
    const script = 'net.createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
    spawnSync(process.execPath, ['-e', script, path]);
    expect(existsSync(path)).toBe(true);
    await serve();
    expect(await requestControl(path, { request: 'mappings' })).toHaveLength(1);
  });

  test('of another gateway that runs is left alone', async () => {
    await serve();
    expect(await codeOf(claimControlSocket(path))).toBe('CONTROL_SOCKET');
    expect(await requestControl(path, { request: 'mappings' })).toHaveLength(1);
  });

  test('of a program that is no gateway is left alone, and the error says how to find it', async () => {
    path = join(folder, 'other.sock');
    const server = createServer((socket) => socket.on('error', () => {}).end('{"ok":true,"result":{}}\n')).listen(path);
    const error: unknown = await claimControlSocket(path).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'CONTROL_SOCKET', message: expect.stringMatching(/gives no pid.*ss -xlp/) });
    expect(existsSync(path)).toBe(true);
    server.close();
  });

  test('does not take the place of a file', async () => {
    path = join(folder, 'file');
    writeFileSync(path, 'precious');
    expect(await codeOf(claimControlSocket(path))).toBe('CONTROL_SOCKET');
    expect(existsSync(path)).toBe(true);
  });
});

describe('the client', () => {
  test('says that no gateway runs', async () => {
    expect(await codeOf(requestControl(path, { request: 'status' }))).toBe('NOT_RUNNING');
  });

  test('says that there is no answer', async () => {
    path = join(folder, 'silent.sock');
    const server = createServer((socket) => socket.end()).listen(path);
    await expect(requestControl(path, { request: 'status' })).rejects.toThrow(/gave no answer/);
    server.close();
  });

  test('says that an answer is none', async () => {
    path = join(folder, 'other.sock');
    const server = createServer((socket) => socket.end('hello\n')).listen(path);
    expect(await codeOf(requestControl(path, { request: 'status' }))).toBe('CONTROL_SOCKET');
    server.close();
  });
});
