import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type YAMLError,
} from 'yaml';
import type { ConfigPath, Problem } from './issue.ts';

/** Line and column, counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A file as YAML sees it: plain data, and the place of everything in it. */
export interface ConfigDocument {
  /** Maps, lists and scalars; undefined where the syntax was too broken to go on. */
  readonly root: unknown;
  readonly syntax: readonly { readonly problem: Problem; readonly position: Position }[];
  /** Where the value at a path, or its key, begins; of the nearest thing around it if there is none. */
  position(path: ConfigPath, part: 'key' | 'value'): Position;
}

/** Aliases may repeat a node this often before the file counts as hostile. */
const ALIAS_COUNT_MAX = 100;

export function readDocument(text: string): ConfigDocument {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: true, logLevel: 'silent' });
  const at = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const syntax = document.errors.map((error) => ({
    problem: syntaxProblem(error, text),
    position: at(error.pos[0]),
  }));
  const readable = syntax.every(({ problem }) => problem.code === 'duplicate-key');
  const plain = readable ? plainData(document) : { root: undefined };
  if (plain.reason !== undefined) {
    syntax.push({ problem: { code: 'yaml-syntax', reason: plain.reason }, position: at(0) });
  }
  return { root: plain.root, syntax, position: (path, part) => at(offsetOf(document, path, part)) };
}

/** Whether the data has something, even an empty or wrong value, at a path. */
export function hasPath(root: unknown, path: ConfigPath): boolean {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return false;
    value = Reflect.get(value, step);
  }
  return true;
}

function syntaxProblem(error: YAMLError, text: string): Problem {
  if (error.code !== 'DUPLICATE_KEY') return { code: 'yaml-syntax', reason: error.message };
  const match = /^(?:"([^"\n]*)"|'([^'\n]*)'|([^\s:,{}[\]]+))/.exec(text.slice(error.pos[0]));
  return { code: 'duplicate-key', key: match?.[1] ?? match?.[2] ?? match?.[3] ?? '' };
}

function plainData(document: Document): { root: unknown; reason?: string } {
  try {
    return { root: document.toJS({ maxAliasCount: ALIAS_COUNT_MAX }) };
  } catch (error) {
    // The library throws where an alias names no anchor, or where aliases multiply.
    return { root: undefined, reason: error instanceof Error ? error.message : String(error) };
  }
}

function offsetOf(document: Document, path: ConfigPath, part: 'key' | 'value'): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, step] of path.entries()) {
    const inner = isAlias(node) ? node.resolve(document) : node;
    const pair = isMap(inner) ? lastPair(inner.items, step) : undefined;
    const key = startOf(pair?.key);
    node = pair === undefined ? seqItem(inner, step) : pair.value;
    if (node === undefined && key === undefined) return offset;
    const wantsKey = part === 'key' && depth === path.length - 1;
    offset = wantsKey ? (key ?? startOf(node) ?? offset) : (startOf(node) ?? key ?? offset);
  }
  return offset;
}

/** A key that appears twice counts where it appears last, as in the data. */
function lastPair(items: readonly Pair[], step: string | number): Pair | undefined {
  return items.findLast((item) => isScalar(item.key) && String(item.key.value) === String(step));
}

function seqItem(node: unknown, step: string | number): unknown {
  return isSeq(node) && typeof step === 'number' ? node.items[step] : undefined;
}

function startOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range)) return undefined;
  const [start] = node.range;
  return typeof start === 'number' ? start : undefined;
}
