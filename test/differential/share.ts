/**
 * The reference and the engine, step by step on the same packets: one share of the whole search.
 *
 * Each share is a file, so that they run beside each other. By default a share plays a fixed number of packets from
 * fixed seeds, so that its coverage is always the same; `NPTD_DIFFERENTIAL_SECONDS` makes it run for a time instead, from a seed
 * of its own unless `NPTD_SEED` names one. A difference is shrunk and kept in fixtures/regressions.
 */
import { expect, test } from 'vitest';
import { uncovered } from './coverage.ts';
import { IMPLEMENTATIONS } from './implementations.ts';
import { keepRegression } from './regressions.ts';
import { search } from './search.ts';
import type { Counts, Tally } from './tally.ts';

const SHARES = 2;

const SECONDS = Number(process.env.NPTD_DIFFERENTIAL_SECONDS ?? 0);
const SEED = Number(process.env.NPTD_SEED ?? (SECONDS > 0 ? Date.now() % 1_000_000_000 : 1));
/** What all shares get through on any machine. */
const PACKETS_MIN = 1_000_000;
/** Shares take seeds that no other one comes to. */
const SEEDS_PER_SHARE = 1_000_000_000;

/** @param share from 1 to `SHARES` */
export function testShare(share: number): void {
  const seed = SEED + (share - 1) * SEEDS_PER_SHARE;
  const packetsMin = PACKETS_MIN / SHARES;
  const length = SECONDS > 0 ? `for ${SECONDS} s` : `of ${packetsMin} packets`;
  test(
    `4787-R11 generated sequences from seed ${seed} ${length}`,
    async () => {
      const { tally, found } = await search(IMPLEMENTATIONS, { seed, seconds: SECONDS, packetsMin });
      report(seed, tally);
      if (found !== undefined) {
        const name = keepRegression(found.seed, found.recording);
        expect.fail(`kept as fixtures/regressions/${name}\n${found.recording.note}`);
      }
      expect(tally.packets).toBeGreaterThanOrEqual(packetsMin);
      expect(uncovered(tally)).toEqual([]);
    },
    (SECONDS + 900) * 1000,
  );
}

function report(seed: number, { sequences, packets, verdicts, outputs, marks }: Tally): void {
  const table = (counts: Counts) =>
    [...counts]
      .toSorted((a, b) => b[1] - a[1])
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  console.log(`differential: ${sequences} sequences, ${packets} packets from seed ${seed}`);
  console.log(`verdicts: ${table(verdicts)}`);
  console.log(`left: ${table(outputs)}`);
  console.log(`beside: ${table(marks)}`);
}
