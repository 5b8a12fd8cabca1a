/** Samples of a case → its row, and the row → a line for people. */
import { figure, type Row, Table } from '../lib/report.ts';
import { median, medianRatio, spreadPercent } from '../lib/statistics.ts';
import { FORWARDER_SHARE, type WireCase } from './cases.ts';
import type { GatewayName } from './gateways.ts';
import type { Sample } from './traffic.ts';

/** Samples of one gateway, one a round. */
export type Rounds = ReadonlyMap<GatewayName, readonly Sample[]>;

export interface WireRow extends Row {
  /** Threads of nptd that carry packets. */
  readonly workers: number;
  /** Microseconds for which they look for more before they sleep. */
  readonly busyPoll: number;
  /** Median of nptd, in `unit`. */
  readonly value: number;
  /** Median of the kernel's own translator. */
  readonly peer: number;
  readonly peerName: string;
  /** Median of nptd / kernel, round by round. */
  readonly ratio: number;
  /** Median of the empty forwarder on the same devices. */
  readonly forwarder: number;
  /** Median of nptd / forwarder, round by round. */
  readonly forwarderRatio: number;
  /** What `ratio` has to be at least, or at most for a latency. */
  readonly goal: number;
  readonly met: boolean;
  /** Greatest less smallest sample of nptd, in per cent of the median. */
  readonly spreadPercent: number;
  /** Nanoseconds of processor time per packet, segment, connection or round trip; everybody on the path counts. */
  readonly cpuNs: { readonly nptd: number; readonly peer: number; readonly forwarder: number };
  readonly rounds: number;
  /** Measurements that went wrong and do not count, of all three. */
  readonly failed: number;
}

export function rowOf(
  one: WireCase,
  rounds: Rounds,
  { workers, busyPoll }: { readonly workers: number; readonly busyPoll: number } = { workers: 1, busyPoll: 0 },
): WireRow {
  const values = (name: GatewayName) => (rounds.get(name) ?? []).map(({ value }) => value);
  const cpu = (name: GatewayName) => middle((rounds.get(name) ?? []).map(({ cpuNs }) => cpuNs));
  const [own, peer, forwarder] = [values(one.nptd), values(one.peer), values('forwarder')];
  const ratio = medianRatio(own, peer);
  return {
    case: one.name,
    workers,
    busyPoll,
    value: middle(own),
    unit: one.unit,
    peer: middle(peer),
    peerName: one.peerName,
    ratio,
    forwarder: middle(forwarder),
    forwarderRatio: medianRatio(own, forwarder),
    goal: one.goal.ratio,
    met: one.goal.less ? ratio <= one.goal.ratio : ratio >= one.goal.ratio,
    spreadPercent: spreadPercent(own.filter(Number.isFinite)),
    cpuNs: { nptd: cpu(one.nptd), peer: cpu(one.peer), forwarder: cpu('forwarder') },
    rounds: own.length,
    failed: [own, peer, forwarder].flat().filter(Number.isNaN).length,
  };
}

/** Of those that did not go wrong. */
const middle = (samples: readonly number[]): number => median(samples.filter(Number.isFinite));

export const wireTable = new Table([
  ['case', 26],
  ['unit', 10],
  ['nptd', 7],
  ['spread', 6],
  ['kernel', 7],
  ['ratio', 5],
  ['goal', 8],
  ['forwarder', 9],
  ['ratio', 5],
  ['ns: nptd', 9],
  ['kernel', 7],
  ['forwarder', 9],
]);

export function lineOf(row: WireRow, less: boolean): string {
  return wireTable.line([
    row.case,
    row.unit,
    figure(row.value),
    Number.isFinite(row.spreadPercent) ? `${row.spreadPercent.toFixed(0)} %` : '-',
    figure(row.peer),
    share(row.ratio),
    `${less ? '≤' : '≥'} ${row.goal.toFixed(2)}${row.met ? ' ' : '!'}`,
    figure(row.forwarder),
    share(row.forwarderRatio),
    figure(row.cpuNs.nptd),
    figure(row.cpuNs.peer),
    figure(row.cpuNs.forwarder),
  ]);
}

const share = (ratio: number): string => (Number.isFinite(ratio) ? ratio.toFixed(2) : '-');

export const LEGEND = [
  'kernel: IPv4 nftables masquerade; IPv6 ip6tables SNPT/DNPT without connection tracking, and with it beside our filter',
  `forwarder: frames between the same devices, unchanged; nptd / forwarder should reach ${FORWARDER_SHARE.toFixed(2)}`,
  'ns: processor time of sender, gateway and receiver for a packet, a full TCP segment, a connection or a round trip',
  '!: the goal is not reached',
].join('\n');
