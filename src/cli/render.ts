/** Text for people. Every function ends its text with a line feed. */
import { type ConfigIssue, renderIssue } from '../config/issue.ts';

/** A table with aligned columns under their headings. */
export function renderTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => widthOf(line[column] ?? ''))));
  return lines
    .map((line) => widths.map((width, column) => pad(line[column] ?? '', width)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** `name: value` lines with aligned values. */
export function renderFacts(facts: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(0, ...facts.map(([name]) => widthOf(name)));
  return facts.map(([name, value]) => `${pad(`${name}:`, width + 1)}  ${value}`.trimEnd().concat('\n')).join('');
}

export function renderJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** One line per issue, each followed by the line of the file with a caret below the place. */
export function renderIssuesWithExcerpts(issues: readonly ConfigIssue[], text: string): string {
  const lines = text.split('\n');
  return issues
    .map((issue) => {
      const line = lines[issue.line - 1];
      const head = `${renderIssue(issue)}\n`;
      return line === undefined || line.trim() === '' ? head : `${head}${excerpt(line.trimEnd(), issue)}`;
    })
    .join('');
}

/** `1 error`, `2 errors` */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function excerpt(line: string, { line: number, column }: ConfigIssue): string {
  const margin = `${number}`.padStart(5);
  // Tabs are kept, so that the caret stands where the terminal puts the text.
  const indent = line.slice(0, column - 1).replace(/[^\t]/g, ' ');
  return `${margin} | ${line}\n${' '.repeat(margin.length)} | ${indent}^\n`;
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

function widthOf(text: string): number {
  return [...text].length;
}
