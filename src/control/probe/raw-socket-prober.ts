/**
 * Probes of uplinks whose devices the kernel owns (`probe: { transport: raw-socket }`): one bound socket and one
 * schedule per uplink and family, with the samples of the data path's own probes.
 */
import { randomInt } from 'node:crypto';
import type { ProbeSample } from '../../native/data-plane.ts';
import type { Family } from '../family.ts';
import type { ProbeAssignment } from './assignment.ts';
import type { Echo } from './icmp-echo.ts';
import { ProbeSession } from './probe-session.ts';
import { type EchoSocket, type EchoSocketOptions, openEchoSocket } from './raw-socket-transport.ts';
import { requireRoute } from './route-check.ts';
import { parseTarget, targetText } from './target.ts';

export interface ProberListener {
  onSample(sample: ProbeSample): void;
  /** No probe can be sent; called again only after probes ran in between, or for another reason. */
  onNotProbed(slot: number, family: Family, reason: string): void;
}

/** What it needs of the machine. */
export interface ProberHost {
  openEchoSocket(options: EchoSocketOptions): Promise<EchoSocket>;
  requireRoute(device: string, family: Family, targets: readonly string[]): Promise<void>;
  /** Monotonic microseconds. */
  nowUs(): number;
}

const MACHINE: ProberHost = { openEchoSocket, requireRoute, nowUs: () => Math.round(performance.now() * 1000) };

/** How often the route is looked at: sooner than a lost route could look like a dead uplink. */
const ROUTE_CHECK_MS = 1000;

export class RawSocketProber {
  readonly #listener: ProberListener;
  readonly #host: ProberHost;
  readonly #probes = new Map<string, UplinkProbe>();

  constructor(listener: ProberListener, host: ProberHost = MACHINE) {
    this.#listener = listener;
    this.#host = host;
  }

  /** Replaces the assignments. One whose device and targets are the same goes on with its samples. */
  setProbes(assignments: readonly ProbeAssignment[]): void {
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

  close(): void {
    this.setProbes([]);
  }
}

function keyOf({ device, options }: ProbeAssignment): string {
  return [options.slot, options.family, device, ...options.targets.map(targetText)].join(' ');
}

class UplinkProbe {
  readonly #device: string;
  readonly #family: Family;
  readonly #slot: number;
  readonly #targets: readonly string[];
  readonly #listener: ProberListener;
  readonly #host: ProberHost;
  readonly #session: ProbeSession;
  /** Tells our answers from those of other programs. */
  readonly #identifier = randomInt(0x10000);
  #socket: EchoSocket | undefined;
  #reason: string | undefined;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  #routeTimer: NodeJS.Timeout | undefined;

  constructor({ device, options }: ProbeAssignment, listener: ProberListener, host: ProberHost) {
    this.#device = device;
    this.#family = options.family;
    this.#slot = options.slot;
    this.#targets = options.targets.map(targetText);
    this.#listener = listener;
    this.#host = host;
    this.#session = new ProbeSession(options, host.nowUs());
    void this.#watchRoute();
  }

  configure({ options }: ProbeAssignment): void {
    this.#session.configure(options);
    if (this.#socket !== undefined) this.#schedule();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#routeTimer);
    this.#suspend();
  }

  /** Probes only while there is a route: without one they would prove nothing. */
  async #watchRoute(): Promise<void> {
    try {
      await this.#host.requireRoute(this.#device, this.#family, this.#targets);
      if (this.#socket === undefined && !this.#closed) await this.#resume();
    } catch (error) {
      this.#giveUp(error instanceof Error ? error.message : String(error));
    }
    if (!this.#closed) this.#routeTimer = setTimeout(() => void this.#watchRoute(), ROUTE_CHECK_MS);
  }

  async #resume(): Promise<void> {
    const { device, family } = { device: this.#device, family: this.#family };
    const socket = await this.#host.openEchoSocket({
      device,
      family,
      onReply: (echo, source) => this.#onReply(echo, source),
    });
    if (this.#closed) {
      socket.close();
      return;
    }
    this.#socket = socket;
    this.#reason = undefined;
    this.#tick();
  }

  #suspend(): void {
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = undefined;
    this.#session.abandon();
  }

  #giveUp(reason: string): void {
    this.#suspend();
    if (this.#closed || reason === this.#reason) return;
    this.#reason = reason;
    this.#listener.onNotProbed(this.#slot, this.#family, reason);
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
    for (const sample of this.#session.expire(nowUs)) this.#listener.onSample(sample);
    for (const { sequence, target } of this.#session.poll(nowUs)) {
      this.#socket?.send(this.#targets[target] ?? '', { identifier: this.#identifier, sequence });
    }
    this.#schedule();
  }
}
