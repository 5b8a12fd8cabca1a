/** What differed once, and never shall again. */
import { describe, expect, test } from 'vitest';
import { IMPLEMENTATIONS } from './implementations.ts';
import { playRecording } from './recording.ts';
import { readRegression, regressionNames } from './regressions.ts';

describe('reference against native', () => {
  test.each(regressionNames())('4787-R11 regression %s', (name) => {
    const recording = readRegression(name);
    expect(recording.steps.length).toBeGreaterThan(0);
    playRecording(recording, IMPLEMENTATIONS);
  });
});
