/** Fragments through the IPv6 filter: each goes as the first one of its datagram went (RFC 6092, 8200, 8900). */
import { expect } from 'vitest';
import { filtered, GATEWAY, H1, H1_A, H2, H2_A, published6, Q6, R6 } from '../../support/filtered-plan.ts';
import { hop, text } from '../../support/packet-builder.ts';
import {
  echoReply6,
  echoRequest6,
  fragmentHeader,
  icmpError6,
  ip6,
  readdressed,
  tcp6,
  udp6,
} from '../../support/packet-builder-ipv6.ts';
import { ISP_A, LAN, OFFICE, twoUplinks } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';
import { reaches, sends } from './filter.cases.ts';

const OUT = [40000, 53] as const;
const BACK = [53, 40000] as const;
const UDP = 17;

/** Fragments of a datagram between two hosts: the first has the header, with more to come. */
function first(from: string, to: string, ports: readonly [number, number], id = 1): Uint8Array {
  return udp6(from, to, ports, { extensions: [fragmentHeader(0, true, id)] });
}

function later(from: string, to: string, id = 1, offset = 16, fields: { hopLimit?: number; size?: number } = {}) {
  const { size = 9, ...more } = fields;
  const payload = new Uint8Array(size).fill(0xee);
  return ip6(from, to, UDP, payload, { ...more, extensions: [fragmentHeader(offset, false, id)] });
}

/** The first fragment from H1 takes those along that waited for it. */
function releases(bed: TranslatorBed, sent: Uint8Array, ...waiting: readonly Uint8Array[]): void {
  const left = (packet: Uint8Array) => hop(readdressed(packet, { from: H1_A }));
  bed.ends(
    LAN,
    sent,
    'Forward',
    { device: ISP_A, packet: left(sent) },
    ...waiting.map((packet) => ({ device: ISP_A, packet: left(packet), kind: 'ReleasedFragment' })),
  );
}

const following: readonly Case[] = [
  {
    name: '8200-F4, 8900-1 fragments in order, both ways',
    plan: filtered(),
    run: (bed) => {
      sends(bed, first(H1, Q6, OUT));
      sends(bed, later(H1, Q6, 1, 16));
      sends(bed, later(H1, Q6, 1, 24));
      reaches(bed, first(Q6, H1_A, BACK));
      reaches(bed, later(Q6, H1_A));
      expect(bed.sessions()).toHaveLength(1);
    },
  },
  {
    name: '8200-F4, 4787-R14 fragments that come first wait for theirs, in the order of arrival',
    plan: filtered(),
    run: (bed) => {
      const waiting = [later(H1, Q6, 1, 32), later(H1, Q6, 1, 16)];
      for (const packet of waiting) bed.drops(LAN, packet, 'Queued');
      bed.drops(LAN, later(H1, Q6, 2), 'Queued');
      bed.drops(LAN, later(H1, R6, 1), 'Queued');
      releases(bed, first(H1, Q6, OUT), ...waiting);
      releases(bed, first(H1, Q6, OUT));
    },
  },
  {
    name: '8200-F4 inbound and in hairpins they wait too',
    plan: filtered({ published: [published6(H1), published6(H2)] }),
    run: (bed) => {
      const [head, tail] = [first(Q6, H1_A, BACK), later(Q6, H1_A)];
      bed.drops(ISP_A, tail, 'Queued');
      const arrived = (packet: Uint8Array) => hop(readdressed(packet, { to: H1 }));
      bed.ends(
        ISP_A,
        head,
        'Forward',
        { device: LAN, packet: arrived(head) },
        { device: LAN, packet: arrived(tail), kind: 'ReleasedFragment' },
      );
      const [over, rest] = [first(H1, H2_A, OUT), later(H1, H2_A)];
      bed.drops(LAN, rest, 'Queued');
      const turned = (packet: Uint8Array) => hop(readdressed(packet, { from: H1_A, to: H2 }));
      bed.ends(
        LAN,
        over,
        'Forward',
        { device: OFFICE, packet: turned(over) },
        { device: OFFICE, packet: turned(rest), kind: 'ReleasedFragment' },
      );
      bed.forwards(LAN, rest, OFFICE, readdressed(rest, { from: H1_A, to: H2 }));
    },
  },
  {
    name: '8900-1 the datagram is that of its device, its addresses and its identification, not of its protocol',
    plan: filtered(),
    run: (bed) => {
      sends(bed, first(H1, Q6, OUT));
      const other = ip6(H1, Q6, 6, new Uint8Array(8), { extensions: [fragmentHeader(16, false, 1)] });
      sends(bed, other);
      bed.drops(OFFICE, later(H1, Q6), 'Queued');
      bed.drops(LAN, later(H1, R6), 'Queued');
      bed.drops(LAN, later(H1, Q6, 2), 'Queued');
    },
  },
  {
    name: '8900-1 the others go where the first one went, whatever uplink is preferred by then',
    plan: filtered(),
    run: (bed) => {
      sends(bed, first(H1, Q6, OUT));
      bed.plan(filtered({}, { a6: { usable: false } }));
      sends(bed, later(H1, Q6));
      bed.drops(LAN, later(H1, Q6, 2), 'Queued');
    },
  },
];

