/** Two translators side by side: every step on both, and everything that can be seen of them compared. */
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
import { hex } from '../support/translator-bed.ts';

export interface Implementations {
  readonly reference: (options: TranslatorOptions) => Translator;
  readonly native: (options: TranslatorOptions) => Translator;
}

/** Thrown where the two differ. */
class Difference extends Error {
  override readonly name = 'Difference';
}

/** That an engine sends at least, while any are left. */
const RESETS_PER_TICK_MIN = 32;

export class Pair {
  readonly #implementations: Implementations;
  readonly #options: TranslatorOptions;
  #reference: Translator;
  #native: Translator;
  #plan: Plan | undefined;
  #isSweepDue = false;
  #mappings: readonly MappingRow[] = [];
  #sessions: readonly SessionRow[] = [];

  constructor(implementations: Implementations, options: TranslatorOptions) {
    this.#implementations = implementations;
    this.#options = options;
    this.#reference = implementations.reference(options);
    this.#native = implementations.native(options);
  }

  /** Live mappings and sessions of the reference, as they were when they were compared last. */
  get mappings(): readonly MappingRow[] {
    return this.#mappings;
  }

  get sessions(): readonly SessionRow[] {
    return this.#sessions;
  }

  /** What has ended by then ends under the old plan. */
  applyPlan(plan: Plan, nowUs: number): void {
    this.compareTables(nowUs);
    this.#plan = plan;
    this.#isSweepDue = true;
    this.#reference.applyPlan(plan);
    this.#native.applyPlan(plan);
  }

  /** Processes a packet on both and gives the reference's result. */
  process(device: number, packet: Uint8Array, nowUs: number): TranslationResult {
    const expected = this.#reference.process(device, packet, nowUs);
    const actual = this.#native.process(device, packet, nowUs);
    if (expected.verdict !== actual.verdict || !samePackets(expected.outgoing, actual.outgoing)) {
      const what = `packet ${hex(packet)} on device ${device} at ${nowUs} us`;
      throw new Difference(`${what}\nreference: ${shownResult(expected)}\nnative:    ${shownResult(actual)}`);
    }
    return expected;
  }

  tick(nowUs: number): readonly OutgoingPacket[] {
    return this.#isSweepDue ? this.#sweep(nowUs) : this.#compareTicks(nowUs, 1, (packets) => packets);
  }

  /** The first tick after a plan: resets of sessions may take several, in whatever order. */
  #sweep(nowUs: number): readonly OutgoingPacket[] {
    this.#isSweepDue = false;
    const count = 2 + Math.ceil(this.#reference.sessions(nowUs).length / RESETS_PER_TICK_MIN);
    return this.#compareTicks(nowUs, count, (packets) =>
      packets.toSorted((a, b) => (shownPacket(a) < shownPacket(b) ? -1 : 1)),
    );
  }

  #compareTicks(
    nowUs: number,
    count: number,
    ordered: (packets: readonly OutgoingPacket[]) => readonly OutgoingPacket[],
  ): readonly OutgoingPacket[] {
    const ticksOf = (translator: Translator) => Array.from({ length: count }, () => translator.tick(nowUs)).flat();
    const expected = ordered(ticksOf(this.#reference));
    const actual = ordered(ticksOf(this.#native));
    if (!samePackets(expected, actual)) {
      throw new Difference(
        `tick at ${nowUs} us\nreference: ${shownPackets(expected)}\nnative:    ${shownPackets(actual)}`,
      );
    }
    return expected;
  }

  /** Port rests of the reference, after a comparison. */
  portRests(nowUs: number): readonly PortRest[] {
    this.compareTables(nowUs);
    return this.#reference.portRests(nowUs).toSorted((a, b) => (restKey(a) < restKey(b) ? -1 : 1));
  }

  /** @param fresh whether two new translators take the place of these first */
  restorePortRests(rests: readonly PortRest[], fresh: boolean, nowUs: number): void {
    if (fresh) {
      this.#reference = this.#implementations.reference(this.#options);
      this.#native = this.#implementations.native(this.#options);
      if (this.#plan !== undefined) {
        this.applyPlan(this.#plan, nowUs);
      }
    }
    this.#reference.restorePortRests(rests, nowUs);
    this.#native.restorePortRests(rests, nowUs);
  }

  /** Compares live mappings and sessions, and ports that rest. */
  compareTables(nowUs: number): void {
    this.#mappings = this.#reference.mappings(nowUs);
    this.#sessions = this.#reference.sessions(nowUs);
    compareRows('mappings', this.#mappings, this.#native.mappings(nowUs), mappingKey);
    compareRows('sessions', this.#sessions, this.#native.sessions(nowUs), sessionKey);
    compareRows('port rests', this.#reference.portRests(nowUs), this.#native.portRests(nowUs), restKey);
  }
}

function compareRows<R>(what: string, expected: readonly R[], actual: readonly R[], key: (row: R) => string): void {
  const [reference, native] = [expected.map(key).sort(), actual.map(key).sort()];
  if (reference.length !== native.length || reference.some((row, index) => row !== native[index])) {
    const only = (rows: readonly string[], others: readonly string[]) =>
      rows.filter((row) => !others.includes(row)).join('\n  ');
    throw new Difference(
      `${what}\nonly reference:\n  ${only(reference, native)}\nonly native:\n  ${only(native, reference)}`,
    );
  }
}

function mappingKey({ protocol, internal, external, uplinkSlot, sessions }: MappingRow): string {
  return `${protocol} ${internal} ${external} ${uplinkSlot} ${sessions}`;
}

function sessionKey(row: SessionRow): string {
  const { protocol, internal, external, remote, apparent, uplinkSlot, tcpState, expiresInMs, policy } = row;
  return `${protocol} ${internal} ${external} ${remote} ${apparent ?? '-'} ${uplinkSlot} ${tcpState ?? '-'} ${policy ?? '-'} ${expiresInMs}`;
}

function restKey(rest: PortRest): string {
  const { slot, protocol, internalAddress, internalPort, externalAddress, externalPort, restMs } = rest;
  return `${slot} ${protocol} ${internalAddress}:${internalPort} ${externalAddress}:${externalPort} ${restMs}`;
}

function samePackets(expected: readonly OutgoingPacket[], actual: readonly OutgoingPacket[]): boolean {
  return (
    expected.length === actual.length &&
    expected.every((packet, index) => {
      const other = actual[index];
      return (
        other !== undefined &&
        packet.device === other.device &&
        packet.kind === other.kind &&
        Buffer.compare(packet.octets, other.octets) === 0
      );
    })
  );
}

function shownResult({ verdict, outgoing }: TranslationResult): string {
  return [verdict, shownPackets(outgoing)].join('\n           ');
}

function shownPackets(packets: readonly OutgoingPacket[]): string {
  return packets.map(shownPacket).join('\n           ');
}

function shownPacket({ device, kind, octets }: OutgoingPacket): string {
  return `${kind} on ${device}: ${hex(octets)}`;
}
