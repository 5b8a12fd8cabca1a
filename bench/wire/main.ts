/**
 * `npm run bench:wire [-- --json FILE] [-- --quick] [-- --device tap|packet|xdp] [-- --workers N] [-- --busy-poll US] [-- CASE]`: nptd beside the kernel's own
 * translators and an empty forwarder, in alternation. `scripts/lib/bench.mjs` starts it in namespaces of its own.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Network } from '../../src/demo/network.ts';
import { chosen, UsageError } from '../lib/options.ts';
import { figure, machine, writeReport } from '../lib/report.ts';
import { CASES, type WireCase } from './cases.ts';
import { GATEWAY_NAMES, type GatewayName, openPath, type Programs } from './gateways.ts';
import { parseWireOptions, type WireOptions } from './options.ts';
import { LEGEND, lineOf, type Rounds, rowOf, type WireRow, wireTable } from './rows.ts';
import { FAILED, type Sample, Traffic } from './traffic.ts';

const LENGTHS = { full: { rounds: 7, seconds: 1 }, quick: { rounds: 3, seconds: 0.5 } };

type Paths = ReadonlyMap<GatewayName, Traffic>;

async function main(given: readonly string[]): Promise<void> {
  const options = parseWireOptions(given);
  const cases = chosen(CASES, options);
  const length = options.quick ? LENGTHS.quick : LENGTHS.full;
  const folder = await mkdtemp(join(tmpdir(), 'nptd-wire-'));
  const network = new Network(`nptd-${process.pid}-`);
  const cleanUp = async () => {
    await network.close();
    await rm(folder, { recursive: true, force: true });
  };
  let stopped = false;
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => {
      stopped = true;
      void cleanUp().finally(() => process.exit(code));
    });
  }
  try {
    const [nptd, load] = [resolve('dist/cli/main.js'), resolve('native/target/release/nptd-load')];
    const programs: Programs = { nptd, load, finishAll: resolve('test/e2e/no-offload.pl'), folder, options };
    const paths = await openPaths(network, neededBy(cases), programs);
    const rows = await measureAll(cases, length, options, paths);
    if (options.json !== undefined) {
      writeReport(options.json, rows);
      process.stdout.write(`\nwritten to ${options.json}\n`);
    }
  } catch (error) {
    // Programs that were stopped in the middle of their work fail, and nobody wants to hear of it.
    if (stopped) await new Promise(() => {});
    throw error;
  } finally {
    if (!stopped) await cleanUp();
  }
}

function neededBy(cases: readonly WireCase[]): GatewayName[] {
  const needed = new Set<GatewayName>(['forwarder', ...cases.flatMap(({ nptd, peer }) => [nptd, peer])]);
  return GATEWAY_NAMES.filter((name) => needed.has(name));
}

async function openPaths(network: Network, names: readonly GatewayName[], programs: Programs): Promise<Paths> {
  const paths = new Map<GatewayName, Traffic>();
  for (const name of names) {
    say(`opening ${name} …`);
    paths.set(name, await Traffic.over(await openPath(network, name, programs), programs));
  }
  return paths;
}

type Length = (typeof LENGTHS)['full'];

async function measureAll(
  cases: readonly WireCase[],
  length: Length,
  { workers, busyPoll }: WireOptions,
  paths: Paths,
): Promise<WireRow[]> {
  const threads = workers === 1 ? 'one worker' : `${workers} workers`;
  const looks = busyPoll === 0 ? '' : `; before it sleeps, a worker looks for more for ${busyPoll} us`;
  process.stdout.write(
    `${machine()}\n${length.rounds} rounds of ${length.seconds} s, medians; nptd has ${threads}${looks}\n\n${wireTable.head}`,
  );
  const rows: WireRow[] = [];
  for (const one of cases) {
    const row = rowOf(one, await measure(one, length, paths), { workers, busyPoll });
    process.stdout.write(lineOf(row, one.goal.less === true));
    rows.push(row);
  }
  process.stdout.write(`\n${LEGEND}\n`);
  return rows;
}

/** Every round measures all gateways, each time from another one on: nobody always comes first. */
async function measure(one: WireCase, { rounds, seconds }: Length, paths: Paths): Promise<Rounds> {
  const names: GatewayName[] = [one.peer, one.nptd, 'forwarder'];
  const samples = new Map(names.map((name): [GatewayName, Sample[]] => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    const order = names.map((_, place) => names[(place + round) % names.length] ?? 'forwarder');
    for (const name of order) {
      const traffic = paths.get(name);
      if (traffic === undefined) throw new Error(`${name} was not opened`);
      samples.get(name)?.push(await attempt(() => one.sample(traffic, seconds), name));
    }
    const now = names.map((name) => `${name} ${figure(samples.get(name)?.at(-1)?.value)}`).join(', ');
    say(`${one.name}, round ${round + 1} of ${rounds}: ${now} ${one.unit}`);
  }
  return samples;
}

/** A measurement that went wrong says nothing, and does not take the others with it. */
async function attempt(sample: () => Promise<Sample>, name: GatewayName): Promise<Sample> {
  try {
    return await sample();
  } catch (error) {
    say(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    return FAILED;
  }
}

/** Progress, beside the table that may go to a file. */
function say(text: string): void {
  process.stderr.write(`  ${text}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`bench:wire: ${error.message}\n`);
  process.exitCode = 2;
}
