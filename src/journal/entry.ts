/** What the journal keeps: changes of health, selection, plan and devices, and when the gateway ran. */
import { z } from 'zod';

export interface JournalEntry {
  /** Wall clock in milliseconds. */
  readonly atMs: number;
  /** `started`, `stopped`, or what a log entry is about: `uplink-changed`, `selection-changed`, … */
  readonly event: string;
  /** A sentence without a full stop. */
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

const schema = z.object({
  atMs: z.number(),
  event: z.string(),
  message: z.string(),
  fields: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});

export function formatEntry(entry: JournalEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

/** The entry of a line; undefined where it is none, as the last line of a file after a power cut. */
export function parseEntry(line: string): JournalEntry | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
