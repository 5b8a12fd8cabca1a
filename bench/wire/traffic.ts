/** Traffic over one path, and what became of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Background } from '../../src/demo/processes.ts';
import { type Family, SERVER, serverAddress } from './addresses.ts';
import { cpuNsOf, packetThreads } from './cpu.ts';
import type { Path, Programs } from './gateways.ts';

/** One measurement. */
export interface Sample {
  readonly value: number;
  /**
   * Processor time of all that took part (sender, gateway, receiver, the kernel's packet threads) for one unit of work:
   * a packet, a full TCP segment, a connection, a round trip.
   */
  readonly cpuNs: number;
}

/** One that went wrong. */
export const FAILED: Sample = { value: Number.NaN, cpuNs: Number.NaN };

/** Flows of a flood: source ports times destination ports. */
export interface Grid {
  readonly sources: number;
  readonly destinations: number;
}

const READY_MS_MAX = 10_000;
/** Programs that should have ended are given up after this. */
const GRACE_MS = 15_000;

/** Octets of payload that make a frame of 64 octets, its check sequence included; in IPv6 the least is 66. */
const PAYLOAD: Readonly<Record<Family, number>> = { 4: 18, 6: 0 };

/** A rate that every gateway carries without loss: to see what a packet costs, not what losing others costs. */
const PACED_PPS = 50_000;
const PACED_SECONDS = 0.6;
/** Until a flood flows, and until its last packets have arrived. */
const RAMP_S = 0.25;

const WARM_UP_SECONDS = 0.2;

/** Payload of a full segment, to have a unit of work. */
const SEGMENT_OCTETS = 1448;

const counted = z.object({ packets: z.number(), ns: z.number() });
const flooded = z.object({ packets: z.number(), cpuNs: z.number() });
const connected = z.object({ connections: z.number(), failed: z.number(), seconds: z.number(), cpuNs: z.number() });
const pinged = z.object({ p50Ns: z.number(), count: z.number(), lost: z.number(), cpuNs: z.number() });
const iperf = z.object({
  error: z.string().optional(),
  end: z
    .object({
      sum_received: z.object({ bits_per_second: z.number(), bytes: z.number() }),
      cpu_utilization_percent: z.object({ host_total: z.number(), remote_total: z.number() }),
    })
    .optional(),
});

/** A path with the far end running. */
export class Traffic {
  readonly path: Path;
  readonly #load: string;
  readonly #server: Background;
  readonly #packetThreads = packetThreads();

  private constructor(path: Path, load: string, server: Background) {
    this.path = path;
    this.#load = load;
    this.#server = server;
  }

  static async over(path: Path, { load }: Programs): Promise<Traffic> {
    const server = path.server.start([load, 'serve', '--address', SERVER.ipv4, '--address', SERVER.ipv6]);
    await server.waitForLine((line) => line.includes('"ready"'), READY_MS_MAX);
    const traffic = new Traffic(path, load, server);
    // The first packets resolve addresses; they do not count.
    for (const family of [4, 6] as const) await traffic.latency(family, WARM_UP_SECONDS);
    return traffic;
  }

