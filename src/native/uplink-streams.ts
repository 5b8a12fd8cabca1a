/** TCP connections by uplinks as streams of Node, over the stack in Rust. */
import { Duplex } from 'node:stream';
import type { BindingDataPlane, BindingStreamNews } from './binding.js';
import type { StreamTarget, UplinkStream } from './data-plane.ts';
import { unwrap } from './unwrap-error.ts';

/** Most octets that a stream takes from its peer in all: whoever sends more is cut off. */
const OCTETS_MAX = 256 << 10;

type Native = Pick<
  BindingDataPlane,
  'openStream' | 'writeStream' | 'finishStream' | 'abandonStream' | 'takeStreamNews'
>;

/** All streams of a data plane. */
export class UplinkStreams {
  readonly #native: Native;
  readonly #streams = new Map<number, NativeStream>();

  constructor(native: Native) {
    this.#native = native;
  }

  open(target: StreamTarget): UplinkStream {
    const stream = new NativeStream(this.#native, target, (id) => this.#streams.delete(id));
    if (stream.id !== undefined) this.#streams.set(stream.id, stream);
    return stream;
  }

  /** Gives the streams what is new. */
  deliver(): void {
    for (const news of this.#native.takeStreamNews()) this.#streams.get(news.id)?.hear(news);
  }

  /** Destroys all streams. */
  close(): void {
    for (const stream of [...this.#streams.values()]) stream.destroy(new Error('the data plane was closed'));
  }
}

interface Waiting {
  readonly octets: Uint8Array;
  readonly done: (error?: Error) => void;
}

class NativeStream extends Duplex implements UplinkStream {
  /** Undefined if it could not be opened. */
  readonly id: number | undefined;
  readonly #native: Native;
  readonly #forget: (id: number) => void;
  #rttUs: number | undefined;
  #received = 0;
  /** What found no room in Rust. */
  #waiting: Waiting | undefined;

  constructor(native: Native, target: StreamTarget, forget: (id: number) => void) {
    super({ allowHalfOpen: true });
    this.#native = native;
    this.#forget = forget;
    try {
      this.id = unwrap(native.openStream(target));
    } catch (error) {
      this.id = undefined;
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  get rttUs(): number | undefined {
    return this.#rttUs;
  }

  hear({ connectedUs, octets, ended, writable, failed }: BindingStreamNews): void {
    this.#rttUs ??= connectedUs;
    if (octets !== undefined) {
      this.#received += octets.length;
      if (this.#received > OCTETS_MAX) {
        this.destroy(new Error(`more than ${OCTETS_MAX} octets came`));
        return;
      }
      // What is too much is refused in all, so a reader that is late needs no other limit.
      this.push(octets);
    }
    if (ended) this.push(null);
    if (writable) this.#flush();
    if (failed !== undefined) this.destroy(new Error(failed));
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this.#waiting = { octets: chunk, done };
    this.#flush();
  }

  override _final(done: () => void): void {
    if (this.id !== undefined) this.#native.finishStream(this.id);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.id !== undefined) {
      this.#forget(this.id);
      this.#native.abandonStream(this.id);
    }
    this.#waiting = undefined;
    done(error);
  }

  #flush(): void {
    const { id } = this;
    if (id === undefined || this.#waiting === undefined) return;
    const { octets, done } = this.#waiting;
    const taken = this.#native.writeStream(id, octets);
    this.#waiting = taken < octets.length ? { octets: octets.subarray(taken), done } : undefined;
    if (this.#waiting === undefined) done();
  }
}
