import { expect, it } from 'vitest';
import { Patience, TICK_MS } from '../../../src/control/probe/patience.ts';

/** What each of some ticks counts, and whether anybody's time may be over at it. */
function ticks(...atMs: number[]): [number, boolean][] {
  const patience = new Patience(0);
  return atMs.map((ms) => {
    const { countedMs, isFair } = patience.tick(ms);
    return [countedMs, isFair];
  });
}

it('time that the event loop was there for counts in full', () => {
  expect(ticks(50, 101, 190)).toEqual([
    [50, true],
    [51, true],
    [89, true],
  ]);
});

it('a loop that was late counts a tick, and reads first what has come meanwhile', () => {
  expect(ticks(50, 3050, 3100)).toEqual([
    [50, true],
    [TICK_MS, false],
    [50, true],
  ]);
});

it('a loop that is always late goes on all the same', () => {
  expect(ticks(500, 1000, 1500).map(([, isFair]) => isFair)).toEqual([false, true, true]);
});
