/** ICMPv6 errors through the IPv6 filter, by what they quote (RFC 6092, 4890). */
import { expect } from 'vitest';
import { filtered, H1, H1_A, H1_B, H2, H2_A, published6, Q6, R6 } from '../../support/filtered-plan.ts';
import { hop, text } from '../../support/packet-builder.ts';
import {
  destinationOptions,
  type Extension,
  echoReply6,
  echoRequest6,
  fragmentHeader,
  icmp6,
  icmpError6,
  ip6,
  readdressed,
  udp6,
} from '../../support/packet-builder-ipv6.ts';
import { ISP_A, ISP_B, LAN, OFFICE } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import { TRANSPORTS6 } from '../../support/transports-ipv6.ts';
import type { Case } from '../case.ts';
import { reaches, sends } from './filter.cases.ts';

const OUT = [40000, 53] as const;
const BACK = [53, 40000] as const;
const ESP = 50;

interface Quotable {
  readonly name: string;
  /** What H1 sends, by the address that it is seen with. */
  readonly sent: (from: string) => Uint8Array;
  /** What it gets, by the address that it is sent to. */
  readonly got: (to: string) => Uint8Array;
}

const FLOWS: readonly Quotable[] = [
  ...TRANSPORTS6.map(
    (transport): Quotable => ({
      name: transport.name,
      sent: (from) => transport.open(from, Q6, OUT),
      got: (to) => transport.answer(Q6, to, BACK),
    }),
  ),
  {
    name: 'ESP',
    sent: (from) => ip6(from, Q6, ESP, text('some octets')),
    got: (to) => ip6(Q6, to, ESP, text('other octets')),
  },
  { name: 'echo', sent: (from) => echoRequest6(from, Q6, 9), got: (to) => echoReply6(Q6, to, 9) },
  {
    name: 'a protocol behind extension headers',
    sent: (from) => udp6(from, Q6, OUT, { extensions: [destinationOptions()] }),
    got: (to) => udp6(Q6, to, BACK),
  },
];

/** An error from a router about what H1 has sent, and what H1 gets of it. */
function errorIn(sent: Uint8Array, type = 1, code = 4): readonly [Uint8Array, Uint8Array] {
  const quote = hop(readdressed(sent, { from: H1_A }));
  return [
    icmpError6(R6, H1_A, quote, { type, code }),
    icmpError6(R6, H1, readdressed(quote, { from: H1 }), { type, code }),
  ];
}

/** An error of H1 about what it got by uplink A. */
function errorOut(got: Uint8Array, external = H1_A): readonly [Uint8Array, Uint8Array] {
  const quote = hop(readdressed(got, { to: H1 }));
  return [
    icmpError6(H1, Q6, quote, { type: 1, code: 4 }),
    icmpError6(external, Q6, readdressed(quote, { to: external }), { type: 1, code: 4 }),
  ];
}

function entersAs(bed: TranslatorBed, [sent, arrived]: readonly [Uint8Array, Uint8Array]): void {
  bed.forwards(ISP_A, sent, LAN, arrived);
}

