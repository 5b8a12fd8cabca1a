/**
 * HTTP probes of uplinks: the data path says when one is due, and gives a connection by the uplink; what comes back over it is
 * judged here, since it is text, or encrypted. The data path makes a sample of it, with the round trip of the TCP handshake.
 */
import type { DataPlane, ProbeRequest, UplinkStream } from '../../native/data-plane.ts';
import type { ProbeAssignment } from './assignment.ts';
import { statusOf } from './http-request.ts';
import { type HttpTarget, isExpected } from './http-target.ts';
import { Patience, TICK_MS } from './patience.ts';

/** How long a response may go on when its status is known. */
const LEAVE_MS = 1000;

export interface HttpProberHost {
  readonly dataPlane: Pick<DataPlane, 'connect' | 'concludeProbe'>;
  /** Certificates by the name of their file. */
  authorities(file: string): string | undefined;
  /** Monotonic milliseconds. */
  nowMs(): number;
}

export class HttpProber {
  readonly #host: HttpProberHost;
  #assignments: readonly ProbeAssignment[] = [];
  readonly #attempts = new Set<Attempt>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(host: HttpProberHost) {
    this.#host = host;
  }

  /** Replaces what targets mean; requests under way go on. */
  setProbes(assignments: readonly ProbeAssignment[]): void {
    this.#assignments = assignments;
  }

  /** Makes one probe. One of a target that is not there any more is forgotten by the data path as well. */
  probe(request: ProbeRequest): void {
    const { slot, family, list } = request;
    const assignment = this.#assignments.find(
      ({ options }) => options.slot === slot && options.family === family && options.list === list,
    );
    const target = assignment?.http[request.target];
    if (this.#closed || !target) return;
    const { dataPlane } = this.#host;
    const stream = dataPlane.connect({ slot, ...target.to });
    const attempt = new Attempt(stream, target.timeoutMs, (answered) => {
      dataPlane.concludeProbe(request, answered ? stream.rttUs : undefined);
    });
    stream.on('close', () => {
      attempt.conclude(false);
      this.#attempts.delete(attempt);
    });
    this.#attempts.add(attempt);
    this.#watch();
    void ask(target, stream, this.#ca(target)).then((answered) => attempt.conclude(answered));
  }

  /** Ends all probes, without a word about them. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const attempt of this.#attempts) attempt.abandon();
  }

  #ca({ tls }: HttpTarget): string | undefined {
    return tls?.ca === undefined ? undefined : this.#host.authorities(tls.ca);
  }

  /** Looks at the clock while there are probes. */
  #watch(): void {
    if (this.#timer !== undefined) return;
    const patience = new Patience(this.#host.nowMs());
    this.#timer = setInterval(() => {
      const { countedMs, isFair } = patience.tick(this.#host.nowMs());
      for (const attempt of this.#attempts) attempt.pass(countedMs, isFair);
      if (this.#attempts.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    }, TICK_MS).unref();
  }
}

async function ask(target: HttpTarget, stream: UplinkStream, ca: string | undefined): Promise<boolean> {
  try {
    return isExpected(target, await statusOf(target, stream, ca));
  } catch {
    return false;
  }
}

/** One probe under way: first until it is concluded, then until its stream is gone. */
class Attempt {
  readonly #stream: UplinkStream;
  readonly #onConclusion: (answered: boolean) => void;
  #remainingMs: number;
  #isConcluded = false;

  constructor(stream: UplinkStream, timeoutMs: number, onConclusion: (answered: boolean) => void) {
    this.#stream = stream;
    this.#remainingMs = timeoutMs;
    this.#onConclusion = onConclusion;
  }

  conclude(answered: boolean): void {
    if (this.#isConcluded) return;
    this.#isConcluded = true;
    this.#remainingMs = LEAVE_MS;
    this.#onConclusion(answered);
    if (!answered) this.#stream.destroy();
  }

  /** Lets time pass. */
  pass(ms: number, isFair: boolean): void {
    this.#remainingMs -= ms;
    if (this.#remainingMs > 0 || !isFair) return;
    if (this.#isConcluded) this.#stream.destroy();
    else this.conclude(false);
  }

  abandon(): void {
    this.#isConcluded = true;
    this.#stream.destroy();
  }
}
