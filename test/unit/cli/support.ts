import type { Output } from '../../../src/cli/output.ts';

/** An output that keeps what was written. */
export class RecordedOutput implements Output {
  printed = '';
  complained = '';
  readonly terminal: boolean;

  constructor(terminal = false) {
    this.terminal = terminal;
  }

  print(text: string): void {
    this.printed += text;
  }

  complain(text: string): void {
    this.complained += text;
  }
}
