import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ProbeAssignment } from '../../../src/control/probe/assignment.ts';
import { RawSocketProber } from '../../../src/control/probe/raw-socket-prober.ts';
import type { EchoSocketOptions } from '../../../src/control/probe/raw-socket-transport.ts';
import type { ProbeSample } from '../../../src/native/data-plane.ts';

const TARGET = 0xc0000201;

function assignment(device = 'eth1', targets: readonly number[] = [TARGET]): ProbeAssignment {
  const options = { slot: 2, family: 4, list: 0, targets, intervalMs: 500, timeoutMs: 800, calmRound: 0 } as const;
  return { transport: 'raw-socket', device, options, http: [] };
}

/** A machine in virtual time: sockets that answer at once, or not, and routes that come and go. */
class FakeHost {
  route = true;
  answering = true;
  /** Source of the answers. */
  source = '192.0.2.1';
  /** Whether the answers carry the identifier of the question. */
  own = true;
  open = 0;
  sent = 0;

  readonly nowUs = () => Math.round(performance.now() * 1000);

  readonly requireRoute = async (device: string) => {
    if (!this.route) throw new Error(`no route via ${device}`);
  };

  readonly openEchoSocket = async ({ onReply }: EchoSocketOptions) => {
    this.open += 1;
    return {
      send: (_target: string, echo: { identifier: number; sequence: number }) => {
        this.sent += 1;
        const identifier = this.own ? echo.identifier : echo.identifier ^ 1;
        if (this.answering) setTimeout(() => onReply({ ...echo, identifier }, this.source), 5);
      },
      close: () => {
        this.open -= 1;
      },
    };
  };
}

let host: FakeHost;
let samples: ProbeSample[];
let reasons: string[];
let prober: RawSocketProber;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] });
  host = new FakeHost();
  samples = [];
  reasons = [];
  prober = new RawSocketProber(
    { onSample: (sample) => samples.push(sample), onNotProbed: (_list, reason) => reasons.push(reason) },
    host,
  );
});
afterEach(() => {
  prober.close();
  vi.useRealTimers();
});

const answered = () => samples.filter(({ rttUs }) => rttUs !== undefined).length;

test('an assignment gives samples with slot, family and round-trip time', async () => {
  prober.setProbes([assignment()]);
  await vi.advanceTimersByTimeAsync(1100);
  expect(samples).toHaveLength(3);
  expect(samples[0]).toMatchObject({ slot: 2, family: 4, list: 0, target: 0, round: 1, burst: false });
  expect(samples[0]?.rttUs).toBeGreaterThanOrEqual(5000);
});

test.each([
  ['of another source', { source: '192.0.2.9' }],
  ['to another program', { own: false }],
])('answers %s count for nothing', async (_title, difference) => {
  Object.assign(host, difference);
  prober.setProbes([assignment()]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(answered()).toBe(0);
  expect(samples.length).toBeGreaterThan(0);
});

describe('without a route', () => {
  test('nothing is sent, and the reason is told once', async () => {
    host.route = false;
    prober.setProbes([assignment()]);
    await vi.advanceTimersByTimeAsync(5000);
    expect([host.sent, host.open, samples.length]).toEqual([0, 0, 0]);
    expect(reasons).toEqual(['no route via eth1']);
  });

  test('that goes away while probes are on their way, no miss is told', async () => {
    prober.setProbes([assignment()]);
    await vi.advanceTimersByTimeAsync(1200);
    host.answering = false;
    host.route = false;
    await vi.advanceTimersByTimeAsync(5000);
    expect(answered()).toBe(samples.length);
    expect(reasons).toEqual(['no route via eth1']);
    expect(host.open).toBe(0);
  });

  test('that comes back, probing goes on', async () => {
    host.route = false;
    prober.setProbes([assignment()]);
    await vi.advanceTimersByTimeAsync(1000);
    host.route = true;
    await vi.advanceTimersByTimeAsync(1000);
    expect(answered()).toBeGreaterThan(0);
  });
});

test('misses are told while there is a route', async () => {
  host.answering = false;
  prober.setProbes([assignment()]);
  await vi.advanceTimersByTimeAsync(2200);
  expect(samples.map(({ burst, rttUs }) => [burst, rttUs])).toEqual([
    [false, undefined],
    [false, undefined],
    [true, undefined],
    [true, undefined],
  ]);
});

describe('new assignments', () => {
  test('close what is not among them', async () => {
    prober.setProbes([assignment('eth1'), assignment('eth2')]);
    await vi.advanceTimersByTimeAsync(10);
    expect(host.open).toBe(2);
    prober.setProbes([assignment('eth2')]);
    expect(host.open).toBe(1);
    prober.close();
    expect(host.open).toBe(0);
    const { sent } = host;
    await vi.advanceTimersByTimeAsync(5000);
    expect(host.sent).toBe(sent);
  });

  test('after the end open nothing', async () => {
    prober.close();
    prober.setProbes([assignment()]);
    await vi.advanceTimersByTimeAsync(1000);
    expect([host.sent, host.open]).toEqual([0, 0]);
  });

  test('with the same targets keep the socket and go on', async () => {
    prober.setProbes([assignment()]);
    await vi.advanceTimersByTimeAsync(600);
    prober.setProbes([assignment()]);
    await vi.advanceTimersByTimeAsync(500);
    expect(samples.map(({ round }) => round)).toEqual([1, 2, 3]);
    expect(host.open).toBe(1);
  });
});
