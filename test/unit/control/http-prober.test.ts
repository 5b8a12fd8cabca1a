/** HTTP probes against real servers on the loopback, whose connections stand in for those of the data path. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.ts';
import type { ProbeAssignment } from '../../../src/control/probe/assignment.ts';
import { HttpProber } from '../../../src/control/probe/http-prober.ts';
import { type HttpTarget, httpTargetOf } from '../../../src/control/probe/http-target.ts';
import type { ProbeRequest, StreamTarget, UplinkStream } from '../../../src/native/data-plane.ts';
import { type Certificate, makeCertificate } from '../../support/certificate.ts';
import { base } from '../config/support.ts';

const RTT_US = 1234;
const REQUEST: ProbeRequest = { slot: 3, family: 4, list: 0, target: 1, sequence: 77 };

let folder: string;
let certificate: Certificate;
const cleanups: (() => void)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nptd-http-'));
  certificate = await makeCertificate(folder, 'DNS:a.example', 'IP:192.0.2.1');
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A target as the file says it. */
function targetOf(text: string): HttpTarget {
  const parsed = parseConfig(base('192.0.2.1', text), 'f');
  const target = parsed.ok ? parsed.value.config.uplinks[0]?.probe.targets[0] : undefined;
  const http = target && httpTargetOf(target, 500);
  if (http === undefined) throw new Error(`${text} is no HTTP target`);
  return http;
}

async function listening<T extends Server | ReturnType<typeof createTcpServer>>(server: T): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const http = (answer: RequestListener) => listening(createServer(answer));
const https = async (answer: RequestListener) => {
  const [key, cert] = await Promise.all([readFile(certificate.key), readFile(certificate.certificate)]);
  return listening(createSecureServer({ key, cert }, answer));
};
/** What a TCP server does with each connection. */
const tcp = (serve: (socket: Socket) => void) =>
  listening(createTcpServer((socket) => serve(socket.on('error', () => {}))));

interface Probed {
  /** Round-trip times; undefined: missed. */
  readonly conclusions: (number | undefined)[];
  readonly streams: UplinkStream[];
  readonly targets: StreamTarget[];
  readonly prober: HttpProber;
}

/** Makes one probe of a target, by way of a server on the loopback. */
function probe(target: HttpTarget, port: number): Probed {
  const probed = {
    conclusions: [] as (number | undefined)[],
    streams: [] as UplinkStream[],
    targets: [] as StreamTarget[],
  };
  const prober = new HttpProber({
    dataPlane: {
      connect: (to) => {
        probed.targets.push(to);
        const stream = Object.assign(connect({ port, host: '127.0.0.1', allowHalfOpen: true }), { rttUs: RTT_US });
        probed.streams.push(stream);
        return stream;
      },
      concludeProbe: (request, rttUs) => {
        expect(request).toBe(REQUEST);
        probed.conclusions.push(rttUs);
      },
    },
    authorities: (file) => authorities.get(file),
    nowMs: () => performance.now(),
  });
  const options = { slot: 3, family: 4, list: 0, targets: [], intervalMs: 500, timeoutMs: 800, calmRound: 0 } as const;
  const assignment: ProbeAssignment = { transport: 'data-path', device: 'wan0', options, http: [null, target] };
  prober.setProbes([assignment]);
  prober.probe(REQUEST);
  cleanups.push(() => prober.close());
  return { ...probed, prober };
}

const authorities = new Map<string, string>();

const concluded = async ({ conclusions }: Probed) => {
  await expect.poll(() => conclusions.length, { timeout: 8000, interval: 10 }).toBe(1);
  return conclusions[0];
};
const closed = ({ streams }: Probed) =>
  expect.poll(() => streams.every(({ destroyed }) => destroyed), { timeout: 5000 }).toBe(true);

const PLAIN = '{ http: "http://192.0.2.1:81/a?b" }';

