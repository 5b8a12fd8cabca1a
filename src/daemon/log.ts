/** Log entries as lines: JSON for programs, text for people. */
import type { LogEntry, LogLevel } from '../control/notice.ts';

export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** From the most to the least talkative. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[];

export interface LogOptions {
  readonly format: LogFormat;
  /** Entries below it are left out. */
  readonly level: LogLevel;
  /** Takes a line without its end. */
  readonly write: (line: string) => void;
  /** Wall clock in milliseconds. */
  readonly now: () => number;
}

export type Log = (entry: LogEntry) => void;

export function createLog({ format, level, write, now }: LogOptions): Log {
  const render = format === 'json' ? renderJson : renderText;
  return (entry) => {
    if (LOG_LEVELS.indexOf(entry.level) >= LOG_LEVELS.indexOf(level)) write(render(entry, new Date(now())));
  };
}

/** One object a line; `fields` stand beside `time`, `level` and `message`, which they cannot replace. */
function renderJson({ level, message, fields }: LogEntry, time: Date): string {
  return JSON.stringify({ ...fields, time: time.toISOString(), level, message });
}

/** `12:34:56.789 WARN  sentence`; the fields say the same as the sentence and are left out. */
function renderText({ level, message }: LogEntry, time: Date): string {
  const oneLine = message.replaceAll(/\s*\n\s*/g, ' ');
  return `${time.toISOString().slice(11, 23)} ${level.toUpperCase().padEnd(5)} ${oneLine}`;
}
