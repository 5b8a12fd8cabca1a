/** The lifecycle of a gateway: what it opens, in which order, and how all of it goes away again. */
import { randomBytes } from 'node:crypto';
import type { NptdConfig } from '../config/config.ts';
import { Controller } from '../control/controller.ts';
import type { UplinkMode } from '../control/multihoming/standing.ts';
import type { LogEntry } from '../control/notice.ts';
import { HttpProber } from '../control/probe/http-prober.ts';
import { RawSocketProber } from '../control/probe/raw-socket-prober.ts';
import { type Assumption, type SimulatedPolicy, simulate } from '../control/simulate.ts';
import type { ControlEvent, ControlState } from '../control/state.ts';
import type { DataPlane, PassedFrame } from '../native/data-plane.ts';
import { configNotes } from '../plan/notes.ts';
import { assignSlots } from '../plan/slots.ts';
import type { MappingRow, SessionRow } from '../reference/translator.ts';
import { type Authorities, readAuthorities } from './authorities.ts';
import { messageOf, NptdError } from './errors.ts';
import { EventHub, type NptdEventType, type NptdListener } from './events.ts';
import { machineOf, requireSameMachine } from './machine.ts';
import { fromNative } from './native-failure.ts';
import type { HistoryQuery, Nptd, NptdOptions } from './nptd.ts';
import { openNativeDataPlane } from './open-data-plane.ts';
import { type History, OperationsRecord } from './operations-record.ts';
import { type Preview, previewOf } from './preview.ts';
import { readConfig } from './read-config.ts';
import { StateFile } from './state-file.ts';
import { type Status, statusOf } from './status.ts';
import { type FlowDescription, questionOf, type Why, whyOf } from './why.ts';

const ROWS_DEFAULT = 1000;

/** How often counters are looked at for what is exhausted. */
const COUNTERS_INTERVAL_MS = 1000;

interface Running {
  readonly dataPlane: DataPlane;
  readonly controller: Controller;
  readonly stateFile: StateFile;
  readonly startedAtMs: number;
}

export class Gateway implements Nptd {
  readonly #options: NptdOptions;
  readonly #hub: EventHub;
  readonly #cleanups: (() => void | Promise<void>)[] = [];
  #config: NptdConfig;
  /** Certificates for HTTPS probes, by the name of their file. */
  #authorities: Authorities = new Map();
  /** Whom the log tells of what happens, while it is open. */
  #record: OperationsRecord | undefined;
  #running: Running | undefined;
  /** Settles when the configurations given so far are in force or refused. */
  #applied: Promise<void> = Promise.resolve();
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(config: NptdConfig, options: NptdOptions) {
    this.#config = config;
    this.#options = options;
    this.#hub = new EventHub((error) => this.#complain(`a listener failed: ${messageOf(error)}`));
  }

