/** `npm run bench:workloads [-- FOLDER [CASE]]`: writes the workloads as captures, with the site they belong to. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LINK_TYPE } from '../../src/pcap/format.ts';
import { writePcap } from '../../src/pcap/write.ts';
import { SITE } from './site.ts';
import { framesOf, WORKLOADS, type Workload } from './workload.ts';

/** Frames are a microsecond apart, from the first second of 2026 on. */
const START_US = Date.UTC(2026, 0, 1) * 1000;

function main(given: readonly string[]): number {
  const [folder = '.nptd/workloads', wanted] = given;
  const workloads = WORKLOADS.filter(({ name, large }) => (wanted === undefined ? !large : name.includes(wanted)));
  if (workloads.length === 0 || given.length > 2 || folder.startsWith('-')) {
    process.stderr.write(`usage: [FOLDER [CASE]]; cases: ${WORKLOADS.map(({ name }) => name).join(', ')}\n`);
    return 2;
  }
  mkdirSync(folder, { recursive: true });
  const entries = workloads.map((workload) => write(folder, workload));
  writeFileSync(join(folder, 'site.yaml'), SITE);
  writeFileSync(
    join(folder, 'workloads.json'),
    `${JSON.stringify({ site: 'site.yaml', workloads: entries }, undefined, 2)}\n`,
  );
  return 0;
}

function write(folder: string, workload: Workload) {
  const { name, description, flows } = workload;
  const frames = framesOf(workload).map((octets, index) => ({ timeUs: START_US + index, octets }));
  const file = `${name}.pcap`;
  writeFileSync(join(folder, file), writePcap(frames, LINK_TYPE.ethernet));
  process.stdout.write(`${join(folder, file)}: ${frames.length.toLocaleString('en-US')} frames\n`);
  return { file, name, description, flows, frames: frames.length, opening: flows, device: 'site' };
}

process.exitCode = main(process.argv.slice(2));
