/** Fragments in any order: RFC 4787 section 12, RFC 6146 section 3.4, RFC 8900; identifications in `identification.cases.ts`. */
import { expect } from 'vitest';
import { fragmentsOf, identificationOf } from '../../support/fragment-builder.ts';
import { echoReply, echoRequest, hop, icmpError, ip4, tcp, text, udp } from '../../support/packet-builder.ts';
import { ISP_A, ISP_B, LAN, OFFICE, twoUplinks } from '../../support/plans.ts';
import { hex, type TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const H2 = '10.0.0.12:5000';
const WA = '203.0.113.2:5000';
const S1 = '192.0.2.10:53';
const ANSWER = { payload: Uint8Array.from({ length: 3000 }, (_, index) => index % 251) };
const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

const NO_OTHERS_NAT = { nat44: { otherProtocols: false } };
const NO_OTHERS = twoUplinks(NO_OTHERS_NAT);

/** Sends fragments in an order and gives what left. */
function sendInOrder(bed: TranslatorBed, device: number, fragments: readonly Uint8Array[], order: readonly number[]) {
  return order.flatMap((index) => bed.send(device, fragments[index] ?? new Uint8Array()).outgoing);
}

/** In the order of their offsets. */
function sorted(packets: readonly Uint8Array[]): string[] {
  const offset = (packet: Uint8Array) => new DataView(packet.buffer, packet.byteOffset).getUint16(6) & 0x1fff;
  return [...packets].sort((a, b) => offset(a) - offset(b)).map(hex);
}

function nth(fragments: readonly Uint8Array[], index: number): Uint8Array {
  const fragment = fragments[index];
  if (fragment === undefined) {
    throw new RangeError(`no fragment ${index}`);
  }
  return fragment;
}

export const fragmentCases: readonly Case[] = [
  ...ORDERS.map(
    (order): Case => ({
      name: `4787-R14, 8900-1 outbound fragments in the order ${order.join(', ')} leave whole, each translated`,
      run: (bed) => {
        const left = sendInOrder(bed, LAN, fragmentsOf(udp(H1, S1, ANSWER), 77, 1480), order);
        const identification = identificationOf(left[0]?.octets ?? new Uint8Array(20));
        const expected = fragmentsOf(udp(WA, S1, ANSWER), identification, 1480).map(hop);
        expect(left.map(({ device }) => device)).toEqual([ISP_A, ISP_A, ISP_A]);
        expect(sorted(left.map(({ octets }) => octets))).toEqual(expected.map(hex));
      },
    }),
  ),
  ...ORDERS.map(
    (order): Case => ({
      name: `4787-R14, 8900-3 a DNS answer in fragments arrives whole in the order ${order.join(', ')}`,
      run: (bed) => {
        bed.send(LAN, udp(H1, S1));
        const left = sendInOrder(bed, ISP_A, fragmentsOf(udp(S1, WA, ANSWER), 77, 1480), order);
        const expected = fragmentsOf(udp(S1, H1, ANSWER), 77, 1480).map(hop);
        expect(left.map(({ device }) => device)).toEqual([LAN, LAN, LAN]);
        expect(sorted(left.map(({ octets }) => octets))).toEqual(expected.map(hex));
      },
    }),
  ),
  {
    name: '4787-R14 fragments that came early follow the first one in the order of arrival, and only those of its datagram',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      const fragments = fragmentsOf(udp(S1, WA, ANSWER), 77, 1480);
      const others = [
        [ISP_A, nth(fragmentsOf(udp(S1, WA, ANSWER), 78, 1480), 1)],
        [ISP_A, nth(fragmentsOf(udp('192.0.2.20:53', WA, ANSWER), 77, 1480), 1)],
        [ISP_A, ip4('192.0.2.10', '203.0.113.2', 6, text('another protocol'), { id: 77, fragmentOffset: 1480 })],
        [ISP_B, nth(fragmentsOf(udp(S1, '198.51.100.2:5000', ANSWER), 77, 1480), 1)],
      ] as const;
      for (const [device, other] of others) {
        bed.ends(device, other, 'Queued');
      }
      const detour = fragmentsOf(udp(H1, S1, ANSWER), 79, 1480);
      bed.ends(OFFICE, nth(detour, 1), 'Queued');
      expect(bed.send(LAN, nth(detour, 0)).outgoing, 'from another device').toHaveLength(1);
      bed.ends(ISP_A, nth(fragments, 2), 'Queued');
      bed.ends(ISP_A, nth(fragments, 1), 'Queued');
      const expected = fragmentsOf(udp(S1, H1, ANSWER), 77, 1480).map(hop);
      bed.ends(
        ISP_A,
        nth(fragments, 0),
        'Forward',
        { device: LAN, packet: nth(expected, 0) },
        { device: LAN, packet: nth(expected, 2), kind: 'ReleasedFragment' },
        { device: LAN, packet: nth(expected, 1), kind: 'ReleasedFragment' },
      );
    },
  },
  {
    name: '4787-R14, 5508-R1 an echo request and its reply in fragments',
    run: (bed) => {
      const sent = sendInOrder(
        bed,
        LAN,
        fragmentsOf(echoRequest('10.0.0.11', '192.0.2.10', 9, ANSWER), 77, 1480),
        [2, 1, 0],
      );
      const identification = identificationOf(sent[0]?.octets ?? new Uint8Array(20));
      const request = fragmentsOf(echoRequest('203.0.113.2', '192.0.2.10', 9, ANSWER), identification, 1480);
      expect(sorted(sent.map(({ octets }) => octets))).toEqual(request.map(hop).map(hex));
      const back = sendInOrder(
        bed,
        ISP_A,
        fragmentsOf(echoReply('192.0.2.10', '203.0.113.2', 9, ANSWER), 5, 1480),
        [1, 0, 2],
      );
      const reply = fragmentsOf(echoReply('192.0.2.10', '10.0.0.11', 9, ANSWER), 5, 1480);
      expect(sorted(back.map(({ octets }) => octets))).toEqual(reply.map(hop).map(hex));
    },
  },
  {
    name: '4787-R14, 4787-R9 hairpinned fragments have both addresses translated and an identification of ours',
    run: (bed) => {
      bed.send(LAN, udp(H2, S1, { payload: text('opens 5000 of H2') }));
      const external = bed.externalOf('udp', H2);
      bed.send(LAN, udp(H2, WA));
      bed.send(LAN, udp(H1, external));
      const sender = bed.externalOf('udp', H1);
      bed.send(LAN, udp(H2, sender));
      const left = sendInOrder(bed, LAN, fragmentsOf(udp(H1, external, ANSWER), 77, 1480), [1, 0, 2]);
      const identification = identificationOf(left[0]?.octets ?? new Uint8Array(20));
      expect(identification).not.toBe(77);
      const expected = fragmentsOf(udp(sender, H2, ANSWER), identification, 1480).map(hop);
      expect(sorted(left.map(({ octets }) => octets))).toEqual(expected.map(hex));
    },
  },
  {
    name: '4787-R9 a hairpinned echo request in fragments is for the host role, which answers none: refused, without state',
    run: (bed) => {
      const fragments = fragmentsOf(echoRequest('10.0.0.11', '203.0.113.2', 9, ANSWER), 77, 1480);
      bed.drops(LAN, nth(fragments, 0), 'IcmpTypeNotForwarded');
      bed.drops(LAN, nth(fragments, 1), 'FragmentRefused');
      expect(bed.sessions()).toEqual([]);
    },
  },
  {
    name: '6146-F1 a first fragment 1.9 s late calls for the others, with the least time that is allowed',
    plan: twoUplinks({ nat44: { fragmentMs: 2000 } }),
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      const fragments = fragmentsOf(udp(S1, WA, ANSWER), 77, 1480);
      bed.ends(ISP_A, nth(fragments, 1), 'Queued');
      bed.wait(1.9);
      expect(bed.send(ISP_A, nth(fragments, 0)).outgoing.map(({ kind }) => kind)).toEqual([
        'Forward',
        'ReleasedFragment',
      ]);
    },
  },
  {
    name: '6146-F1 after its time a stored fragment is given up',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      const fragments = fragmentsOf(udp(S1, WA, ANSWER), 77, 1480);
      bed.ends(ISP_A, nth(fragments, 1), 'Queued');
      bed.wait(5);
      expect(bed.send(ISP_A, nth(fragments, 0)).outgoing.map(({ kind }) => kind)).toEqual(['Forward']);
    },
  },
  {
    name: '6146-F1 the translation of a datagram is kept as long, and later fragments do not prolong it',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      const [first, second, third] = fragmentsOf(udp(S1, WA, ANSWER), 77, 1480);
      bed.send(ISP_A, first ?? new Uint8Array());
      bed.wait(4.9);
      expect(bed.send(ISP_A, second ?? new Uint8Array()).verdict).toBe('Forward');
      bed.wait(0.1);
      expect(bed.send(ISP_A, third ?? new Uint8Array()).verdict).toBe('Queued');
    },
  },
  {
    name: '6146-F2 a first fragment without a whole TCP header is dropped, and nothing follows it',
    run: (bed) => {
      const fragments = fragmentsOf(tcp(H1, S1, 'SYN', { payload: text('sixteen octets..') }), 77, 16);
      bed.drops(LAN, nth(fragments, 0), 'TransportInvalid');
      bed.drops(LAN, nth(fragments, 1), 'Queued');
      expect(bed.sessions()).toEqual([]);
    },
  },
  {
    name: '4787-R14 a TCP segment in fragments, the header whole in the first one',
    run: (bed) => {
      const fragments = fragmentsOf(tcp(H1, S1, 'SYN', ANSWER), 77, 1480);
      const left = sendInOrder(bed, LAN, fragments, [2, 0, 1]);
      const identification = identificationOf(left[0]?.octets ?? new Uint8Array(20));
      const expected = fragmentsOf(tcp(WA, S1, 'SYN', ANSWER), identification, 1480).map(hop);
      expect(sorted(left.map(({ octets }) => octets))).toEqual(expected.map(hex));
    },
  },
  {
    name: '4787-R14a lone fragments fill the store and nothing else; it comes free in time',
    run: (bed) => {
      const lone = (id: number, octets = 8) =>
        ip4('192.0.2.66', '203.0.113.2', 17, new Uint8Array(octets), { id, fragmentOffset: 1480 });
      bed.send(LAN, udp(H1, S1));
      bed.ends(ISP_A, lone(1000, 2029), 'FragmentStoreFull');
      bed.ends(ISP_A, lone(0, 2028), 'Queued');
      for (let id = 1; id < 256; id += 1) {
        bed.ends(ISP_A, lone(id), 'Queued');
      }
      bed.ends(ISP_A, lone(256), 'FragmentStoreFull');
      bed.forwards(ISP_A, udp(S1, WA), LAN, udp(S1, H1));
      const expected = fragmentsOf(udp(S1, H1, ANSWER), 77, 1480);
      for (const [index, fragment] of fragmentsOf(udp(S1, WA, ANSWER), 77, 1480).entries()) {
        bed.forwards(ISP_A, fragment, LAN, nth(expected, index));
      }
      bed.wait(5);
      bed.ends(ISP_A, lone(256), 'Queued');
    },
  },
  {
    name: '4787-R14a with 4,096 datagrams in fragments another one is refused; those known and whole packets go on',
    run: (bed) => {
      const first = (id: number) => nth(fragmentsOf(udp(S1, WA, ANSWER), id, 1480), 0);
      const second = (id: number) => nth(fragmentsOf(udp(S1, WA, ANSWER), id, 1480), 1);
      bed.send(LAN, udp(H1, S1));
      for (let id = 0; id < 4096; id += 1) {
        expect(bed.send(ISP_A, first(id)).verdict).toBe('Forward');
      }
      bed.wait(3);
      bed.ends(ISP_A, second(5000), 'Queued');
      bed.ends(ISP_A, first(5000), 'FragmentStoreFull');
      bed.ends(ISP_A, second(5000), 'Queued');
      bed.ends(LAN, nth(fragmentsOf(udp(H1, S1, ANSWER), 77, 1480), 0), 'FragmentStoreFull');
      bed.ends(LAN, nth(fragmentsOf(udp('10.0.0.12:5000', WA, ANSWER), 77, 1480), 0), 'FragmentStoreFull');
      expect(bed.send(ISP_A, first(17)).verdict).toBe('Forward');
      expect(bed.send(ISP_A, second(17)).verdict).toBe('Forward');
      bed.forwards(ISP_A, udp(S1, WA), LAN, udp(S1, H1));
      bed.wait(2);
      expect(bed.send(ISP_A, first(5000)).outgoing, 'one was given up when it was refused').toHaveLength(2);
    },
  },
  {
    name: '4787-R14a without room a first fragment goes untranslated where a new flow would',
    plan: NO_OTHERS,
    run: (bed) => {
      const refused = (id: number) =>
        nth(fragmentsOf(ip4('192.0.2.66', '203.0.113.2', 253, ANSWER.payload), id, 1480), 0);
      for (let id = 0; id < 4096; id += 1) {
        expect(bed.send(ISP_A, refused(id)).verdict).toBe('UnsupportedProtocol');
      }
      bed.plan(twoUplinks({ ...NO_OTHERS_NAT, b4: { nat44: false }, plan: { policies: [{ prefer: [1, 0] }] } }));
      const late = nth(fragmentsOf(udp(H1, S1, ANSWER), 76, 1480, { ttl: 1 }), 0);
      expect([bed.send(LAN, late), bed.send(LAN, late)].map(({ verdict }) => verdict)).toEqual([
        'HopLimitExceeded',
        'HopLimitExceeded',
      ]);
      const [first, second] = fragmentsOf(udp(H1, S1, ANSWER), 76, 1480);
      for (const fragment of [first, second]) {
        bed.forwards(LAN, fragment ?? late, ISP_B, fragment ?? late);
      }
    },
  },
  {
    name: '8900-1 the fragments of a refused datagram are refused, also those that came before',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      const fragments = fragmentsOf(udp('192.0.2.66:53', WA, ANSWER), 77, 1480);
      bed.ends(ISP_A, nth(fragments, 2), 'Queued');
      bed.drops(ISP_A, nth(fragments, 0), 'FilteredInbound');
      bed.drops(ISP_A, nth(fragments, 1), 'FragmentRefused');
      bed.send(LAN, udp(H1, '192.0.2.66:53'));
      expect(bed.send(ISP_A, nth(fragments, 0)).outgoing, 'the stored one is gone').toHaveLength(1);
      expect(bed.send(ISP_A, nth(fragments, 1)).verdict, 'the record is replaced').toBe('Forward');
    },
  },
  {
    name: '8900-1 AH and ICMP errors in fragments are refused both ways',
    run: (bed) => {
      const sent = fragmentsOf(ip4('10.0.0.11', '192.0.2.10', 51, ANSWER.payload), 1, 1480);
      const unknown = icmpError('10.0.0.1', '10.0.0.11', nth(sent, 0).slice(0, 548), { type: 3, code: 2 });
      bed.dropsWithError(LAN, nth(sent, 0), 'UnsupportedProtocol', LAN, unknown);
      bed.drops(LAN, nth(sent, 1), 'FragmentRefused');
      bed.send(LAN, udp(H1, S1));
      const error = icmpError('192.0.2.1', '203.0.113.2', udp(WA, S1, ANSWER), { type: 11 });
      bed.drops(ISP_A, nth(fragmentsOf(error, 2, 1480), 0), 'FragmentNotTracked');
      bed.drops(ISP_A, nth(fragmentsOf(error, 2, 1480), 1), 'FragmentRefused');
    },
  },
  {
    name: '4787-R13a fragments are cut again towards a smaller link, stored ones too, keeping their places',
    plan: twoUplinks({ mtu: { [LAN]: 900 } }),
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      const fragments = fragmentsOf(udp(S1, WA, ANSWER), 77, 1480);
      const whole = udp(S1, H1, ANSWER);
      const piece = (start: number, end: number) =>
        ip4('192.0.2.10', '10.0.0.11', 17, whole.slice(20 + start, 20 + end), {
          id: 77,
          ttl: 63,
          fragmentOffset: start,
          moreFragments: end < 3008,
        });
      bed.ends(ISP_A, nth(fragments, 1), 'Queued');
      bed.ends(
        ISP_A,
        nth(fragments, 0),
        'Forward',
        { device: LAN, packet: piece(0, 880) },
        { device: LAN, packet: piece(880, 1480), kind: 'Fragment' },
        { device: LAN, packet: piece(1480, 2360), kind: 'Fragment' },
        { device: LAN, packet: piece(2360, 2960), kind: 'Fragment' },
      );
      bed.ends(ISP_A, nth(fragments, 2), 'Forward', { device: LAN, packet: piece(2960, 3008) });
    },
  },
  {
    name: '4787-R13, 6864-4.3 a fragment with DF that is too long is never cut: the first one causes an error, others none',
    plan: twoUplinks({ mtu: { [ISP_A]: 900 } }),
    run: (bed) => {
      const big = fragmentsOf(udp(H1, S1, ANSWER), 77, 1480, { dontFragment: true });
      const error = icmpError('10.0.0.1', '10.0.0.11', nth(big, 0).slice(0, 548), { type: 3, code: 4, word: 900 });
      bed.dropsWithError(LAN, nth(big, 0), 'TooBig', LAN, error);
      bed.drops(LAN, nth(big, 1), 'FragmentRefused');
      const small = fragmentsOf(udp(H1, S1, ANSWER), 78, 800, { dontFragment: true });
      expect(bed.send(LAN, nth(small, 0)).verdict).toBe('Forward');
      bed.drops(
        LAN,
        ip4('10.0.0.11', '192.0.2.10', 17, new Uint8Array(1000), { id: 78, fragmentOffset: 800, dontFragment: true }),
        'TooBig',
      );
      const released = bed.send(LAN, nth(small, 1));
      expect((released.outgoing[0]?.octets[6] ?? 0) & 0x40, 'DF stays').toBe(0x40);
    },
  },
  {
    name: '1812-WHEN a fragment with offset whose TTL ends causes no error, and one that waited disappears',
    run: (bed) => {
      const whole = udp(H1, S1, ANSWER);
      bed.ends(LAN, nth(fragmentsOf(whole, 77, 1480, { ttl: 1 }), 1), 'Queued');
      expect(bed.send(LAN, nth(fragmentsOf(whole, 77, 1480), 0)).outgoing).toHaveLength(1);
      bed.drops(LAN, nth(fragmentsOf(whole, 77, 1480, { ttl: 1 }), 2), 'HopLimitExceeded');
    },
  },
  {
    name: '8900-4 all fragments leave by the uplink of the first one, whatever is preferred by then',
    run: (bed) => {
      const fragments = fragmentsOf(udp(H1, S1, ANSWER), 77, 1480);
      bed.send(LAN, nth(fragments, 0));
      bed.plan(twoUplinks({ plan: { policies: [{ prefer: [1, 0] }] } }));
      expect(bed.send(LAN, nth(fragments, 1)).outgoing.map(({ device }) => device)).toEqual([ISP_A]);
    },
  },
  {
    name: '4787-R6, 7857-S7 later fragments refresh nothing',
    plan: twoUplinks({ nat44: { udpMs: 3000 } }),
    run: (bed) => {
      const fragments = fragmentsOf(udp(H1, S1, ANSWER), 77, 1480);
      bed.send(LAN, nth(fragments, 0));
      bed.wait(2.9);
      expect(bed.send(LAN, nth(fragments, 1)).verdict).toBe('Forward');
      bed.wait(0.1);
      expect(bed.sessions()).toEqual([]);
      expect(bed.send(LAN, nth(fragments, 2)).verdict, 'and need none').toBe('Forward');
    },
  },
  {
    name: '8900-1 without NAT44 fragments pass as they are, both ways, and nothing is stored',
    plan: twoUplinks({ a4: { nat44: false } }),
    run: (bed) => {
      for (const fragment of fragmentsOf(udp(H1, S1, ANSWER), 77, 1480).toReversed()) {
        bed.forwards(LAN, fragment, ISP_A, fragment);
      }
      for (const fragment of fragmentsOf(udp(S1, H1, ANSWER), 77, 1480).toReversed()) {
        bed.forwards(ISP_A, fragment, LAN, fragment);
      }
      bed.plan(twoUplinks({ a4: { usable: false } }));
      bed.ends(LAN, nth(fragmentsOf(udp(H1, S1, ANSWER), 77, 1480), 1), 'Queued');
    },
  },
  {
    name: '8900-1 between internal networks fragments pass as they are',
    run: (bed) => {
      for (const fragment of fragmentsOf(udp(H1, '10.0.1.5:53', ANSWER), 77, 1480).toReversed()) {
        bed.forwards(LAN, fragment, OFFICE, fragment);
      }
    },
  },
];
