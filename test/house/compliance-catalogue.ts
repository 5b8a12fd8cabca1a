/** The requirements, the exceptions from them, and where source and tests cite them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, type SourceFile, sourceFiles, withoutTests } from './source-tree.ts';

export interface Section {
  readonly number: string;
  readonly title: string;
}

export interface Requirement {
  /** One or more ids of the RFC's own; the row is known by the first. */
  readonly ids: readonly [string, ...string[]];
  readonly section: string;
  /** As the RFC words it: `MUST`, `SHOULD NOT`, `MUST / SHOULD` … */
  readonly level: string;
  /** The rule, or its level, is a conclusion from the text and not the RFC's own wording. */
  readonly derived: boolean;
  readonly text: string;
}

export interface Catalogue {
  readonly sections: readonly Section[];
  readonly requirements: readonly Requirement[];
}

export interface Remark {
  readonly ids: readonly string[];
  readonly reason: string;
}

export interface Remarks {
  /** Requirements that the product decided against. */
  readonly exceptions: readonly Remark[];
  /** Requirements on parts that the product does not have for now; the reason says what does their work. */
  readonly exceptionsForNow: readonly Remark[];
  /** Requirements on the tools of a test, not on the product: no line of the product decides them. */
  readonly testDuties: readonly Remark[];
  /** Requirements that hold in part only; the reason says what is missing. */
  readonly unfinished: readonly Remark[];
}

export interface Citation {
  readonly id: string;
  readonly path: string;
  /** Counted from 1. */
  readonly line: number;
  /** Whether it stands where something is decided, or where it is shown. */
  readonly kind: 'code' | 'proof';
}

const readJson = <T>(name: string): T => JSON.parse(readFileSync(join(ROOT, 'fixtures/rfc', name), 'utf8')) as T;

export const readCatalogue = (): Catalogue => readJson<Catalogue>('requirements.json');

export const readRemarks = (): Remarks => readJson<Remarks>('exceptions.json');

const prefixOf = (id: string): string => id.slice(0, id.indexOf('-'));

/** Finds the ids in a text, also ids that no requirement has: those of a known RFC, or that look like one. */
export class CitationReader {
  readonly #prefixes: ReadonlySet<string>;
  /** Id by its spelling in the name of a Rust function: `4787_r9a`. */
  readonly #bySlug: ReadonlyMap<string, string>;

  constructor(catalogue: Catalogue) {
    const ids = catalogue.requirements.flatMap((requirement) => requirement.ids);
    this.#prefixes = new Set(ids.map(prefixOf));
    this.#bySlug = new Map(ids.map((id) => [id.toLowerCase().replace(/[^a-z0-9]/g, '_'), id]));
  }

  /** Ids as the catalogue spells them. A number after an unknown one (`1024-65535`, `2026-01`) is a range or a date. */
  inProse(text: string): string[] {
    const found = text.matchAll(/(?<![\w.:-])(\d{4}b?|[A-Z]{2,5})-([A-Za-z0-9]+(?:\.[A-Za-z0-9]+)*)/g);
    return [...found].flatMap(([id, prefix = '', rest = '']) => {
      const isRfc = /^\d{4}/.test(prefix) && /^[A-Z]/.test(rest);
      return this.#prefixes.has(prefix) || isRfc ? [id] : [];
    });
  }

  /** Ids in a name like `hairpin_works_4787_r9_r9a_5382_r8`: an RFC, then one or more of its requirements. */
  inName(name: string): string[] {
    const words = name.split('_');
    const found: string[] = [];
    let prefix: string | undefined;
    for (let at = 0; at < words.length; ) {
      const word = words[at] ?? '';
      if (/^\d{4}b?$/.test(word) && this.#prefixes.has(word) && words[at - 1] !== 'rfc') {
        prefix = word;
        const first = this.#longest(prefix, words, at + 1);
        if (first === undefined) found.push(`${prefix}-${words[at + 1] ?? ''}`);
        at += 1;
      } else {
        const one = prefix === undefined ? undefined : this.#longest(prefix, words, at);
        if (one === undefined) prefix = undefined;
        else found.push(one.id);
        at += one?.words ?? 1;
      }
    }
    return found;
  }

  #longest(prefix: string, words: readonly string[], from: number): { id: string; words: number } | undefined {
    for (let count = 3; count > 0; count -= 1) {
      const id = this.#bySlug.get([prefix, ...words.slice(from, from + count)].join('_'));
      if (id !== undefined && from + count <= words.length) return { id, words: count };
    }
    return undefined;
  }
}

/** These speak about requirements without deciding or showing one. */
const SILENT = /^test\/house\/compliance|^native\/[\w-]+\/benches\//;
const PROOF = /^test\/|^native\/[\w-]+\/tests\/|\/tests\.rs$/;

function citationsIn(file: SourceFile, reader: CitationReader): Citation[] {
  const codeLines = PROOF.test(file.path) ? 0 : withoutTests(file).length;
  return file.lines.flatMap((line, at) => {
    const isCode = at < codeLines;
    const names = isCode ? [] : [...line.matchAll(/\bfn (\w+)/g)].flatMap((match) => reader.inName(match[1] ?? ''));
    const ids = new Set([...reader.inProse(line), ...names]);
    return [...ids].map((id) => ({ id, path: file.path, line: at + 1, kind: isCode ? 'code' : 'proof' }) as const);
  });
}

/** Every citation in source and tests, in the order of paths and lines. */
export function collectCitations(catalogue: Catalogue): Citation[] {
  const reader = new CitationReader(catalogue);
  return [...sourceFiles('src', ['.ts']), ...sourceFiles('native', ['.rs']), ...sourceFiles('test', ['.ts'])]
    .filter((file) => !SILENT.test(file.path))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    .flatMap((file) => citationsIn(file, reader));
}
