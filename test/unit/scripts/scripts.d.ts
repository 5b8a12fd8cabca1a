/** The types of what the tests call in scripts/, which is JavaScript so that a fresh clone can run it. */
declare module '*/scripts/lib/core-bench.mjs' {
  export function wantedCounts(names: string[], wanted: string[]): string[];
}
declare module '*/scripts/lib/gungraun.mjs' {
  export function readCounts(text: string): Record<string, number>;
}
declare module '*/scripts/lib/instructions.mjs' {
  export function compare(
    reviewed: Record<string, number>,
    counted: Record<string, number>,
    tolerance: number,
  ): { lines: string[]; failures: string[] };
}
