/** What happened in sequences, counted. */
import type { OutgoingPacket, TranslationResult } from '../../src/reference/translator.ts';

export type Counts = ReadonlyMap<string, number>;

export class Tally {
  sequences = 0;
  packets = 0;
  readonly #verdicts = new Map<string, number>();
  readonly #outputs = new Map<string, number>();
  readonly #marks = new Map<string, number>();

  get verdicts(): Counts {
    return this.#verdicts;
  }

  /** By kind; those of a tick by `tick` and kind. */
  get outputs(): Counts {
    return this.#outputs;
  }

  /** Things beside packets that happened. */
  get marks(): Counts {
    return this.#marks;
  }

  packet({ verdict, outgoing }: TranslationResult): void {
    this.packets += 1;
    more(this.#verdicts, verdict);
    for (const { kind } of outgoing) {
      more(this.#outputs, kind);
    }
  }

  tick(outgoing: readonly OutgoingPacket[]): void {
    for (const { kind } of outgoing) {
      more(this.#outputs, `tick ${kind}`);
    }
  }

  mark(name: string, count = 1): void {
    more(this.#marks, name, count);
  }
}

function more(counts: Map<string, number>, name: string, count = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + count);
}
