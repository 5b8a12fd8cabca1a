/** The search itself: faults have to be found. */
import { expect, test } from 'vitest';
import { ReferenceTranslator } from '../../src/reference/reference-translator.ts';
import type { TranslationResult } from '../../src/reference/translator.ts';
import type { Implementations } from './compare.ts';
import { playRecording, readRecording, writeRecording } from './recording.ts';
import { search } from './search.ts';

/** A translator with a small fault: a TTL or hop limit of exactly 255 is not lowered. */
class FaultyTranslator extends ReferenceTranslator {
  override process(device: number, octets: Uint8Array, nowUs: number): TranslationResult {
    const result = super.process(device, octets, nowUs);
    const isFaulty = result.outgoing.some(({ octets: sent }) => sent[8] === 254);
    return isFaulty ? { ...result, outgoing: [] } : result;
  }
}

test('finds a small fault and shrinks it to a few steps that show it again', async () => {
  const implementations: Implementations = {
    reference: (options) => new ReferenceTranslator(options),
    native: (options) => new FaultyTranslator(options),
  };
  const { found } = await search(implementations, { seed: 7, seconds: 60, packetsMin: 0 });
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
}, 120_000);
