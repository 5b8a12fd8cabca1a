/** The engine in Rust behind the interface that the reference obeys, and a faster way in for whole batches. */
import type { Plan } from '../plan/plan.ts';
import type {
  MappingRow,
  OutgoingPacket,
  SessionRow,
  TranslationResult,
  Translator,
  TranslatorOptions,
} from '../reference/translator.ts';
import type { BindingTranslator } from './binding.js';
import { binding } from './load-binding.ts';
import type { PacketBatch } from './packet-batch.ts';
import { throwIfFailed, unwrap } from './unwrap-error.ts';

/** Throws a `NativeError` with code `InvalidArgument` or `PlanRefused` where arguments cannot be used. */
export class NativeTranslator implements Translator {
  readonly #native: BindingTranslator;

  constructor(options: TranslatorOptions) {
    this.#native = unwrap(binding.BindingTranslator.create(options));
  }

  applyPlan(plan: Plan): void {
    throwIfFailed(this.#native.applyPlan(plan));
  }

  process(device: number, octets: Uint8Array, nowUs: number): TranslationResult {
    return unwrap(this.#native.process(device, octets, nowUs));
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

  sessions(nowUs: number): SessionRow[] {
    return this.#native.sessions(nowUs);
  }

  mappings(nowUs: number): MappingRow[] {
    return this.#native.mappings(nowUs);
  }
}