const bothWays: readonly Case[] = FLOWS.flatMap(({ name, sent, got }): Case[] => [
  {
    name: `6092-R18, 6092-R23, 6092-R36, 6092-R41, 6092-R45 errors that quote ${name} of a session come in, and end and refresh nothing (6092-R19, 6092-R37, 6092-R42, 6092-R46)`,
    plan: filtered(),
    run: (bed) => {
      sends(bed, sent(H1));
      const before = bed.sessions();
      bed.wait(1);
      for (const [type, code] of [
        [1, 0],
        [1, 4],
        [2, 0],
        [3, 0],
        [4, 1],
      ] as const) {
        entersAs(bed, errorIn(sent(H1), type, code));
      }
      const after = before.map((row) => ({ ...row, expiresInMs: row.expiresInMs - 1000 }));
      expect(bed.sessions()).toEqual(after);
      reaches(bed, got(H1_A));
    },
  },
  {
    name: `6092-R10 errors that quote ${name} without a session do not come in, by the other uplink neither`,
    plan: filtered({ published: [published6(H1)], filteringOther: 'endpoint-independent' }),
    run: (bed) => {
      bed.drops(ISP_A, errorIn(sent(H1))[0], 'IcmpQuoteUnknown');
      sends(bed, sent(H1));
      const onB = icmpError6(R6, H1_B, hop(readdressed(sent(H1), { from: H1_B })), { type: 1 });
      bed.drops(ISP_B, onB, 'IcmpQuoteUnknown');
      bed.drops(ISP_A, errorIn(readdressed(sent(H1), { to: R6 }))[0], 'IcmpQuoteUnknown');
    },
  },
  {
    name: `6092-R10 an error from inside about ${name} leaves by the uplink of the session, and not without one`,
    plan: filtered({}, { plan: { policies: [{ prefer: [1, 0] }] }, b6: { usable: false } }),
    run: (bed) => {
      bed.drops(LAN, errorOut(got(H1_A))[0], 'IcmpQuoteUnknown');
      sends(bed, sent(H1));
      bed.plan(filtered({}, { plan: { policies: [{ prefer: [1, 0] }] }, a6: { usable: false } }));
      const before = bed.sessions();
      const [error, left] = errorOut(got(H1_A));
      bed.forwards(LAN, error, ISP_A, left);
      expect(bed.sessions()).toEqual(before);
    },
  },
]);

const UNREADABLE: readonly (readonly [what: string, quote: Uint8Array])[] = [
  ['ports cut off', udp6(H1_A, Q6, OUT).slice(0, 43)],
  ['an identifier cut off', echoRequest6(H1_A, Q6, 9).slice(0, 45)],
  ['an ICMPv6 message without its type', echoRequest6(H1_A, Q6, 9).slice(0, 40)],
  ['extension headers cut off', udp6(H1_A, Q6, OUT, { extensions: [destinationOptions()] }).slice(0, 44)],
  ['a later fragment', udp6(H1_A, Q6, OUT, { extensions: [fragmentHeader(8, false)] })],
  ['a routing header of type 0', udp6(H1_A, Q6, OUT, { extensions: [routingHeader()] })],
  ['nine extension headers', udp6(H1_A, Q6, OUT, { extensions: new Array(9).fill(destinationOptions()) })],
  ['an ICMPv6 error', icmpError6(H1_A, Q6, udp6(Q6, H1_A, BACK), { type: 1 })],
];

function routingHeader(): Extension {
  return { header: 43, body: new Uint8Array(7) };
}

