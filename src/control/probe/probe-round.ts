/** A few echo requests to one target by one device, for people who want to know: `nptd probe`. */
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Family } from '../family.ts';
import type { Echo } from './icmp-echo.ts';
import { openEchoSocket } from './raw-socket-transport.ts';
import { requireRoute } from './route-check.ts';
import { parseTarget } from './target.ts';

export interface ProbeRoundOptions {
  /** Interface name in the network namespace of this process. */
  readonly device: string;
  /** Canonical text of an address of the family. */
  readonly target: string;
  readonly family: Family;
  readonly count: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Called as soon as a probe is decided. */
  readonly onProbe?: (probe: ProbeOutcome) => void;
  readonly signal?: AbortSignal;
}

export interface ProbeOutcome {
  /** Counts from 0. */
  readonly sequence: number;
  /** Round-trip time in milliseconds; absent: no answer in time. */
  readonly rttMs?: number;
}

/** Sends `count` probes, each after the one before it is decided, and gives their outcomes. Rejects with a `ProbeFailure`. */
export async function runProbeRound(options: ProbeRoundOptions): Promise<ProbeOutcome[]> {
  const { device, family, target, count, intervalMs, timeoutMs, onProbe, signal } = options;
  await requireRoute(device, family, [target]);
  const identifier = randomInt(0x10000);
  let onAnswer: (sequence: number) => void = () => {};
  const onReply = (echo: Echo, source: string) => {
    if (echo.identifier === identifier && parseTarget(source)?.text === target) onAnswer(echo.sequence);
  };
  const socket = await openEchoSocket({ device, family, onReply });
  try {
    const outcomes: ProbeOutcome[] = [];
    for (let sequence = 0; sequence < count; sequence++) {
      signal?.throwIfAborted();
      const sentAtMs = performance.now();
      const answered = new Promise<void>((resolve) => {
        onAnswer = (answer) => answer === sequence && resolve();
      });
      socket.send(target, { identifier, sequence });
      const rttMs = (await within(answered, timeoutMs)) ? performance.now() - sentAtMs : undefined;
      const outcome = { sequence, ...(rttMs === undefined ? {} : { rttMs }) };
      outcomes.push(outcome);
      onProbe?.(outcome);
      const restMs = intervalMs - (performance.now() - sentAtMs);
      if (sequence + 1 < count && restMs > 0) await sleep(restMs, undefined, signal === undefined ? {} : { signal });
    }
    return outcomes;
  } finally {
    socket.close();
  }
}

/** Whether it comes about in this time. */
async function within(event: Promise<void>, ms: number): Promise<boolean> {
  const timeout = new AbortController();
  const late = sleep(ms, false, { signal: timeout.signal }).catch(() => false);
  const inTime = await Promise.race([event.then(() => true), late]);
  timeout.abort();
  return inTime;
}
