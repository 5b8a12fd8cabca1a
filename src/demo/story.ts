/** Prints a story line by line: aligned, timed, in colours on a terminal only. */

const COLOURS = { bold: '1', dim: '2', red: '31', green: '32', cyan: '36' } as const;
const TITLE_WIDTH = 37;

export class Story {
  readonly #started = performance.now();
  readonly #write: (text: string) => void;
  readonly #coloured: boolean;
  #failures = 0;

  constructor(write: (text: string) => void, coloured: boolean) {
    this.#write = write;
    this.#coloured = coloured;
  }

  get failures(): number {
    return this.#failures;
  }

  /** A new part of the story. */
  chapter(title: string): void {
    this.#write(`\n${this.#colour('bold', title)}\n`);
  }

  /** Something to read, indented. */
  text(text: string, colour: keyof typeof COLOURS = 'dim'): void {
    for (const line of text.trimEnd().split('\n')) this.#write(`         ${this.#colour(colour, line)}\n`);
  }

  /** One step with what came of it. */
  step(title: string, succeeded: boolean, detail: string): void {
    if (!succeeded) this.#failures += 1;
    const mark = succeeded ? this.#colour('green', '✓') : this.#colour('red', '✗');
    const time = this.#colour('dim', `${this.#seconds().padStart(5)} s`);
    this.#write(`${time}  ${mark} ${title.padEnd(TITLE_WIDTH)} ${detail}\n`);
  }

  end(): void {
    const verdict =
      this.#failures === 0
        ? this.#colour('green', 'Everything went as told.')
        : this.#colour('red', `${this.#failures} step${this.#failures === 1 ? '' : 's'} did not go as told.`);
    this.#write(`\n${verdict} (${this.#seconds()} s)\n`);
  }

  #seconds(): string {
    return ((performance.now() - this.#started) / 1000).toFixed(1);
  }

  #colour(name: keyof typeof COLOURS, text: string): string {
    return this.#coloured ? `\u001b[${COLOURS[name]}m${text}\u001b[0m` : text;
  }
}
