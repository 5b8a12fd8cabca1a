/** The cases: both translators, both directions, reference against native. */
import { NativeTranslator } from '../../src/native/native-translator.ts';
import { ReferenceTranslator } from '../../src/reference/reference-translator.ts';
import type { Translator, TranslatorOptions } from '../../src/reference/translator.ts';
import { ISP_A, LAN, twoUplinks } from '../../test/support/plans.ts';
import { answer4, answer6, FLOWS, internalPackets4, internalPackets6 } from './packets.ts';
import type { Candidate } from './suite.ts';

const OPTIONS: TranslatorOptions = {
  secret: new Uint8Array(16),
  mappingsMax: 65_536,
  sessionsMax: 65_536,
  hostsMax: 4096,
};
const NOW_US = 1_000_000;

export interface Case {
  readonly name: string;
  /** One candidate for each implementation. */
  readonly candidates: () => Candidate[];
}

const IMPLEMENTATIONS: readonly [string, () => Translator][] = [
  ['reference', () => new ReferenceTranslator(OPTIONS)],
  ['native', () => new NativeTranslator(OPTIONS)],
];

export const CASES: readonly Case[] = [
  { name: 'nat44-out', candidates: () => each(internalPackets4, LAN) },
  { name: 'nat44-in', candidates: () => each(internalPackets4, LAN, answer4) },
  { name: 'nptv6-out', candidates: () => each(internalPackets6, LAN) },
  { name: 'nptv6-in', candidates: () => each(internalPackets6, LAN, answer6) },
];

/** Opens the flows by their packets from the site, then measures those packets, or the answers to them. */
function each(packets: () => Uint8Array[], device: number, answer?: (outgoing: Uint8Array) => Uint8Array): Candidate[] {
  return IMPLEMENTATIONS.map(([implementation, create]) => {
    const translator = create();
    translator.applyPlan(twoUplinks());
    const internal = packets();
    const outgoing = internal.map((octets) => forwarded(translator, device, octets));
    const measured = answer === undefined ? internal : outgoing.map(answer);
    const from = answer === undefined ? device : ISP_A;
    for (const octets of measured) forwarded(translator, from, octets);
    let next = 0;
    const run = (): void => {
      const octets = measured[next];
      next = (next + 1) % FLOWS;
      if (octets === undefined || translator.process(from, octets, NOW_US).verdict !== 'Forward') {
        throw new Error('a measured packet was not forwarded');
      }
    };
    return { implementation, packets: 1, run };
  });
}

function forwarded(translator: Translator, device: number, octets: Uint8Array): Uint8Array {
  const { verdict, outgoing } = translator.process(device, octets, NOW_US);
  const [first] = outgoing;
  if (verdict !== 'Forward' || first === undefined) throw new Error(`expected Forward, got ${verdict}`);
  return first.octets;
}
