/**
 * The reference and the engine, step by step on the same packets.
 *
 * `NPTD_DIFFERENTIAL_SECONDS` makes the run longer, from a seed of its own unless `NPTD_SEED` names one. A
 * difference is shrunk and kept in fixtures/regressions, where every file is played again by each run.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { NativeTranslator } from '../../src/native/native-translator.ts';
import { ReferenceTranslator } from '../../src/reference/reference-translator.ts';
import type { TranslationResult, TranslatorOptions } from '../../src/reference/translator.ts';
import { type Implementations, playRecording, type Tally } from './play.ts';
import { readRecording, writeRecording } from './recording.ts';
import { search } from './search.ts';

const REGRESSIONS = new URL('../../fixtures/regressions/', import.meta.url);
const LONG_SECONDS = Number(process.env.NPTD_DIFFERENTIAL_SECONDS ?? 0);
const SECONDS = LONG_SECONDS > 0 ? LONG_SECONDS : 30;
const SEED = Number(process.env.NPTD_SEED ?? (LONG_SECONDS > 0 ? Date.now() % 1_000_000_000 : 1));
/** What a run of the default length has to get through on any machine. */
const PACKETS_MIN = 200_000;

const IMPLEMENTATIONS: Implementations = {
  reference: (options) => new ReferenceTranslator(options),
  native: (options) => new NativeTranslator(options),
};

/** A translator with a small fault: a TTL or hop limit of exactly 255 is not lowered. */
class FaultyTranslator extends ReferenceTranslator {
  override process(device: number, octets: Uint8Array, nowUs: number): TranslationResult {
    const result = super.process(device, octets, nowUs);
    const isFaulty = result.outgoing.some(({ octets: sent }) => sent[8] === 254);
    return isFaulty ? { ...result, outgoing: [] } : result;
  }
}

describe('reference against native', () => {
  const files = readdirSync(REGRESSIONS).filter((name) => name.endsWith('.json'));
  test.each(files)('4787-R11 regression %s', (name) => {
    const recording = readRecording(readFileSync(new URL(name, REGRESSIONS), 'utf8'));
    expect(recording.steps.length).toBeGreaterThan(0);
    playRecording(recording, IMPLEMENTATIONS);
  });

  test(
    `4787-R11 generated sequences from seed ${SEED} for ${SECONDS} s`,
    () => {
      const { tally, found } = search(IMPLEMENTATIONS, { seed: SEED, seconds: SECONDS, packetsMin: PACKETS_MIN });
      report(tally);
      if (found !== undefined) {
        const file = freeName(found.seed);
        writeFileSync(new URL(file, REGRESSIONS), writeRecording(found.recording));
        expect.fail(`kept as fixtures/regressions/${file}\n${found.recording.note}`);
      }
      expect(tally.packets).toBeGreaterThanOrEqual(PACKETS_MIN);
    },
    (SECONDS + 600) * 1000,
  );
});

describe('the search itself', () => {
  test('finds a small fault and shrinks it to a few steps that show it again', () => {
    const implementations: Implementations = {
      reference: (options: TranslatorOptions) => new ReferenceTranslator(options),
      native: (options: TranslatorOptions) => new FaultyTranslator(options),
    };
    const { found } = search(implementations, { seed: 7, seconds: 60, packetsMin: 0 });
    const recording = readRecording(
      writeRecording(
        found?.recording ?? {
          note: '',
          options: { secret: new Uint8Array(), mappingsMax: 0, sessionsMax: 0, hostsMax: 0 },
          steps: [],
        },
      ),
    );
    expect(recording.steps.length).toBeGreaterThan(1);
    expect(recording.steps.length).toBeLessThan(10);
    expect(() => playRecording(recording, implementations)).toThrow('native:');
  });
});

/** A file for a recording, which replaces none of an earlier run from the same seed. */
function freeName(seed: number): string {
  const numbered = (number: number) => (number === 1 ? `${seed}.json` : `${seed}-${number}.json`);
  let number = 1;
  while (existsSync(new URL(numbered(number), REGRESSIONS))) {
    number += 1;
  }
  return numbered(number);
}

function report({ sequences, packets, verdicts, outputs }: Tally): void {
  const table = (counts: ReadonlyMap<string, number>) =>
    [...counts]
      .sort((a, b) => b[1] - a[1])
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  console.log(`differential: ${sequences} sequences, ${packets} packets from seed ${SEED}`);
  console.log(`verdicts: ${table(verdicts)}`);
  console.log(`left: ${table(outputs)}`);
}
