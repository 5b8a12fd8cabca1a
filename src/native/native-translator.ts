/** The engine in Rust behind the interface that the reference obeys, and a faster way in for whole batches. */
import type { Plan } from '../plan/plan.ts';
import type {
  MappingRow,
  OutgoingPacket,
  PortRest,
  SessionRow,
  TranslationResult,
  Translator,
  TranslatorOptions,
} from '../reference/translator.ts';
import type { BindingTranslator } from './binding.js';
import type { FlowExplanation, FlowQuestion } from './data-plane.ts';
import { binding } from './load-binding.ts';
import {
  createPacketBatch,
  egressAt,
  PACKET_OCTETS_MAX,
  type PacketBatch,
  packetAt,
  putPacket,
} from './packet-batch.ts';
import { NativeError, throwIfFailed, unwrap } from './unwrap-error.ts';
import { verdictCatalogue } from './verdict-catalogue.ts';

/**
 * Throws a `NativeError` with code `InvalidArgument` or `PlanRefused` where arguments cannot be used, and an
 * `AddonUnavailable` where there is no engine.
 */
export class NativeTranslator implements Translator {
  readonly #native: BindingTranslator;
  /** Names by their code. */
  readonly #verdicts = verdictCatalogue().verdicts.map(({ name }) => name);
  /** Where single packets are translated. */
  readonly #single = createPacketBatch(PACKET_OCTETS_MAX, 1);

  constructor(options: TranslatorOptions) {
    this.#native = unwrap(binding().BindingTranslator.create(options));
  }

  applyPlan(plan: Plan): void {
    throwIfFailed(this.#native.applyPlan(plan));
  }

  process(device: number, octets: Uint8Array, nowUs: number): TranslationResult {
    if (octets.length > PACKET_OCTETS_MAX) return { verdict: 'FrameTooLong', outgoing: [] };
    putPacket(this.#single, 0, checkedDevice(device), octets);
    const outputs = this.processBatch(this.#single, 1, nowUs);
    const verdict = this.#verdicts[this.#single.verdicts[0] ?? 0] ?? 'NotProcessed';
    const leaves = verdict === 'Forward' || verdict === 'Reply';
    const own = leaves
      ? [{ device: egressAt(this.#single, 0), octets: packetAt(this.#single, 0).slice(), kind: verdict }]
      : [];
    return { verdict, outgoing: outputs > 0 ? [...own, ...this.takeOutputs()] : own };
  }

  /**
   * Processes the first `count` packets of a batch in place; see `PacketBatch`.
   * @param nowUs microseconds since a fixed origin, never falling
   * @returns the number of extra outputs: take them with `takeOutputs` before the next call, which forgets them
   */
  processBatch(batch: PacketBatch, count: number, nowUs: number): number {
    const { memory, slotOctets, descriptors, verdicts } = batch;
    return unwrap(this.#native.processBatch(memory, slotOctets, descriptors, verdicts, count, nowUs));
  }

  /** Takes what the last batch sends beside its own packets, in order: ICMP errors, resets, fragments. */
  takeOutputs(): OutgoingPacket[] {
    return this.#native.takeOutputs();
  }

  tick(nowUs: number): OutgoingPacket[] {
    return this.#native.tick(nowUs) > 0 ? this.takeOutputs() : [];
  }

  portRests(nowUs: number): PortRest[] {
    return this.#native.portRests(nowUs);
  }

  restorePortRests(rests: readonly PortRest[], nowUs: number): void {
    throwIfFailed(this.#native.restorePortRests(rests, nowUs));
  }

  sessions(nowUs: number): SessionRow[] {
    return this.#native.sessions(nowUs);
  }

  explain(flow: FlowQuestion, nowUs: number): FlowExplanation {
    return unwrap(this.#native.explain(flow, nowUs));
  }

  mappings(nowUs: number): MappingRow[] {
    return this.#native.mappings(nowUs);
  }
}

/** An index as the engine has them: a typed array would silently make one of anything. */
function checkedDevice(device: number): number {
  if (Number.isInteger(device) && device >= 0 && device <= 0xffff) return device;
  throw new NativeError({ code: 'InvalidArgument', path: 'device', problem: 'is no index of a device' });
}
