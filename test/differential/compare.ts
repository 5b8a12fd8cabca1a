/** Two translators side by side: every step on both, and everything that can be seen of them compared. */
import type { Plan } from '../../src/plan/plan.ts';
import type { MappingRow, SessionRow, TranslationResult, Translator } from '../../src/reference/translator.ts';
import { hex } from '../support/translator-bed.ts';

/** Thrown where the two differ. */
export class Difference extends Error {
  override readonly name = 'Difference';
}

export class Pair {
  readonly #reference: Translator;
  readonly #native: Translator;

  constructor(reference: Translator, native: Translator) {
    this.#reference = reference;
    this.#native = native;
  }

  applyPlan(plan: Plan): void {
    this.#reference.applyPlan(plan);
    this.#native.applyPlan(plan);
  }

  /** Processes a packet on both and gives the reference's result. */
  process(device: number, packet: Uint8Array, nowUs: number): TranslationResult {
    const expected = this.#reference.process(device, packet, nowUs);
    const actual = this.#native.process(device, packet, nowUs);
    if (!sameResult(expected, actual)) {
      const what = `packet ${hex(packet)} on device ${device} at ${nowUs} us`;
      throw new Difference(`${what}\nreference: ${shownResult(expected)}\nnative:    ${shownResult(actual)}`);
    }
    return expected;
  }

  /** Live mappings of the reference, sorted. */
  mappings(nowUs: number): MappingRow[] {
    return this.#reference.mappings(nowUs).sort((a, b) => (mappingKey(a) < mappingKey(b) ? -1 : 1));
  }

  /** Live sessions of the reference, sorted. */
  sessions(nowUs: number): SessionRow[] {
    return this.#reference.sessions(nowUs).sort((a, b) => (sessionKey(a) < sessionKey(b) ? -1 : 1));
  }

  /** Compares live mappings and sessions. */
  compareTables(nowUs: number): void {
    compareRows('mappings', this.#reference.mappings(nowUs), this.#native.mappings(nowUs), mappingKey);
    compareRows('sessions', this.#reference.sessions(nowUs), this.#native.sessions(nowUs), sessionKey);
  }
}

function compareRows<R>(what: string, expected: readonly R[], actual: readonly R[], key: (row: R) => string): void {
  const [reference, native] = [expected.map(key).sort(), actual.map(key).sort()];
  if (reference.join('\n') !== native.join('\n')) {
    const only = (rows: readonly string[], others: readonly string[]) =>
      rows.filter((row) => !others.includes(row)).join('\n  ');
    throw new Difference(
      `${what}\nonly reference:\n  ${only(reference, native)}\nonly native:\n  ${only(native, reference)}`,
    );
  }
}

function mappingKey(row: MappingRow): string {
  return [row.protocol, row.internal, row.external, row.uplinkSlot, row.sessions].join(' ');
}

function sessionKey(row: SessionRow): string {
  const { protocol, internal, external, remote, uplinkSlot, tcpState, expiresInMs } = row;
  return [protocol, internal, external, remote, uplinkSlot, tcpState ?? '-', expiresInMs].join(' ');
}

function sameResult(expected: TranslationResult, actual: TranslationResult): boolean {
  return (
    expected.verdict === actual.verdict &&
    expected.outgoing.length === actual.outgoing.length &&
    expected.outgoing.every((packet, index) => {
      const other = actual.outgoing[index];
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
  const packets = outgoing.map(({ device, kind, octets }) => `${kind} on ${device}: ${hex(octets)}`);
  return [verdict, ...packets].join('\n           ');
}
