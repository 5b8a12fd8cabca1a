/** A translator with a clock of its own, and what cases say about packets that go through it. */
import { expect } from 'vitest';
import type { Plan } from '../../src/plan/plan.ts';
import type {
  MappingRow,
  OutgoingPacket,
  PortRest,
  SessionRow,
  TranslationResult,
  Translator,
  TranslatorOptions,
} from '../../src/reference/translator.ts';
import { hop } from './packet-builder.ts';

export type MakeTranslator = (options: TranslatorOptions) => Translator;

export const SECRET = Uint8Array.from({ length: 16 }, (_, index) => index);

export const OPTIONS: TranslatorOptions = { secret: SECRET, mappingsMax: 1000, sessionsMax: 1000, hostsMax: 1000 };

export interface ExpectedPacket {
  readonly device: number;
  readonly packet: Uint8Array;
  readonly kind?: string;
}

export class TranslatorBed {
  readonly #make: (options?: Partial<TranslatorOptions>) => Translator;
  #translator: Translator;
  #plan: Plan;
  #nowUs = 1_000_000;

  constructor(make: (options?: Partial<TranslatorOptions>) => Translator, plan: Plan) {
    this.#make = make;
    this.#plan = plan;
    this.#translator = make();
    this.#translator.applyPlan(plan);
  }

  /** Another translator takes the place of this one, with the port rests that are given and nothing else. */
  restart(plan: Plan = this.#plan, rests: readonly PortRest[] = [], options: Partial<TranslatorOptions> = {}): void {
    this.#plan = plan;
    this.#translator = this.#make(options);
    this.#translator.applyPlan(plan);
    this.#translator.restorePortRests(rests, this.#nowUs);
  }

  plan(plan: Plan): void {
    this.#plan = plan;
    this.#translator.applyPlan(plan);
  }

  /** Lets time pass. */
  wait(seconds: number): void {
    this.#nowUs += Math.round(seconds * 1_000_000);
  }

  send(device: number, packet: Uint8Array): TranslationResult {
    return this.#translator.process(device, packet, this.#nowUs);
  }

  /** The packet leaves by a device as `expected`, one hop later. */
  forwards(device: number, packet: Uint8Array, egress: number, expected: Uint8Array): void {
    this.ends(device, packet, 'Forward', { device: egress, packet: hop(expected), kind: 'Forward' });
  }

  /** The packet is answered by the gateway itself. */
  replies(device: number, packet: Uint8Array, expected: Uint8Array): void {
    this.ends(device, packet, 'Reply', { device, packet: expected, kind: 'Reply' });
  }

  /** The packet is dropped and nothing leaves. */
  drops(device: number, packet: Uint8Array, reason: string): void {
    this.ends(device, packet, reason);
  }

  /** The packet is dropped, and the gateway sends an error. */
  dropsWithError(device: number, packet: Uint8Array, reason: string, egress: number, error: Uint8Array): void {
    this.ends(device, packet, reason, { device: egress, packet: error, kind: 'IcmpError' });
  }

  /** The packet ends in a verdict, and exactly these packets leave in this order. */
  ends(device: number, packet: Uint8Array, verdict: string, ...expected: readonly ExpectedPacket[]): void {
    const before = packet.slice();
    const result = this.send(device, packet);
    expect(shown(result)).toEqual({
      verdict,
      outgoing: expected.map(({ device: egress, packet: octets, kind }) => ({
        device: egress,
        kind: kind ?? 'Forward',
        octets: hex(octets),
      })),
    });
    expect(hex(packet), 'the input is not changed').toBe(hex(before));
  }

  /** What time alone calls for is exactly these ICMP errors, in this order. */
  ticks(...errors: readonly ExpectedPacket[]): void {
    expect(this.#translator.tick(this.#nowUs).map(outgoing)).toEqual(
      errors.map(({ device, packet, kind }) => ({ device, kind: kind ?? 'IcmpError', octets: hex(packet) })),
    );
  }

  tick(): OutgoingPacket[] {
    return this.#translator.tick(this.#nowUs);
  }

  /** In the order of their external ports. */
  portRests(): PortRest[] {
    return this.#translator.portRests(this.#nowUs).toSorted((a, b) => a.externalPort - b.externalPort);
  }

  restore(rests: readonly PortRest[]): void {
    this.#translator.restorePortRests(rests, this.#nowUs);
  }

  sessions(): SessionRow[] {
    return this.#translator.sessions(this.#nowUs);
  }

  mappings(): MappingRow[] {
    return this.#translator.mappings(this.#nowUs);
  }

  /** Whether the packet gets through, whatever becomes of its octets. */
  passes(device: number, packet: Uint8Array): boolean {
    return this.send(device, packet).verdict === 'Forward';
  }

  /** External endpoint of a live mapping. */
  externalOf(protocol: string, internal: string, uplinkSlot = 0): string {
    const rows = this.mappings().filter(
      (row) => row.protocol === protocol && row.internal === internal && row.uplinkSlot === uplinkSlot,
    );
    expect(rows, `one live mapping of ${internal}`).toHaveLength(1);
    return rows[0]?.external ?? '';
  }
}

function shown(result: TranslationResult): unknown {
  return {
    verdict: result.verdict,
    outgoing: result.outgoing.map(outgoing),
  };
}

function outgoing({ device, kind, octets }: OutgoingPacket): unknown {
  return { device, kind, octets: hex(octets) };
}

export function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}

export function unhex(octets: string): Uint8Array {
  return Uint8Array.from(Buffer.from(octets, 'hex'));
}