  async start(): Promise<void> {
    if (this.#opening !== undefined || this.#closing !== undefined) {
      throw new NptdError('NOT_RUNNING', 'a gateway starts only once');
    }
    this.#opening = this.#open();
    try {
      await this.#opening;
      if (this.#closing !== undefined) throw new NptdError('NOT_RUNNING', 'the gateway was closed while it started');
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#hub.emit({ type: 'ready', atMs: Date.now(), generation: this.#require().dataPlane.generation });
  }

  async apply(config: NptdConfig | string): Promise<void> {
    this.#require();
    const next = readConfig(config, this.#options.file);
    // One after the other: where one is refused, the one before it comes back, and that must be known by then.
    const done = this.#applied.then(() => this.#replaceConfig(next));
    this.#applied = done.catch(() => {});
    return done;
  }

  preview(config: NptdConfig | string): Preview {
    const { site } = this.#require().controller.state;
    if (site === undefined) throw new NptdError('NOT_RUNNING', 'the gateway is starting');
    return previewOf(site, readConfig(config, this.#options.file));
  }

  async #replaceConfig(next: NptdConfig): Promise<void> {
    const { controller } = this.#require();
    const slots = controller.state.site?.slots ?? new Map<string, number>();
    requireSameMachine(machineOf(this.#config, slots), machineOf(next, assignSlots(slots, next)));
    // Those before stay, should the one before come back.
    this.#authorities = new Map([...this.#authorities, ...(await readAuthorities(next))]);
    try {
      await controller.dispatch({ type: 'config', atMs: Date.now(), config: next });
      this.#config = next;
    } catch (error) {
      // Where its plan was refused nothing has changed; where something behind the plan failed, the plan is in force.
      if (controller.state.site?.config === next) await this.#restoreConfig(controller);
      throw planRefused(error);
    }
  }

  async #restoreConfig(controller: Controller): Promise<void> {
    try {
      await controller.dispatch({ type: 'config', atMs: Date.now(), config: this.#config });
    } catch (error) {
      this.#complain(`the configuration before was refused too: ${messageOf(error)}`);
    }
  }

  status(): Status {
    const { dataPlane, controller, startedAtMs } = this.#require();
    const { generation } = dataPlane;
    return statusOf({
      state: controller.state,
      notes: configNotes(this.#config),
      generation,
      workers: this.#config.worker.count,
      counters: dataPlane.counters(),
      atMs: Date.now(),
      startedAtMs,
    });
  }

  async sessions(limit = ROWS_DEFAULT): Promise<SessionRow[]> {
    return this.#require().dataPlane.sessions(limit).catch(rethrow);
  }

  async mappings(limit = ROWS_DEFAULT): Promise<MappingRow[]> {
    return this.#require().dataPlane.mappings(limit).catch(rethrow);
  }

  async setUplinkMode(uplink: string, mode: UplinkMode): Promise<void> {
    const { controller, stateFile } = this.#require();
    requireUplink(controller.state, uplink);
    await controller.dispatch({ type: 'operator', atMs: Date.now(), uplink, mode }).catch((error: unknown) => {
      throw planRefused(error);
    });
    await stateFile.write();
  }

  simulate(assumptions: readonly Assumption[]): SimulatedPolicy[] {
    const { state } = this.#require().controller;
    for (const { uplink } of assumptions) requireUplink(state, uplink);
    return simulate(state, assumptions);
  }

  async why(flow: FlowDescription): Promise<Why> {
    const { dataPlane, controller } = this.#require();
    const question = questionOf(flow);
    return whyOf(await dataPlane.explain(question).catch(rethrow), question, controller.state);
  }

  history({ sinceMs = 0 }: HistoryQuery = {}): History {
    if (this.#record === undefined) throw new NptdError('NOT_RUNNING', 'the gateway is not running');
    return this.#record.history(sinceMs);
  }

  takePassed(): PassedFrame[] {
    return this.#require().dataPlane.takePassed();
  }

  inject(device: number, octets: Uint8Array): boolean {
    try {
      return this.#require().dataPlane.inject(device, octets);
    } catch (error) {
      throw fromNative(error);
    }
  }

  on<T extends NptdEventType>(type: T, listener: NptdListener<T>): () => void {
    return this.#hub.on(type, listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #open(): Promise<void> {
    this.#heedSignal();
    const config = this.#config;
    this.#authorities = await readAuthorities(config);
    const machine = machineOf(config, assignSlots(new Map(), config));
    await this.#openRecord(config);
    const open = this.#options.openDataPlane ?? openNativeDataPlane;
    // 6056-5.
    const dataPlane = await open({ ...machine, secret: randomBytes(16), hashKey: randomBytes(16) });
    this.#cleanups.push(() => dataPlane.close());
    const { controller, stateFile } = this.#control(dataPlane);
    const modes = await stateFile.restore();
    await controller.dispatch({ type: 'restored', atMs: Date.now(), modes });
    try {
      await controller.dispatch({ type: 'config', atMs: Date.now(), config });
    } catch (error) {
      throw planRefused(error);
    }
    stateFile.start();
    this.#cleanups.push(() => stateFile.close());
  }

  /** First to come and last to go, so that it tells of everything in between. */
  async #openRecord(config: NptdConfig): Promise<void> {
    const complain = (message: string) => this.#complain(message);
    const record = await OperationsRecord.open(config, { complain, now: () => Date.now() });
    this.#record = record;
    this.#cleanups.push(() => record.close());
  }

  #stateFile(dataPlane: DataPlane, controller: Controller): StateFile {
    return new StateFile({
      dataPlane,
      current: () => ({
        config: this.#config,
        slots: controller.state.site?.slots ?? assignSlots(new Map(), this.#config),
        modes: controller.state.modes,
      }),
      complain: (message) => this.#complain(message),
      now: () => Date.now(),
    });
  }

  #heedSignal(): void {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    const abort = () => void this.close();
    signal?.addEventListener('abort', abort, { once: true });
    this.#cleanups.push(() => signal?.removeEventListener('abort', abort));
  }

  #control(dataPlane: DataPlane): Running {
    const take = (event: ControlEvent) => {
      controller.dispatch(event).catch((error: unknown) => this.#complain(`a plan was refused: ${messageOf(error)}`));
    };
    const prober = new RawSocketProber({
      onSample: (sample) => take({ type: 'probe-sample', atMs: Date.now(), sample }),
      onNotProbed: (list, reason) => take({ type: 'not-probed', atMs: Date.now(), ...list, reason }),
    });
    const httpProber = new HttpProber({
      dataPlane,
      authorities: (file) => this.#authorities.get(file),
      nowMs: () => performance.now(),
    });
    const controller = new Controller({
      dataPlane,
      httpProber,
      rawSocketProber: prober,
      log: (entry) => this.#log(entry),
      emit: (notice) => this.#hub.emit(notice),
      now: () => Date.now(),
    });
    this.#cleanups.push(() => prober.close());
    this.#cleanups.push(() => httpProber.close());
    this.#cleanups.push(dataPlane.onProbeRequest((request) => httpProber.probe(request)));
    // Closed before the prober, to which its last effects may still give probes.
    this.#cleanups.push(() => controller.close());
    this.#cleanups.push(dataPlane.onEvent((event) => take({ ...event, atMs: Date.now() })));
    // It holds the process open too, as a listening server does.
    const watch = setInterval(() => this.#watchCounters(dataPlane, take), COUNTERS_INTERVAL_MS);
    this.#cleanups.push(() => clearInterval(watch));
    const stateFile = this.#stateFile(dataPlane, controller);
    this.#running = { dataPlane, controller, stateFile, startedAtMs: Date.now() };
    return this.#running;
  }

  #watchCounters(dataPlane: DataPlane, take: (event: ControlEvent) => void): void {
    try {
      take({ type: 'counters', atMs: Date.now(), counters: dataPlane.counters() });
    } catch (error) {
      this.#complain(`the counters cannot be read: ${messageOf(error)}`);
    }
  }

  /** In the reverse order of what was made; a step that fails does not keep the others from happening. */
  async #close(): Promise<void> {
    // What is being opened now must be there before it can be closed; its own failure is told by `start`.
    await this.#opening?.catch(() => {});
    this.#running = undefined;
    for (const cleanup of this.#cleanups.reverse()) {
      try {
        await cleanup();
      } catch (error) {
        this.#complain(`closing: ${messageOf(error)}`);
      }
    }
    this.#cleanups.length = 0;
    this.#hub.emit({ type: 'closed', atMs: Date.now() });
  }

  #require(): Running {
    if (this.#running === undefined) throw new NptdError('NOT_RUNNING', 'the gateway is not running');
    return this.#running;
  }

  #complain(message: string): void {
    this.#log({ level: 'error', message, fields: { event: 'error' } });
  }

  /** A log that throws must not keep a plan from being applied: Node's own warnings tell of it instead. */
  #log(entry: LogEntry): void {
    this.#record?.note(entry, Date.now());
    try {
      this.#options.log?.(entry);
    } catch (error) {
      process.emitWarning(`the log of nptd failed: ${messageOf(error)}`);
    }
  }
}

function requireUplink({ uplinks }: ControlState, name: string): void {
  if (uplinks.some((uplink) => uplink.name === name)) return;
  const names = uplinks.map((uplink) => uplink.name).join(', ');
  throw new NptdError('UNKNOWN_NAME', `there is no uplink "${name}"; there are ${names}`);
}

function rethrow(error: unknown): never {
  throw fromNative(error);
}

function planRefused(error: unknown): unknown {
  const failure = fromNative(error);
  if (failure instanceof NptdError) return failure;
  return new NptdError('PLAN_REFUSED', `the data plane refused the plan: ${messageOf(error)}`, { cause: error });
}
