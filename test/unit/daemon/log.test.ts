import { describe, expect, test } from 'vitest';
import type { LogEntry, LogLevel } from '../../../src/control/notice.ts';
import { createLog, type LogFormat } from '../../../src/daemon/log.ts';

const NOON = Date.UTC(2026, 0, 2, 12, 34, 56, 789);

function linesOf(format: LogFormat, level: LogLevel, ...entries: LogEntry[]): string[] {
  const lines: string[] = [];
  const log = createLog({ format, level, write: (line) => lines.push(line), now: () => NOON });
  for (const entry of entries) log(entry);
  return lines;
}

const entry = (level: LogLevel, fields: LogEntry['fields'] = {}): LogEntry => ({
  level,
  message: `a ${level}`,
  fields,
});

test('JSON lines carry time, level, message and the fields', () => {
  const [line = ''] = linesOf('json', 'info', entry('warn', { event: 'uplink-changed', family: 6 }));
  expect(JSON.parse(line)).toEqual({
    time: '2026-01-02T12:34:56.789Z',
    level: 'warn',
    message: 'a warn',
    event: 'uplink-changed',
    family: 6,
  });
  expect(line).not.toContain('\n');
});

test('no field takes the place of time, level or message', () => {
  const [line = ''] = linesOf('json', 'info', entry('warn', { level: 'error', message: 'other', time: 'never' }));
  expect(JSON.parse(line)).toMatchObject({ level: 'warn', message: 'a warn', time: '2026-01-02T12:34:56.789Z' });
});

test('lines for people are one line each', () => {
  const broken: LogEntry = { level: 'error', message: 'one\n  two', fields: {} };
  expect(linesOf('text', 'info', entry('info'), broken)).toEqual([
    '12:34:56.789 INFO  a info',
    '12:34:56.789 ERROR one two',
  ]);
});

describe('the level', () => {
  test.each([
    ['debug', 4],
    ['info', 3],
    ['warn', 2],
    ['error', 1],
  ] as const)('%s lets %i of four levels through', (level, count) => {
    expect(linesOf('text', level, entry('debug'), entry('info'), entry('warn'), entry('error'))).toHaveLength(count);
  });
});
