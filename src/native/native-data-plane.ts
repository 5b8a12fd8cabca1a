/** The data plane in Rust: TAP devices, worker threads, and their events. */
import type { Plan } from '../plan/plan.ts';
import type { MappingRow, PortRest, SessionRow } from '../reference/translator.ts';
import type { BindingDataPlane } from './binding.js';
import type {
  CountersSnapshot,
  DataPlane,
  DataPlaneEvent,
  DataPlaneOptions,
  FlowExplanation,
  FlowQuestion,
  PassedFrame,
  ProbeOptions,
  ProbeRequest,
  StreamTarget,
  UplinkStream,
} from './data-plane.ts';
import { binding } from './load-binding.ts';
import { throwIfFailed, unwrap } from './unwrap-error.ts';
import { UplinkStreams } from './uplink-streams.ts';

/**
 * Makes the devices and starts the workers. Nothing is forwarded before the first plan.
 * Rejects with a `NativeError`, or an `AddonUnavailable`; then nothing is left behind.
 */
export async function openDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  return new NativeDataPlane(unwrap(await binding().BindingDataPlane.open(options)));
}

class NativeDataPlane implements DataPlane {
  readonly #native: BindingDataPlane;
  readonly #listeners = new Set<(event: DataPlaneEvent) => void>();
  readonly #probers = new Set<(request: ProbeRequest) => void>();
  readonly #streams: UplinkStreams;
  #closing: Promise<void> | undefined;

  constructor(native: BindingDataPlane) {
    this.#native = native;
    this.#streams = new UplinkStreams(native);
  }

  get generation(): number {
    return this.#native.generation;
  }

  async applyPlan(plan: Plan): Promise<void> {
    throwIfFailed(await this.#native.applyPlan(plan));
  }

  setProbes(probes: readonly ProbeOptions[]): void {
    throwIfFailed(this.#native.setProbes(probes));
  }

  onProbeRequest(listener: (request: ProbeRequest) => void): () => void {
    const entry = (request: ProbeRequest) => listener(request);
    this.#probers.add(entry);
    return () => {
      this.#probers.delete(entry);
    };
  }

  concludeProbe(request: ProbeRequest, rttUs?: number): void {
    const failure = this.#native.concludeProbe(request, rttUs);
    // One that finds no room, or nobody any more, is forgotten: it says nothing.
    if (failure?.code !== 'Busy' && failure?.code !== 'Stopped') throwIfFailed(failure);
  }

  connect(target: StreamTarget): UplinkStream {
    return this.#streams.open(target);
  }

  counters(): CountersSnapshot {
    return this.#native.counters();
  }

  async sessions(limit: number): Promise<SessionRow[]> {
    return unwrap(await this.#native.sessions(limit));
  }

  async mappings(limit: number): Promise<MappingRow[]> {
    return unwrap(await this.#native.mappings(limit));
  }

  async explain(flow: FlowQuestion): Promise<FlowExplanation> {
    return unwrap(await this.#native.explain(flow));
  }

  async portRests(): Promise<PortRest[]> {
    return unwrap(await this.#native.portRests());
  }

  restorePortRests(rests: readonly PortRest[]): void {
    throwIfFailed(this.#native.restorePortRests(rests));
  }

  takePassed(): PassedFrame[] {
    return this.#native.takePassed();
  }

  inject(device: number, octets: Uint8Array): boolean {
    return unwrap(this.#native.inject(device, octets));
  }

  onEvent(listener: (event: DataPlaneEvent) => void): () => void {
    // One listener may be added twice; each time has its own end.
    const entry = (event: DataPlaneEvent) => listener(event);
    this.#listeners.add(entry);
    // Events wait in Rust while nobody listens, and are announced to the first who does.
    if (this.#listeners.size === 1) this.#native.onEvents(() => this.#deliver());
    return () => {
      this.#listeners.delete(entry);
    };
  }

  close(): Promise<void> {
    if (this.#closing === undefined) this.#streams.close();
    this.#closing ??= this.#native.close().then(() => undefined);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #deliver(): void {
    if (this.#listeners.size === 0) return;
    for (const event of this.#native.takeEvents()) {
      switch (event.type) {
        case 'stream-news':
          this.#streams.deliver();
          break;
        case 'probe-requested':
          for (const prober of this.#probers) report(prober, event.request);
          break;
        default:
          for (const listener of this.#listeners) report(listener, event);
      }
    }
  }
}

/** A listener that throws must not keep events from the others; its error is as uncaught as in any event emitter. */
function report<T>(listener: (event: T) => void, event: T): void {
  try {
    listener(event);
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
