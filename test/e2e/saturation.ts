/** An uplink that its own site fills to the brim, both ways and in both families: slow, and not dead. */
import { run } from '../../src/demo/processes.ts';
import { INTERNET, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { Flows, flowsOf } from './flows.ts';
import { startDownload, startUpload } from './load.ts';
import { type Change, changesSince, withProbe } from './multihoming.ts';
import { TestBed } from './test-bed.ts';

/** Connections that fill it, in each direction and family. */
const LOADS = 3;
/** The queue of the ISP's router holds this much: what does not fit is lost. */
const SHAPED = 'root tbf rate 20mbit burst 32k latency';

const tried = await run(['unshare', '-n', 'sh', '-c', `tc qdisc add dev lo ${SHAPED} 300ms`]);
/** Why it cannot be tried, where the kernel shapes nothing. */
export const shapingObstacle =
  tried.code === 0 ? undefined : 'tc shapes nothing here; to run it: apt-get install iproute2, a kernel with sch_tbf';

export interface SaturatedRun {
  readonly profile: 'default' | 'fast';
  /** Depth of the ISP's queue in each direction, in milliseconds; both together below the timeout of the profile, or full is dead. */
  readonly queueMs: number;
  readonly seconds: number;
}

export interface SaturatedResult {
  /** Changes of health and of selection. */
  readonly changes: readonly Change[];
  /** Quiet connections beside the load which ended. */
  readonly ended: number;
  /** Octets that crossed the uplink, by the counters of the ISP's device. */
  readonly octets: { readonly up: number; readonly down: number };
  /** How often a packet had to wait in the ISP's queue, since the line was busy. */
  readonly waits: { readonly up: number; readonly down: number };
}

/** Fills the first of two uplinks for some seconds, and gives what the gateway thought of it. */
export async function saturate({ profile, queueMs, seconds }: SaturatedRun): Promise<SaturatedResult> {
  await using bed = await TestBed.open({
    change: (config) => withProbe(config, [ISP_A, ISP_B], { profile, 'up-after': '1s' }),
  });
  const isp = bed.site.isp(ISP_A);
  for (const device of ['transit', ISP_A.device]) {
    await isp.runOrThrow(['sh', '-c', `tc qdisc add dev ${device} ${SHAPED} ${queueMs}ms`]);
  }
  const quiet = await Flows.open(bed.site.client, flowsOf('talk', 4, 30_000, 200));
  const [upBefore, downBefore] = await octets(bed);
  const begun = Date.now();
  for (const server of [INTERNET.web4, INTERNET.web6]) {
    for (let count = 0; count < LOADS; count += 1) {
      startUpload(bed.site.client, server);
      startDownload(bed.site.client, server);
    }
  }
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const isHealth = ({ event }: Change) => event === 'uplink-changed' || event === 'selection-changed';
  const changes = changesSince(bed, begun).filter(isHealth);
  const [upAfter, downAfter] = await octets(bed);
  const waits = { up: await waitsOf(bed, 'transit'), down: await waitsOf(bed, ISP_A.device) };
  const octetsCrossed = { up: upAfter - upBefore, down: downAfter - downBefore };
  return { changes, ended: quiet.ended().length, octets: octetsCrossed, waits };
}

async function waitsOf(bed: TestBed, device: string): Promise<number> {
  const text = await bed.site.isp(ISP_A).runOrThrow(['tc', '-s', 'qdisc', 'show', 'dev', device]);
  return Number(/qdisc tbf[\s\S]*?overlimits (\d+)/.exec(text)?.[1] ?? 0);
}

async function octets(bed: TestBed): Promise<[up: number, down: number]> {
  const folder = `/sys/class/net/${ISP_A.device}/statistics`;
  const files = ['rx_bytes', 'tx_bytes'].map((name) => `${folder}/${name}`);
  // /sys belongs to the namespace that mounted it.
  const script = `mount -t sysfs none /sys && cat ${files.join(' ')}`;
  const text = await bed.site.isp(ISP_A).runOrThrow(['unshare', '-m', 'sh', '-c', script]);
  const [up = 0, down = 0] = text.trim().split('\n').map(Number);
  return [up, down];
}