const refusing: readonly Case[] = [
  {
    name: '4787-R14a fragments of a first one that was refused are refused, and those that waited are given up',
    plan: filtered(),
    run: (bed) => {
      bed.drops(ISP_A, later(Q6, H1_A), 'Queued');
      bed.drops(ISP_A, first(Q6, H1_A, BACK), 'FilteredInbound');
      bed.drops(ISP_A, later(Q6, H1_A), 'FragmentRefused');
      sends(bed, udp6(H1, Q6, OUT));
      reaches(bed, first(Q6, H1_A, BACK));
      reaches(bed, later(Q6, H1_A));
    },
  },
  {
    name: '4787-R14a refused by the filter or later counts; refused before it leaves the others waiting',
    plan: filtered({ published: [published6(H1)] }, { mtu: { [ISP_A]: 1280 } }),
    run: (bed) => {
      expect(bed.send(ISP_A, later(Q6, H1_A, 1, 16, { hopLimit: 1 })).verdict).toBe('HopLimitExceeded');
      const dying = udp6(Q6, H1_A, BACK, { hopLimit: 1, extensions: [fragmentHeader(0, true, 1)] });
      expect(bed.send(ISP_A, dying).verdict).toBe('HopLimitExceeded');
      bed.drops(ISP_A, later(Q6, H1_A), 'Queued');
      const lateOut = udp6(H1, Q6, OUT, { hopLimit: 1, extensions: [fragmentHeader(0, true, 1)] });
      bed.dropsWithError(LAN, lateOut, 'HopLimitExceeded', LAN, icmpError6(GATEWAY, H1, lateOut, { type: 3 }));
      bed.drops(LAN, later(H1, Q6), 'FragmentRefused');
      const cutShort = ip6(H1, Q6, UDP, new Uint8Array(7), { extensions: [fragmentHeader(0, true, 2)] });
      bed.drops(LAN, cutShort, 'TransportInvalid');
      bed.drops(LAN, later(H1, Q6, 2), 'FragmentRefused');
      const lateOver = udp6(H1, H2_A, OUT, { hopLimit: 1, extensions: [fragmentHeader(0, true, 3)] });
      bed.dropsWithError(LAN, lateOver, 'HopLimitExceeded', LAN, icmpError6(GATEWAY, H1, lateOver, { type: 3 }));
      bed.drops(LAN, later(H1, H2_A, 3), 'Queued');
    },
  },
  {
    name: '4443-TE, 4443-PTB a later fragment has a hop limit and a size of its own; errors are about first ones only',
    plan: filtered({}, { mtu: { [ISP_A]: 1280 } }),
    run: (bed) => {
      const waiting = later(H1, Q6, 1, 32, { size: 1400 });
      bed.drops(LAN, waiting, 'Queued');
      releases(bed, first(H1, Q6, OUT));
      bed.drops(LAN, later(H1, Q6, 1, 16, { hopLimit: 1 }), 'HopLimitExceeded');
      bed.drops(LAN, waiting, 'TooBig');
      sends(bed, later(H1, Q6, 1, 16, { hopLimit: 2 }));
    },
  },
  {
    name: '6296b-ICMP4 an ICMPv6 error in fragments is refused, and its later fragments with it',
    plan: filtered(),
    run: (bed) => {
      sends(bed, udp6(H1, Q6, OUT));
      const error = icmpError6(R6, H1_A, udp6(H1_A, Q6, OUT), { type: 1, extensions: [fragmentHeader(0, true, 5)] });
      bed.drops(ISP_A, error, 'IcmpQuoteInvalid');
      const came = icmpError6(H1, Q6, udp6(Q6, H1, BACK), { type: 1, extensions: [fragmentHeader(0, true, 5)] });
      bed.drops(LAN, came, 'IcmpQuoteInvalid');
      bed.drops(LAN, later(H1, Q6, 5), 'FragmentRefused');
    },
  },
];

