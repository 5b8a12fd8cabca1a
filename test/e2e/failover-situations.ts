/** Failures whose course is measured, each with how long it is watched. */
import { INTERNET, type Isp, type Site } from '../../src/demo/site.ts';
import { startFlood } from './load.ts';
import {
  BLACK_HOLE,
  CARRIER_LOST,
  type Fault,
  FIRST_HOP_DEAD,
  forwardingFault,
  LOSS,
  ONE_WAY,
  TARGETS_MUTE,
  timed,
} from './multihoming.ts';
import type { ConfigObject } from './test-bed.ts';

export interface Situation {
  readonly title: string;
  readonly seconds: number;
  /** Changes to the probing. */
  readonly probe?: ConfigObject;
  readonly begin: (site: Site, isp: Isp, end: AbortSignal) => Promise<Course>;
}

/** A failure under way. */
export interface Course {
  /** Wall clock in milliseconds. */
  readonly begunMs: number;
  /** Resolves when nothing is done to the network any more, soon after the signal. */
  readonly over: Promise<void>;
}

const GROWTH_MS = 3000;
const GROWTH_PERCENT = 4;
const LOSS_PERCENT_MAX = 40;
const FLAP_MS = 5000;
/** Each adds some 50 ms to the queue. */
const QUEUERS = 4;
const SINK_PORT = 9;
const INPUT = 'type filter hook input priority 0; policy accept;';
const LATENCY_LIMIT = '150ms';

const at = (seconds: number, { title, begin }: Fault): Situation => ({
  title,
  seconds,
  begin: async (site, isp) => ({ begunMs: await begin(site, isp), over: Promise.resolve() }),
});

/** Waits; false once it is over. */
async function pause(ms: number, end: AbortSignal): Promise<boolean> {
  const until = performance.now() + ms;
  while (!end.aborted && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
  return !end.aborted;
}

async function grow(site: Site, isp: Isp, end: AbortSignal): Promise<void> {
  for (let percent = 2 * GROWTH_PERCENT; percent <= LOSS_PERCENT_MAX; percent += GROWTH_PERCENT) {
    if (!(await pause(GROWTH_MS, end))) return;
    await BLACK_HOLE.end(site, isp);
    await losing(percent).begin(site, isp);
  }
}

const losing = (percent: number) => forwardingFault(`${percent} % loss`, `numgen random mod 100 < ${percent} drop;`);

async function flap(site: Site, isp: Isp, end: AbortSignal): Promise<void> {
  for (let dead = true; await pause(FLAP_MS, end); dead = !dead) {
    await (dead ? BLACK_HOLE.end : BLACK_HOLE.begin)(site, isp);
  }
}

/**
 * Somebody else's datagrams fill a queue of the ISP. What a socket may have under way (net.core.wmem_default) is less than the
 * queue holds, so that some of them make it long and lose nothing.
 */
async function congest(site: Site, isp: Isp): Promise<Course> {
  const namespace = site.isp(isp);
  await site.internet.nft(`table inet sink { chain in { ${INPUT} udp dport ${SINK_PORT} drop; }; }`);
  const begunMs = await timed(namespace, 'tc qdisc add dev transit root tbf rate 10mbit burst 16k latency 2s');
  for (let count = 0; count < QUEUERS; count += 1) startFlood(namespace, INTERNET.web4, SINK_PORT);
  return { begunMs, over: Promise.resolve() };
}

export const SITUATIONS: readonly Situation[] = [
  at(8, BLACK_HOLE),
  at(8, FIRST_HOP_DEAD),
  at(8, CARRIER_LOST),
  at(8, ONE_WAY),
  at(25, LOSS),
  {
    title: `slow brown-out: loss grows by ${GROWTH_PERCENT} % every ${GROWTH_MS / 1000} s to ${LOSS_PERCENT_MAX} %, each way`,
    seconds: 40,
    begin: async (site, isp, end) => {
      const begunMs = await losing(GROWTH_PERCENT).begin(site, isp);
      return { begunMs, over: grow(site, isp, end) };
    },
  },
  {
    title: `slow: others fill a queue of the ISP (\`degraded: { latency: ${LATENCY_LIMIT} }\`)`,
    seconds: 25,
    probe: { degraded: { latency: LATENCY_LIMIT } },
    begin: congest,
  },
  {
    title: `dead and alive in turn, ${FLAP_MS / 1000} s each, behind a live first hop`,
    seconds: 32,
    begin: async (site, isp, end) => {
      const begunMs = await BLACK_HOLE.begin(site, isp);
      return { begunMs, over: flap(site, isp, end) };
    },
  },
  at(15, TARGETS_MUTE),
];
