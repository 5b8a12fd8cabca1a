/**
 * Probes of uplinks whose devices the kernel owns (`probe: { transport: raw-socket }`): one bound socket and one
 * schedule per list of targets, with the samples of the data path's own probes.
 */
import { randomInt } from 'node:crypto';
import type { ProbeSample } from '../../native/data-plane.ts';
import type { Family } from '../family.ts';
import type { ProbedList } from '../state.ts';
import type { ProbeAssignment } from './assignment.ts';
import type { Echo } from './icmp-echo.ts';
import { ProbeSession } from './probe-session.ts';
import { type EchoSocket, type EchoSocketOptions, openEchoSocket } from './raw-socket-transport.ts';
import { requireRoute } from './route-check.ts';
import { parseTarget, targetText } from './target.ts';

export interface ProberListener {
  onSample(sample: ProbeSample): void;
  /** No probe can be sent; called again only after probes ran in between, or for another reason. */
  onNotProbed(list: ProbedList, reason: string): void;
}

/** What it needs of the machine. */
export interface ProberHost {
  openEchoSocket(options: EchoSocketOptions): Promise<EchoSocket>;
  requireRoute(device: string, family: Family, targets: readonly string[]): Promise<void>;
  /** Monotonic microseconds. */
  nowUs(): number;
}

const MACHINE: ProberHost = { openEchoSocket, requireRoute, nowUs: () => Math.round(performance.now() * 1000) };

/** How often a route is looked for while there is none. */
const ROUTE_CHECK_MS = 500;

export class RawSocketProber {
  readonly #listener: ProberListener;
  readonly #host: ProberHost;
  readonly #probes = new Map<string, UplinkProbe>();
  #closed = false;

  constructor(listener: ProberListener, host: ProberHost = MACHINE) {
    this.#listener = listener;
    this.#host = host;
  }

  /** Replaces the assignments. One whose device and targets are the same goes on with its samples. */
  setProbes(assignments: readonly ProbeAssignment[]): void {
    if (!this.#closed) this.#replace(assignments);
  }

  /** Ends all probes; what is assigned after it is not probed. */
  close(): void {
    this.#closed = true;
    this.#replace([]);
  }

  #replace(assignments: readonly ProbeAssignment[]): void {
    const wanted = new Map(assignments.map((assignment) => [keyOf(assignment), assignment]));
    for (const [key, probe] of this.#probes) {
      if (wanted.has(key)) continue;
      probe.close();
      this.#probes.delete(key);
    }
    for (const [key, assignment] of wanted) {
      const known = this.#probes.get(key);
      if (known !== undefined) known.configure(assignment);
      else this.#probes.set(key, new UplinkProbe(assignment, this.#listener, this.#host));
    }
  }
}

function keyOf({ device, options }: ProbeAssignment): string {
  return [options.slot, options.family, options.list, device, ...options.targets.map(targetText)].join(' ');
}

class UplinkProbe {
  readonly #device: string;
  readonly #list: ProbedList;
  readonly #targets: readonly string[];
  readonly #listener: ProberListener;
  readonly #host: ProberHost;
  readonly #session: ProbeSession;
  /** Tells our answers from those of other programs. */
  readonly #identifier = randomInt(0x10000);
  /** Misses that wait for a look at the route. */
  readonly #held: ProbeSample[] = [];
  #socket: EchoSocket | undefined;
  #reason: string | undefined;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor({ device, options }: ProbeAssignment, listener: ProberListener, host: ProberHost) {
    this.#device = device;
    this.#list = { slot: options.slot, family: options.family, list: options.list };
    this.#targets = options.targets.map(targetText);
    this.#listener = listener;
    this.#host = host;
    this.#session = new ProbeSession(options, host.nowUs());
    void this.#resume();
  }

  configure({ options }: ProbeAssignment): void {
    this.#session.configure(options, this.#host.nowUs());
    if (this.#socket !== undefined) this.#schedule();
  }

  close(): void {
    this.#closed = true;
    this.#suspend();
  }

  /** Begins to probe once there is a route; without one probes would prove nothing. */
  async #resume(): Promise<void> {
    const { device, family } = { device: this.#device, family: this.#list.family };
    try {
      await this.#host.requireRoute(device, family, this.#targets);
      const onReply = (echo: Echo, source: string) => this.#onReply(echo, source);
      const socket = await this.#host.openEchoSocket({ device, family, onReply });
      if (this.#closed) return socket.close();
      this.#socket = socket;
      this.#reason = undefined;
      this.#tick();
    } catch (error) {
      this.#giveUp(error);
    }
  }

  /**
   * A probe without a route misses like one into a dead uplink, so misses are told only after a look at the route.
   * Those that come up meanwhile are held back with them.
   */
  async #tellMisses(misses: readonly ProbeSample[]): Promise<void> {
    const looking = this.#held.length > 0;
    this.#held.push(...misses);
    if (looking || misses.length === 0) return;
    try {
      await this.#host.requireRoute(this.#device, this.#list.family, this.#targets);
      for (const miss of this.#held.splice(0)) this.#listener.onSample(miss);
    } catch (error) {
      this.#giveUp(error);
    }
  }

  #suspend(): void {
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = undefined;
    this.#session.abandon();
    this.#held.length = 0;
  }

  #giveUp(error: unknown): void {
    if (this.#closed) return;
    this.#suspend();
    this.#timer = setTimeout(() => void this.#resume(), ROUTE_CHECK_MS);
    const reason = error instanceof Error ? error.message : String(error);
    if (reason === this.#reason) return;
    this.#reason = reason;
    this.#listener.onNotProbed(this.#list, reason);
  }

  #onReply({ identifier, sequence }: Echo, source: string): void {
    if (identifier !== this.#identifier) return;
    const target = this.#session.targetOf(sequence);
    if (target === undefined || this.#targets[target] !== parseTarget(source)?.text) return;
    const sample = this.#session.answer(sequence, this.#host.nowUs());
    if (sample !== undefined) this.#listener.onSample(sample);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const delayMs = Math.max(0, (this.#session.nextAtUs() - this.#host.nowUs()) / 1000);
    // A late event loop still reads the answers that wait in the socket before anything is called a miss.
    this.#timer = setTimeout(() => setImmediate(() => this.#tick()), Math.ceil(delayMs));
  }

  #tick(): void {
    if (this.#socket === undefined) return;
    const nowUs = this.#host.nowUs();
    void this.#tellMisses(this.#session.expire(nowUs));
    for (const { sequence, target } of this.#session.poll(nowUs)) {
      this.#socket.send(this.#targets[target] ?? '', { identifier: this.#identifier, sequence });
    }
    this.#schedule();
  }
}
