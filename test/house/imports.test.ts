/** Who may import whom: the table of ARCHITECTURE.md, made to run. */
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type SourceFile, sourceFiles, withoutTests } from './source-tree.ts';

/** Folders of `src` (or single files in it) that each folder may import beside itself. */
const TYPESCRIPT: Readonly<Record<string, readonly string[]>> = {
  net: [],
  'result.ts': [],
  'replace-file.ts': [],
  reference: [],
  pcap: ['result.ts'],
  config: ['net', 'result.ts'],
  plan: ['config', 'net', 'result.ts'],
  control: ['plan', 'config', 'net', 'result.ts'],
  native: ['plan', 'net', 'result.ts'],
  journal: ['replace-file.ts'],
  hooks: ['config', 'journal'],
  api: ['net', 'result.ts', 'replace-file.ts', 'config', 'plan', 'control', 'native', 'reference', 'journal', 'hooks'],
  daemon: ['net', 'result.ts', 'config', 'plan', 'control', 'native', 'api'],
  cli: ['net', 'result.ts', 'config', 'plan', 'pcap', 'api', 'daemon'],
  demo: ['net', 'result.ts'],
  'index.ts': ['api', 'reference', 'config', 'plan', 'control', 'native', 'journal', 'net', 'result.ts'],
};

/** Single edges beside the table, each with its reason. `type` edges vanish at build time. */
const EDGES: Readonly<Record<string, string>> = {
  'type reference -> plan/plan.ts': 'the plan is the input format of a translator: data, not code',
  'type native -> reference/translator.ts': 'the interface that both implementations obey',
  'type control -> native/data-plane.ts': 'the interface of the data plane, without the addon',
  'type daemon -> reference/translator.ts': 'rows of sessions and mappings',
  'cli -> native/map-address.ts': 'one NPTv6 implementation for the operator and the data path',
};

/** Modules of the core that each module may use; the value types of `plan` carry translators, and messages what `host` keeps, so
 * those meet. */
const CORE: Readonly<Record<string, readonly string[]>> = {
  time: [],
  wire: [],
  arch: [],
  table: ['arch'],
  verdict: [],
  share: [],
  frame: ['verdict', 'wire'],
  output: ['frame', 'verdict'],
  counters: ['plan', 'verdict'],
  session: ['arch', 'wire', 'time', 'table', 'verdict', 'counters', 'plan', 'frame', 'share'],
  nat44: ['arch', 'wire', 'time', 'table', 'verdict', 'session', 'plan', 'counters', 'frame', 'share'],
  nptv6: ['wire', 'time', 'verdict', 'plan'],
  plan: ['wire', 'time', 'frame', 'nptv6', 'session'],
  news: ['counters', 'filter', 'host', 'plan', 'session', 'share', 'verdict'],
  host: ['arch', 'wire', 'time', 'table', 'frame', 'verdict', 'output', 'counters', 'plan', 'session', 'news', 'share'],
};

const folderOf = (path: string): string => path.replace(/^src\//, '').split('/')[0] ?? '';

function edgesOf(file: SourceFile): { edge: string; from: string; to: string; target: string }[] {
  const from = folderOf(file.path);
  const text = file.lines.join('\n');
  const imports = text.matchAll(/^(?:import|export)\s+(type\s)?[^;]*?from\s+'(\.[^']+)'|import\('(\.[^']+)'\)/gm);
  return [...imports].map((match) => {
    const target = normalize(join(dirname(file.path), match[2] ?? match[3] ?? '')).replace(/^src\//, '');
    return { edge: `${match[1] ? 'type ' : ''}${from} -> ${target}`, from, to: folderOf(target), target };
  });
}

describe('imports', () => {
  it('of TypeScript follow the table', () => {
    const files = sourceFiles('src', ['.ts']);
    const edges = files.flatMap((file) => edgesOf(file).map((edge) => ({ ...edge, path: file.path })));
    expect(edges.length).toBeGreaterThan(100);
    const wrong = edges
      .filter(
        ({ from, to, edge }) => from !== to && !(TYPESCRIPT[from] ?? []).includes(to) && EDGES[edge] === undefined,
      )
      .map(({ path, edge }) => `${path}: ${edge}`);
    expect(wrong).toEqual([]);
  });

  it('list no exception that nobody uses', () => {
    const used = new Set(sourceFiles('src', ['.ts']).flatMap((file) => edgesOf(file).map(({ edge }) => edge)));
    expect(Object.keys(EDGES).filter((edge) => !used.has(edge))).toEqual([]);
  });

  it('of the reference reach nothing that the engine uses', () => {
    const wrong = sourceFiles('src/reference', ['.ts']).flatMap((file) =>
      edgesOf(file).filter(({ to, edge }) => to !== 'reference' && edge !== 'type reference -> plan/plan.ts'),
    );
    expect(wrong).toEqual([]);
  });

  it('of the raw-socket package stay behind one file', () => {
    const files = sourceFiles('src', ['.ts']).filter((file) =>
      /(?:from|import\()\s*'raw-socket'/.test(file.lines.join('\n')),
    );
    expect(files.length).toBeLessThanOrEqual(1);
  });

  it('of the core follow the table', () => {
    const root = 'native/nptd-core/src/';
    const wrong = sourceFiles(root, ['.rs']).flatMap((file) => {
      const from = file.path.slice(root.length).split('/')[0]?.replace('.rs', '') ?? '';
      const allowed = CORE[from];
      if (allowed === undefined) return [];
      const uses = [
        ...withoutTests(file)
          .join('\n')
          .matchAll(/\bcrate::(\w+)/g),
      ].map((match) => match[1] ?? '');
      return uses.filter((to) => to !== from && !allowed.includes(to)).map((to) => `${file.path}: ${from} uses ${to}`);
    });
    expect([...new Set(wrong)]).toEqual([]);
  });

  it('keep unsafe code out of everything but the modules of system calls and the one of instructions', () => {
    const allowed = [
      'native/nptd-io/src/sys/',
      'native/nptd-load/src/sys.rs',
      'native/nptd-core/src/arch.rs',
      'native/nptd-core/benches/pipeline/system.rs',
    ];
    const wrong = sourceFiles('native', ['.rs'])
      .filter((file) => !allowed.some((path) => file.path.startsWith(path)))
      .filter((file) => file.lines.some((line) => /\bunsafe\b(?!_code)/.test(line.replace(/\/\/.*$/, ''))));
    expect(wrong.map((file) => file.path)).toEqual([]);
  });
});