const quotes: readonly Case[] = [
  ...UNREADABLE.map(
    ([what, quote]): Case => ({
      name: `6092-R10 a quote with ${what} matches no session, in either direction`,
      plan: filtered(),
      run: (bed) => {
        sends(bed, udp6(H1, Q6, OUT));
        sends(bed, echoRequest6(H1, Q6, 9));
        sends(bed, icmp6(H1, Q6, 144, 0, new Uint8Array(8)));
        bed.drops(ISP_A, icmpError6(R6, H1_A, quote, { type: 1 }), 'IcmpQuoteUnknown');
        const turned = readdressed(quote, { from: Q6, to: H1 });
        bed.drops(LAN, icmpError6(H1, Q6, turned, { type: 1 }), 'IcmpQuoteUnknown');
      },
    }),
  ),
  {
    name: '6092-R18 four octets of a header with ports are enough, six of an echo, and the first fragment',
    plan: filtered(),
    run: (bed) => {
      sends(bed, udp6(H1, Q6, OUT));
      sends(bed, echoRequest6(H1, Q6, 9));
      const first = udp6(H1, Q6, OUT, { extensions: [fragmentHeader(0, true)] });
      for (const sent of [udp6(H1, Q6, OUT).slice(0, 44), echoRequest6(H1, Q6, 9).slice(0, 46), first]) {
        entersAs(bed, errorIn(sent));
      }
    },
  },
  {
    name: '4890-4.1, 6296b-ICMP4, 6296b-ICMP5 quotes are checked before sessions are asked',
    plan: filtered(),
    run: (bed) => {
      const quote = udp6(H1_A, Q6, OUT);
      const inner = udp6(Q6, H1, BACK);
      bed.drops(ISP_A, icmpError6(R6, H1_A, quote.slice(0, 39), { type: 1 }), 'IcmpQuoteInvalid');
      bed.drops(LAN, icmpError6(H1, Q6, inner.slice(0, 39), { type: 1 }), 'IcmpQuoteInvalid');
      bed.drops(ISP_A, icmpError6(R6, H1_A, quote, { type: 1, checksum: 1 }), 'IcmpChecksumWrong');
      bed.drops(LAN, icmpError6(H1, Q6, inner, { type: 1, checksum: 1 }), 'IcmpChecksumWrong');
      bed.drops(ISP_A, icmpError6(R6, H1_A, udp6(H2_A, Q6, OUT), { type: 1 }), 'IcmpQuoteUnknown');
      bed.drops(LAN, icmpError6(H1, R6, inner, { type: 1 }), 'IcmpQuoteUnknown');
      const extensions = [fragmentHeader(0, true)];
      bed.drops(LAN, icmpError6(H1, Q6, inner, { type: 1, extensions }), 'IcmpQuoteInvalid');
      bed.drops(ISP_A, icmpError6(R6, H1_A, quote, { type: 1, extensions }), 'IcmpQuoteInvalid');
    },
  },
  {
    name: '6092-R10 an error from inside about a packet that was let in without a session of its own leaves by the first uplink that the endpoint speaks on',
    plan: filtered({ published: [published6(H1, 17)] }, { b6: { usable: false } }),
    run: (bed) => {
      sends(bed, udp6(H1, R6, [40000, 1]));
      bed.plan(filtered({ published: [published6(H1, 17)] }, { a6: { usable: false } }));
      sends6ByB(bed, udp6(H1, R6, [40001, 1]));
      const [error, left] = errorOut(udp6(Q6, H1_A, BACK));
      bed.forwards(LAN, error, ISP_A, left);
      const [other] = errorOut(udp6(Q6, H1_A, [53, 40002]));
      bed.drops(LAN, other, 'IcmpQuoteUnknown');
      const [byB, leftByB] = errorOut(udp6(Q6, H1_B, [53, 40001]), H1_B);
      bed.forwards(LAN, byB, ISP_B, leftByB);
    },
  },
  {
    name: '6296b-ICMP7 an error about a hairpinned packet finds the sessions of both hosts',
    plan: filtered({ published: [published6(H2)] }),
    run: (bed) => {
      const packet = udp6(H1, H2_A, OUT);
      bed.forwards(LAN, packet, OFFICE, readdressed(packet, { from: H1_A, to: H2 }));
      const quote = hop(readdressed(packet, { from: H1_A, to: H2 }));
      const error = icmpError6(H2, H1_A, quote, { type: 1, code: 4 });
      const turned = readdressed(quote, { from: H1, to: H2_A });
      bed.forwards(OFFICE, error, LAN, icmpError6(H2_A, H1, turned, { type: 1, code: 4 }));
      const unknown = hop(readdressed(udp6(H1, H2_A, [40001, 53]), { from: H1_A, to: H2 }));
      bed.drops(OFFICE, icmpError6(H2, H1_A, unknown, { type: 1 }), 'IcmpQuoteUnknown');
    },
  },
  {
    name: '6296b-ICMP7, MWAN-5 an error to the form of a host on one uplink does not leave by the sessions of another',
    plan: filtered({}, { a6: { usable: false } }),
    run: (bed) => {
      const packet = udp6(H2, Q6, OUT);
      bed.forwards(OFFICE, packet, ISP_B, readdressed(packet, { from: '2001:db8:5555:7ffd::5678' }));
      const quote = udp6(H1_A, H2, [1, 40000]);
      bed.drops(OFFICE, icmpError6(H2, H1_A, quote, { type: 1 }), 'IcmpQuoteUnknown');
    },
  },
];

/** H1 sends by uplink B. */
function sends6ByB(bed: TranslatorBed, packet: Uint8Array): void {
  bed.forwards(LAN, packet, ISP_B, readdressed(packet, { from: H1_B }));
}

export const filterErrorCases: readonly Case[] = [...bothWays, ...quotes];