const particular: readonly Case[] = [
  {
    name: '8200-F4 a fragment header without more to come and without an offset makes a whole packet',
    plan: filtered(),
    run: (bed) => {
      const whole = udp6(H1, Q6, OUT, { extensions: [fragmentHeader(0, false, 1)] });
      sends(bed, whole);
      bed.drops(LAN, later(H1, Q6), 'Queued');
      sends(bed, whole);
      reaches(bed, udp6(Q6, H1_A, BACK, { extensions: [fragmentHeader(0, false, 1)] }));
    },
  },
  {
    name: '8200-F4 of two fragment headers the last one counts',
    plan: filtered(),
    run: (bed) => {
      const two = [fragmentHeader(0, true, 1), fragmentHeader(0, true, 2)];
      sends(bed, udp6(H1, Q6, OUT, { extensions: two }));
      sends(bed, later(H1, Q6, 2));
      bed.drops(LAN, later(H1, Q6, 1), 'Queued');
      const whole = [fragmentHeader(0, true, 7), fragmentHeader(0, false, 8)];
      sends(bed, udp6(H1, Q6, OUT, { extensions: whole }));
      for (const id of [7, 8]) bed.drops(LAN, later(H1, Q6, id), 'Queued');
    },
  },
  {
    name: '4890-T1 long pings in fragments are pings, from either side',
    plan: filtered(),
    run: (bed) => {
      const more = { extensions: [fragmentHeader(0, true, 3)] };
      reaches(bed, echoRequest6(Q6, H1_A, 1, more));
      reaches(bed, later(Q6, H1_A, 3));
      sends(bed, echoReply6(H1, Q6, 1, more));
      sends(bed, later(H1, Q6, 3));
      sends(bed, echoRequest6(H1, Q6, 2, more));
      reaches(bed, echoReply6(Q6, H1_A, 2, more));
    },
  },
  {
    name: '8900-1 between internal networks, and without the filter, fragments are not looked at',
    plan: filtered(),
    run: (bed) => {
      const within = later(H1, 'fd01:203:405:2::9');
      bed.forwards(LAN, within, OFFICE, within);
      bed.plan(twoUplinks());
      sends(bed, later(H1, Q6));
      reaches(bed, later(Q6, H1_A));
    },
  },
  {
    name: '4787-R14a what waits and what is known ends after the fragment time',
    plan: filtered(),
    run: (bed) => {
      bed.drops(LAN, later(H1, Q6), 'Queued');
      bed.wait(5);
      releases(bed, first(H1, Q6, OUT));
      bed.wait(4.9);
      sends(bed, later(H1, Q6));
      bed.wait(0.1);
      bed.drops(LAN, later(H1, Q6), 'Queued');
    },
  },
  {
    name: '4787-R14a 256 fragments wait at most, none of more than 2048 octets',
    plan: filtered(),
    run: (bed) => {
      bed.drops(LAN, later(H1, Q6, 1, 16, { size: 2001 }), 'FragmentStoreFull');
      bed.drops(LAN, later(H1, Q6, 1, 16, { size: 2000 }), 'Queued');
      for (let id = 2; id <= 256; id += 1) bed.drops(LAN, later(H1, Q6, id), 'Queued');
      bed.drops(LAN, later(H1, Q6, 257), 'FragmentStoreFull');
      bed.drops(ISP_A, later(Q6, H1_A, 1), 'FragmentStoreFull');
      const waiting = later(H1, Q6, 2);
      releases(bed, first(H1, Q6, OUT, 2), waiting);
      bed.drops(LAN, later(H1, Q6, 257), 'Queued');
    },
  },
  {
    name: '4787-R14a 4096 datagrams are known at most; a further first fragment is refused before its header is looked at',
    plan: filtered({ published: [published6(H1)] }),
    run: (bed) => {
      for (let id = 0; id < 4096; id += 1) bed.send(LAN, first(H1, Q6, OUT, id));
      bed.drops(LAN, later(H1, Q6, 5000), 'Queued');
      const cutShort = ip6(H1, Q6, UDP, new Uint8Array(7), { extensions: [fragmentHeader(0, true, 5000)] });
      bed.drops(LAN, cutShort, 'FragmentStoreFull');
      bed.drops(ISP_A, first(Q6, H1_A, BACK), 'FragmentStoreFull');
      sends(bed, first(H1, Q6, OUT, 17));
      sends(bed, udp6(H1, Q6, OUT));
      bed.wait(5);
      releases(bed, first(H1, Q6, OUT, 5000));
    },
  },
  {
    name: '6092-R31 a SYN in fragments opens a connection',
    plan: filtered(),
    run: (bed) => {
      const head = tcp6(H1, Q6, OUT, 'SYN', { extensions: [fragmentHeader(0, true, 1)], payload: text('12345678') });
      sends(bed, head);
      sends(bed, later(H1, Q6, 1));
      expect(bed.sessions().map(({ tcpState }) => tcpState)).toEqual(['INIT']);
    },
  },
];

export const filterFragmentCases: readonly Case[] = [...following, ...refusing, ...particular];
