import { err, ok, type Result } from '../result.ts';

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

export interface DurationRange {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Reads `500ms`, `2.5s`, `10m`, `2h` as milliseconds within a range; the error is a sentence. */
export function parseDuration(text: string, range: DurationRange): Result<number, string> {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text);
  if (match === null) return err(`"${text}" is not a duration; write a number and a unit, like 500ms, 30s, 10m or 2h`);
  const [, digits = '', unit = ''] = match;
  const factor = Object.hasOwn(UNITS_MS, unit) ? UNITS_MS[unit] : undefined;
  if (factor === undefined) {
    const fault = unit === '' ? `"${text}" needs a unit` : `"${unit}" is not a unit`;
    return err(`${fault}: ms, s, m or h, like ${digits}s`);
  }
  const ms = Number(digits) * factor;
  if (!Number.isInteger(ms)) return err(`"${text}" is finer than a millisecond`);
  if (ms < range.minMs) return err(`"${text}" is below ${formatDuration(range.minMs)}`);
  if (ms > range.maxMs) return err(`"${text}" is above ${formatDuration(range.maxMs)}`);
  return ok(ms);
}

/** The shortest text that reads back as the same number of milliseconds, in whole units. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  for (const unit of ['h', 'm', 's']) {
    const factor = UNITS_MS[unit] ?? 1;
    // Beyond two of the next unit a round number reads better than seconds by the thousand.
    if (ms % factor === 0 && (unit === 's' || ms >= 2 * factor)) return `${ms / factor}${unit}`;
  }
  return `${ms}ms`;
}
