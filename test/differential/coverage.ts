/** What the sequences have to reach, and what they cannot. */
import { verdictCatalogue } from '../../src/native/verdict-catalogue.ts';
import type { Tally } from './tally.ts';

/** Verdicts that packets of a translator without links, and the sites of the sequences, never end in. */
const UNREACHED: Readonly<Record<string, string>> = {
  Consumed: 'probes and address resolution are no part of a translator',
  NotProcessed: 'is no outcome',
  FrameTooLong: 'no packet of the sequences is longer than a batch takes',
  NotForThisStation: 'needs a link header',
  VlanTagged: 'needs a link header',
  ArpMalformed: 'needs a link header',
  NeighbourUnreachable: 'needs a link header',
  NeighbourTableFull: 'needs a link header',
  ResolutionQueueFull: 'needs a link header',
  PassQueueFull: 'happens behind the engine',
  TransmitFailed: 'happens behind the engine',
  HandedOver: 'happens between workers',
  WorkerRingFull: 'happens between workers',
  OutputPoolFull: 'the pool has room for all that one packet can make',
};

const OUTPUTS = [
  'Forward',
  'Reply',
  'IcmpError',
  'TcpReset',
  'Fragment',
  'ReleasedFragment',
  'tick IcmpError',
  'tick TcpReset',
];

const MARKS = ['restart', 'restore', 'port rest restored', 'tick', 'plan shun', 'plan leave', 'plan policy-numbers'];

/** What was never seen though it can be, or was seen though it is said that it cannot be. */
export function uncovered({ verdicts, outputs, marks }: Tally): string[] {
  const names = verdictCatalogue().verdicts.map(({ name }) => name);
  const wrong = names.filter((name) => verdicts.has(name) === (UNREACHED[name] !== undefined));
  const missing = OUTPUTS.filter((kind) => !outputs.has(kind));
  return [...wrong, ...missing, ...MARKS.filter((name) => !marks.has(name))];
}