describe('a probe by HTTP', () => {
  it('asks for the path, calls the server by its address, and is answered with the round trip of the handshake', async () => {
    const asked: unknown[] = [];
    const port = await http(({ method, url, headers }, response) => {
      asked.push([method, url, headers.host]);
      response.writeHead(204).end();
    });
    const probed = probe(targetOf(PLAIN), port);
    expect(await concluded(probed)).toBe(RTT_US);
    expect(asked).toEqual([['GET', '/a?b', '192.0.2.1:81']]);
    const ownPorts = { low: 61_504, high: 61_567 };
    expect(probed.targets).toEqual([{ slot: 3, family: 4, address: 0xc0000201, port: 81, ownPorts }]);
    await closed(probed);
  });

  it('ends the connection before the server does', async () => {
    const ends: string[] = [];
    const port = await listening(
      createServer((_request, response) => {
        response.socket?.on('end', () => ends.push('end'));
        response.end('all');
      }),
    );
    const probed = probe(targetOf(PLAIN), port);
    await concluded(probed);
    await expect.poll(() => ends, { timeout: 900 }).toEqual(['end']);
    await closed(probed);
  });

  it.each([
    [PLAIN, 200, true],
    [PLAIN, 399, true],
    [PLAIN, 400, false],
    [PLAIN, 500, false],
    ['{ http: "http://192.0.2.1/", status: 404 }', 404, true],
    ['{ http: "http://192.0.2.1/", status: 204 }', 200, false],
  ])('%s and status %i', async (text, status, answered) => {
    const port = await http((_request, response) => void response.writeHead(status).end());
    expect(await concluded(probe(targetOf(text), port))).toBe(answered ? RTT_US : undefined);
  });

  it('that gets no status in time has missed, and is given up', async () => {
    const sockets: Socket[] = [];
    const port = await tcp((socket) => sockets.push(socket.resume()));
    const started = performance.now();
    const probed = probe(targetOf('{ http: "http://192.0.2.1/", timeout: 300ms }'), port);
    expect(await concluded(probed)).toBeUndefined();
    expect(performance.now() - started).toBeGreaterThan(290);
    await closed(probed);
  });

  it('does not pay for a late event loop', async () => {
    const port = await http((_request, response) => void response.writeHead(204).end());
    const probed = probe(targetOf('{ http: "http://192.0.2.1/", timeout: 300ms }'), port);
    const until = performance.now() + 700;
    while (performance.now() < until);
    expect(await concluded(probed)).toBe(RTT_US);
  });

  it.each<[string, (socket: Socket) => void]>([
    ['is no HTTP', (socket) => socket.end('220 mail.example ESMTP\r\n')],
    ['is nothing', (socket) => socket.end()],
    ['is a reset', (socket) => socket.resetAndDestroy()],
    ['has endless headers', (socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}`)],
    ['changes the protocol', (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n')],
  ])('whose answer %s has missed', async (_what, serve) => {
    const probed = probe(targetOf('{ http: "http://192.0.2.1/", timeout: 500ms }'), await tcp(serve));
    expect(await concluded(probed)).toBeUndefined();
    await closed(probed);
  });

  it('does not wait for a response that has no end', async () => {
    const port = await http((_request, response) => {
      response.writeHead(200).write('more');
    });
    const probed = probe(targetOf(PLAIN), port);
    expect(await concluded(probed)).toBe(RTT_US);
    await closed(probed);
  });

  it('that is refused has missed', async () => {
    const port = await tcp(() => {});
    cleanups.pop()?.();
    expect(await concluded(probe(targetOf(PLAIN), port))).toBeUndefined();
  });

  it('says nothing after closing, nor of a target that is not there', async () => {
    const port = await tcp(() => {});
    const probed = probe(targetOf(PLAIN), port);
    probed.prober.probe({ ...REQUEST, target: 0 });
    probed.prober.probe({ ...REQUEST, list: 1 });
    expect(probed.streams.length).toBe(1);
    probed.prober.close();
    probed.prober.probe(REQUEST);
    await closed(probed);
    expect([probed.streams.length, probed.conclusions]).toEqual([1, []]);
  });
});

describe('a probe by HTTPS', () => {
  const cases: [string, boolean][] = [
    ['{ https: "https://192.0.2.1/", name: a.example, ca: CA }', true],
    ['{ https: "https://192.0.2.1/", ca: CA }', true],
    ['{ https: "https://192.0.2.1/", name: b.example, ca: CA }', false],
    ['{ https: "https://192.0.2.2/", ca: CA }', false],
    ['{ https: "https://192.0.2.1/", name: a.example }', false],
    ['{ https: "https://192.0.2.1/", name: b.example, verify: false }', true],
  ];
  it.each(cases)('%s', async (text, answered) => {
    authorities.set('/ca.pem', await readFile(certificate.certificate, 'utf8'));
    const names: unknown[] = [];
    const port = await https((request, response) => {
      names.push([request.headers.host, 'servername' in request.socket && request.socket.servername]);
      response.writeHead(204).end();
    });
    const probed = probe(targetOf(text.replace('CA', '/ca.pem')), port);
    expect(await concluded(probed)).toBe(answered ? RTT_US : undefined);
    await closed(probed);
    const name = /name: ([a-z.]+)/.exec(text)?.[1];
    expect(names).toEqual(answered ? [[name ?? '192.0.2.1', name ?? false]] : []);
  });

  it('of a server that does not speak TLS has missed', async () => {
    const port = await http((_request, response) => void response.end());
    const target = targetOf('{ https: "https://192.0.2.1/", verify: false }');
    expect(await concluded(probe(target, port))).toBeUndefined();
  });
});

it('the time for an answer is two seconds or four intervals, or as configured, and never more than six intervals', () => {
  const target = (text: string) => {
    const parsed = parseConfig(base('192.0.2.1', text), 'f');
    return parsed.ok ? parsed.value.config.uplinks[0]?.probe.targets[0] : undefined;
  };
  const timeoutOf = (text: string, intervalMs: number) => {
    const found = target(text);
    return found && httpTargetOf(found, intervalMs)?.timeoutMs;
  };
  expect(timeoutOf(PLAIN, 500)).toBe(2000);
  expect(timeoutOf(PLAIN, 5000)).toBe(2000);
  expect(timeoutOf(PLAIN, 100)).toBe(400);
  expect(timeoutOf('{ http: "http://192.0.2.1/", timeout: 3s }', 500)).toBe(3000);
  expect(timeoutOf('{ http: "http://192.0.2.1/", timeout: 3s }', 100)).toBe(600);
  expect(timeoutOf('192.0.2.1', 500)).toBeUndefined();
});