  /** Thousands of datagrams of the least size that arrive per second while as many are sent as can be. */
  async flood(family: Family, { sources, destinations }: Grid, seconds: number): Promise<Sample> {
    const grid = ['--sources', `${sources}`, '--destinations', `${destinations}`, '--payload', `${PAYLOAD[family]}`];
    const flood = this.#start(family, 'flood', seconds + 2 * RAMP_S, grid);
    await sleep(RAMP_S * 1000);
    const from = await this.#count();
    await sleep(seconds * 1000);
    const to = await this.#count();
    await finished(flood, flooded);
    const value = ((to.packets - from.packets) / (to.ns - from.ns)) * 1e6;
    return { value, cpuNs: await this.#paced(family, grid) };
  }

  /** Gigabits of payload per second over parallel connections. */
  async streams(family: Family, count: number, seconds: number): Promise<Sample> {
    const time = Math.max(1, Math.round(seconds));
    // One server a measurement: one that waits for the rest of a broken measurement would refuse all others.
    await using server = this.path.server.start(['iperf3', '-s', '-1', '--forceflush']);
    await server.waitForLine((line) => line.includes('listening'), READY_MS_MAX);
    const cpu = this.#cpuNs();
    const words = ['iperf3', '-c', serverAddress(family), '-t', `${time}`, '-P', `${count}`, '-J'];
    const { error, end } = await finished(this.path.client.start(words), iperf);
    if (error !== undefined || end === undefined) throw new Error(`iperf3: ${error}`);
    const { bits_per_second, bytes } = end.sum_received;
    const { host_total, remote_total } = end.cpu_utilization_percent;
    const hosts = ((host_total + remote_total) / 100) * time * 1e9;
    return { value: bits_per_second / 1e9, cpuNs: (this.#cpuNs() - cpu + hosts) / (bytes / SEGMENT_OCTETS) };
  }

  /** Thousands of connections per second, opened and closed one after the other. */
  async connections(family: Family, seconds: number): Promise<Sample> {
    const cpu = this.#cpuNs();
    const result = await finished(this.#start(family, 'connect', seconds, []), connected);
    if (result.failed > result.connections / 100) {
      throw new Error(
        `${this.path.name}: ${result.failed} of ${result.connections + result.failed} connections failed`,
      );
    }
    const cpuNs = (this.#cpuNs() - cpu + result.cpuNs) / result.connections;
    return { value: result.connections / result.seconds / 1000, cpuNs };
  }

  /** Microseconds of one datagram there and back on an idle path, half of them faster. */
  async latency(family: Family, seconds: number): Promise<Sample> {
    const cpu = this.#cpuNs();
    const result = await finished(this.#start(family, 'ping', seconds, []), pinged);
    return { value: result.p50Ns / 1000, cpuNs: (this.#cpuNs() - cpu + result.cpuNs) / result.count };
  }

  /** Processor time of one packet of a flood that nobody has to drop from. */
  async #paced(family: Family, grid: readonly string[]): Promise<number> {
    const [cpu, from] = [this.#cpuNs(), await this.#count()];
    const flood = this.#start(family, 'flood', PACED_SECONDS, [...grid, '--rate', `${PACED_PPS}`]);
    const { cpuNs } = await finished(flood, flooded);
    await sleep(50);
    const to = await this.#count();
    return (this.#cpuNs() - cpu + cpuNs) / (to.packets - from.packets);
  }

  #start(family: Family, command: string, seconds: number, more: readonly string[]): Background {
    const common = [this.#load, command, '--to', serverAddress(family), '--seconds', `${seconds}`];
    return this.path.client.start([...common, ...more]);
  }

  async #count(): Promise<z.infer<typeof counted>> {
    const seen = this.#server.lines.length;
    this.#server.write('count\n');
    await this.#server.waitForLine(() => this.#server.lines.length > seen, READY_MS_MAX);
    return counted.parse(JSON.parse(this.#server.lines[seen] ?? ''));
  }

  /** Of everything that lives longer than one measurement. */
  #cpuNs(): number {
    const own = [this.#server, this.path.gateway].map((program) => program?.pid);
    const pids = [...own.filter((pid) => pid !== undefined), ...this.#packetThreads];
    return pids.reduce((sum, pid) => sum + cpuNsOf(pid), 0);
  }
}

async function finished<T>(program: Background, shape: z.ZodType<T>): Promise<T> {
  const timer = setTimeout(() => program.signal('SIGKILL'), GRACE_MS);
  const code = await program.ended();
  clearTimeout(timer);
  const text = program.lines.join('\n');
  if (code !== 0) throw new Error(`exit code ${code}: ${text.slice(0, 200)}`);
  return shape.parse(JSON.parse(text));
}
