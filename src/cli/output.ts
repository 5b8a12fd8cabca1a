/** Where a command writes: results to the standard output, what is wrong to the standard error. */
export interface Output {
  print(text: string): void;
  complain(text: string): void;
  /** Whether a person reads what is wrong. */
  readonly terminal: boolean;
}

export const processOutput: Output = {
  print: (text) => process.stdout.write(text),
  complain: (text) => process.stderr.write(text),
  get terminal() {
    return process.stderr.isTTY === true;
  },
};
