/**
 * Instructions that the engine spends on a packet, against the reviewed figures of bench/instructions.json. Unlike times they are the
 * same on a busy machine.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { countInstructions } from './gungraun.mjs';
import { ROOT } from './process.mjs';

const BASELINE = join(ROOT, 'bench/instructions.json');
const UPDATE = 'npm run bench:instructions -- --update';

/**
 * @param {{ env?: Record<string, string>, secondsMax?: number }} options as of `run`
 * @param {{ update?: boolean }} how `update` writes what was counted as the new figures
 * @returns {Promise<{ passed: number, failed: number, skips: { name: string, reason: string }[], failures: string[] }>}
 */
export async function runInstructions(options, { update = false } = {}) {
  const { counted, obstacle, failure } = await countInstructions(options);
  if (obstacle !== undefined) {
    process.stdout.write(`skipped: ${obstacle}\n`);
    return { passed: 0, failed: 0, skips: [{ name: 'instructions a packet', reason: obstacle }], failures: [] };
  }
  if (failure !== undefined) return { passed: 0, failed: 1, skips: [], failures: [failure] };
  const { tolerance, cases } = reviewedFigures();
  if (update) {
    writeFileSync(BASELINE, `${JSON.stringify({ tolerance, cases: counted }, undefined, 2)}\n`);
    process.stdout.write(`written to ${BASELINE}\n`);
    return { passed: Object.keys(counted).length, failed: 0, skips: [], failures: [] };
  }
  const { lines, failures } = compare(cases, counted, tolerance);
  process.stdout.write(`${lines.join('\n')}\n`);
  return { passed: lines.length - failures.length, failed: failures.length, skips: [], failures };
}

/** @returns {{ tolerance: number, cases: Record<string, number> }} `cases` in instructions a packet */
export function reviewedFigures() {
  return JSON.parse(readFileSync(BASELINE, 'utf8'));
}

/**
 * @param {Record<string, number>} reviewed instructions a packet, by case
 * @param {Record<string, number>} counted the same now
 * @param {number} tolerance how much more is no failure, as a part of the reviewed figure
 * @returns {{ lines: string[], failures: string[] }} a line for each case
 */
export function compare(reviewed, counted, tolerance) {
  const failures = [];
  const lines = [...new Set([...Object.keys(reviewed), ...Object.keys(counted)])].map((name) => {
    const change = counted[name] / reviewed[name] - 1;
    if (reviewed[name] === undefined) failures.push(`${name}: has no reviewed figure: ${UPDATE}`);
    else if (!(change <= tolerance))
      failures.push(`${name}: ${counted[name]} instructions a packet, reviewed are ${reviewed[name]}`);
    const hint = change < -tolerance ? `  fewer than reviewed: ${UPDATE}` : '';
    return `${name.padEnd(22)}${String(counted[name]).padStart(8)}${percent(change).padStart(9)}${hint}`;
  });
  return { lines, failures };
}

const percent = (change) => `${change > 0 ? '+' : ''}${(change * 100).toFixed(1)} %`;
