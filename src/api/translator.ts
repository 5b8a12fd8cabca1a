/**
 * The pure translator: IP packets in, IP packets out, over buffers of the caller. It needs no privilege, opens
 * nothing, starts no thread and reads no clock, so it works anywhere, worker threads included.
 */
import { randomBytes } from 'node:crypto';
import type { LimitsConfig, NptdConfig } from '../config/config.ts';
import { assignEpochs, type EpochAssignment } from '../control/multihoming/epochs.ts';
import { NativeTranslator } from '../native/native-translator.ts';
import type { PacketBatch } from '../native/packet-batch.ts';
import { compilePlan } from '../plan/compile.ts';
import type { Plan } from '../plan/plan.ts';
import { assignSlots, type SlotAssignment, slotOf, uplinksBySlot } from '../plan/slots.ts';
import type { MappingRow, OutgoingPacket, SessionRow, TranslationResult } from '../reference/translator.ts';
import { NptdError } from './errors.ts';
import { fromNative } from './native-failure.ts';
import { readConfig } from './read-config.ts';

export interface PacketTranslatorOptions {
  /** 16 octets: the key of port choice. Random if absent; the same key makes the same choices again. */
  readonly secret?: Uint8Array;
  /** Name of the configuration in the places of its issues; `nptd.yaml` if absent. */
  readonly file?: string;
}

export interface PacketTranslator {
  /** Names of internal devices and uplinks; the position of a name is its device in `process` and in results. */
  readonly devices: readonly string[];
  /** The device of an internal device or uplink by its name; throws an `NptdError` for another name. */
  device(name: string): number;
  /**
   * Processes one IP packet.
   * @param device position of the device it came in by
   * @param octets the packet, from its IP header on; not changed, and not kept
   * @param nowUs microseconds since a fixed origin, never falling
   * @returns the verdict, and the packets that leave, the processed one first if it leaves at all
   */
  process(device: number, octets: Uint8Array, nowUs: number): TranslationResult;
  /**
   * Processes the first `count` packets of a batch in place, in memory of the caller, as of `createPacketBatch`.
   * @returns the number of extra packets that leave: take them with `takeOutputs` before the next call, which forgets them
   */
  processBatch(batch: PacketBatch, count: number, nowUs: number): number;
  /** Takes what the last batch sends beside its own packets, in order: ICMP errors, resets, fragments. */
  takeOutputs(): OutgoingPacket[];
  /** Says whether new traffic of a family may use an uplink; all may at the start. */
  setUsable(uplink: string, family: 4 | 6, usable: boolean): void;
  /**
   * Takes another configuration over; sessions survive except those of an uplink whose addresses changed. Throws an
   * `NptdError` for other limits of mappings and sessions, which are those of the configuration it was made from.
   */
  apply(config: NptdConfig | string): void;
  /** Live sessions at an instant. */
  sessions(nowUs: number): SessionRow[];
  /** Live mappings at an instant. */
  mappings(nowUs: number): MappingRow[];
}

/** A translator with the devices, uplinks and rules of a configuration. Throws an `NptdError`. */
export function createTranslator(config: NptdConfig | string, options: PacketTranslatorOptions = {}): PacketTranslator {
  return new ConfiguredTranslator(readConfig(config, options.file), options);
}

/** What a plan is made of. */
interface TranslatorState {
  readonly config: NptdConfig;
  readonly generation: number;
  readonly slots: SlotAssignment;
  readonly epochs: EpochAssignment;
  /** `uplink family` of what may not be used. */
  readonly unusable: ReadonlySet<string>;
}

class ConfiguredTranslator implements PacketTranslator {
  readonly #options: PacketTranslatorOptions;
  readonly #native: NativeTranslator;
  /** Of the plan in force: it is replaced only when the engine has taken another one over. */
  #state: TranslatorState;
  #devices: readonly string[] = [];

  constructor(config: NptdConfig, options: PacketTranslatorOptions) {
    this.#options = options;
    this.#state = { config, generation: 0, slots: new Map(), epochs: new Map(), unusable: new Set() };
    const { limits } = config;
    const sizes = { mappingsMax: limits.mappings, sessionsMax: limits.sessions, hostsMax: limits.hosts };
    const filterSessionsMax = limits.filterSessions;
    const secret = options.secret ?? randomBytes(16);
    this.#native = attempt(() => new NativeTranslator({ secret, ...sizes, filterSessionsMax }));
    this.apply(config);
  }

  get devices(): readonly string[] {
    return this.#devices;
  }

  device(name: string): number {
    const index = this.#devices.indexOf(name);
    if (index < 0) throw new NptdError('UNKNOWN_NAME', `"${name}" is none of ${this.#devices.join(', ')}`);
    return index;
  }

  process(device: number, octets: Uint8Array, nowUs: number): TranslationResult {
    return attempt(() => this.#native.process(device, octets, nowUs));
  }

  processBatch(batch: PacketBatch, count: number, nowUs: number): number {
    return attempt(() => this.#native.processBatch(batch, count, nowUs));
  }

  takeOutputs(): OutgoingPacket[] {
    return this.#native.takeOutputs();
  }

  setUsable(uplink: string, family: 4 | 6, usable: boolean): void {
    if (!this.#state.slots.has(uplink)) throw new NptdError('UNKNOWN_NAME', `there is no uplink "${uplink}"`);
    const unusable = new Set(this.#state.unusable);
    if (usable) unusable.delete(`${uplink} ${family}`);
    else unusable.add(`${uplink} ${family}`);
    this.#advance({ unusable });
  }

  apply(config: NptdConfig | string): void {
    const next = readConfig(config, this.#options.file);
    requireSameTables(this.#state.config.limits, next.limits);
    const slots = assignSlots(this.#state.slots, next);
    const epochs = assignEpochs(this.#state.epochs, next.uplinks, (name) => slotOf(slots, name));
    this.#advance({ config: next, slots, epochs });
    this.#devices = [...next.internal, ...uplinksBySlot(next, slots)].map(({ name }) => name);
  }

  sessions(nowUs: number): SessionRow[] {
    return this.#native.sessions(nowUs);
  }

  mappings(nowUs: number): MappingRow[] {
    return this.#native.mappings(nowUs);
  }

  #advance(change: Partial<TranslatorState>): void {
    const next = { ...this.#state, ...change, generation: this.#state.generation + 1 };
    const plan = planOf(next);
    attempt(() => this.#native.applyPlan(plan));
    this.#state = next;
  }
}

function planOf({ config, generation, slots, epochs, unusable }: TranslatorState): Plan {
  const usable = (name: string, family: 4 | 6) => !unusable.has(`${name} ${family}`);
  const uplinks = new Map(
    [...slots].map(([name, slot]) => {
      const epoch = epochs.get(slot)?.epoch ?? 0;
      return [name, { slot, epoch, usable4: usable(name, 4), usable6: usable(name, 6) }];
    }),
  );
  const plan = compilePlan(config, { generation, uplinks });
  // Without link addresses devices carry bare IP packets, and nobody there hears of routers.
  return { ...plan, devices: plan.devices.map(({ mac: _, advertise: _says, ...device }) => device) };
}

function requireSameTables(now: LimitsConfig, wanted: LimitsConfig): void {
  const isSame = (name: 'mappings' | 'sessions' | 'filterSessions') => now[name] === wanted[name];
  if (isSame('mappings') && isSame('sessions') && isSame('filterSessions')) return;
  throw new NptdError('RESTART_REQUIRED', 'other limits of mappings or sessions need another translator');
}

/** Failures of the native side are errors of the library. */
function attempt<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromNative(error);
  }
}
