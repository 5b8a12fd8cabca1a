/** How suites report: a table for people as it grows, one JSON object for programs. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** What every suite says of a case; each adds fields of its own. */
export interface Row {
  readonly case: string;
  readonly value: number;
  readonly unit: string;
}

export interface Report<R extends Row> {
  readonly machine: string;
  /** ISO 8601. */
  readonly date: string;
  readonly rows: readonly R[];
}

export function machine(): string {
  return `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores, Node ${process.versions.node}`;
}

/** Three significant digits and separated thousands: more would be noise. `-` where there is no figure. */
export function figure(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '-';
  if (value === 0) return '0';
  const digits = Math.min(20, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/**
 * A table whose lines can be printed before the last one is known: the first column is left-aligned, the others
 * right-aligned, each as wide as its heading or the width it was given.
 */
export class Table {
  readonly #widths: readonly number[];

  /** @param columns headings with the least width of their columns */
  constructor(columns: readonly (readonly [heading: string, width: number])[]) {
    this.#widths = columns.map(([heading, width]) => Math.max(width, heading.length));
    this.head = this.line(columns.map(([heading]) => heading));
  }

  readonly head: string;

  line(cells: readonly string[]): string {
    const aligned = this.#widths.map((width, column) => {
      const cell = cells[column] ?? '';
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    return `${aligned.join('  ').trimEnd()}\n`;
  }
}

export function writeReport<R extends Row>(file: string, rows: readonly R[], date = new Date()): void {
  const report: Report<R> = { machine: machine(), date: date.toISOString(), rows };
  writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`);
}
