/** Destinations that are not translated: RFC 6888 REQ-6. */
import { expect } from 'vitest';
import { fragmentsOf } from '../../support/fragment-builder.ts';
import { echoReply, echoRequest, hop, icmpError, ip4, tcp, text, udp } from '../../support/packet-builder.ts';
import { ISP_A, ISP_B, LAN, OFFICE, prefix4, twoUplinks } from '../../support/plans.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const S1 = '192.0.2.10:53';
const S2 = '192.0.2.20:53';
const exempt = { exempt: [prefix4('192.0.2.20/32'), prefix4('198.18.0.0/15')] };
const PLAN = twoUplinks({ nat44: exempt });
/** Names and time of one server. */
const BY_PORT = twoUplinks({
  nat44: { exempt: [{ ...prefix4('192.0.2.20/32'), protocol: 17, portLow: 53, portHigh: 60 }] },
});

export const exemptCases: readonly Case[] = [
  {
    name: '6888-R6 a packet to an exempt destination leaves with its internal source, and makes no state',
    plan: PLAN,
    run: (bed) => {
      bed.forwards(LAN, udp(H1, S2), ISP_A, udp(H1, S2));
      bed.forwards(OFFICE, udp('10.0.1.5:80', '198.19.255.255:53'), ISP_A, udp('10.0.1.5:80', '198.19.255.255:53'));
      expect(bed.sessions()).toEqual([]);
      bed.forwards(LAN, udp(H1, S1), ISP_A, udp('203.0.113.2:5000', S1));
    },
  },
  {
    name: '6888-R6 its replies reach the host, by any uplink, and so does what it begins itself',
    plan: PLAN,
    run: (bed) => {
      bed.forwards(ISP_A, udp(S2, H1), LAN, udp(S2, H1));
      bed.forwards(
        ISP_B,
        tcp('192.0.2.20:80', '10.0.1.5:22', 'SYN'),
        OFFICE,
        tcp('192.0.2.20:80', '10.0.1.5:22', 'SYN'),
      );
      bed.drops(ISP_A, udp(S1, H1), 'NotForThisUplink');
    },
  },
  {
    name: '6888-R6 any protocol, any message and any fragment',
    plan: PLAN,
    run: (bed) => {
      const quote = udp(S2, H1);
      const packets = [
        tcp(H1, S2, 'ACK'),
        echoRequest('10.0.0.11', '192.0.2.20', 7),
        echoReply('10.0.0.11', '192.0.2.20', 7),
        icmpError('10.0.0.11', '192.0.2.20', quote, { type: 3, code: 3 }),
        ip4('10.0.0.11', '192.0.2.20', 253, text('experiment')),
        ...fragmentsOf(udp(H1, S2, { id: 5, dontFragment: false, payload: new Uint8Array(40) }), 5, 16).toReversed(),
      ];
      for (const packet of packets) {
        bed.forwards(LAN, packet, ISP_A, packet);
      }
    },
  },
  {
    name: '6888-R6 it takes the uplink of a new flow, and a host with a mapping on another one is no exception',
    plan: PLAN,
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      bed.plan(twoUplinks({ nat44: exempt, plan: { policies: [{ prefer: [1, 0] }] } }));
      bed.forwards(LAN, udp(H1, S2), ISP_B, udp(H1, S2));
      bed.plan(twoUplinks({ nat44: exempt, plan: { policies: [{ prefer: [] }] } }));
      const packet = udp(H1, S2);
      const error = icmpError('10.0.0.1', '10.0.0.11', packet, { type: 3, code: 0 });
      bed.dropsWithError(LAN, packet, 'NoUplink', LAN, error);
    },
  },
  {
    name: '6888-R6 it is forwarded as by any router: TTL, MTU, fragments with the identification of the host',
    plan: twoUplinks({ nat44: exempt, mtu: { [ISP_A]: 576 } }),
    run: (bed) => {
      const late = udp(H1, S2, { ttl: 1 });
      bed.dropsWithError(LAN, late, 'HopLimitExceeded', LAN, icmpError('10.0.0.1', '10.0.0.11', late, { type: 11 }));
      const whole = udp(H1, S2, { payload: new Uint8Array(1000), id: 4711, dontFragment: false, ttl: 64 });
      const [first, second] = fragmentsOf(udp(H1, S2, { payload: new Uint8Array(1000), ttl: 63 }), 4711, 552);
      bed.ends(
        LAN,
        whole,
        'Forward',
        { device: ISP_A, packet: first ?? whole },
        { device: ISP_A, packet: second ?? whole, kind: 'Fragment' },
      );
    },
  },
  {
    name: '6888-R6, 2827-1 an exempt source that is internal is spoofed all the same',
    plan: twoUplinks({ nat44: { exempt: [prefix4('0.0.0.0/0')] } }),
    run: (bed) => {
      bed.drops(ISP_A, udp('10.0.0.12:53', H1), 'SpoofedSource');
      bed.drops(ISP_A, udp(S1, '172.16.0.1:53'), 'NotForThisUplink');
      bed.drops(LAN, udp('172.16.0.1:53', S1), 'SourceNotInternal');
    },
  },
  {
    name: '6888-R6 an exempt sender to the external address meets its mappings',
    plan: PLAN,
    run: (bed) => {
      bed.drops(ISP_A, udp(S2, '203.0.113.2:5000'), 'NoMapping');
      bed.plan(twoUplinks());
      bed.send(LAN, udp(H1, S2));
      bed.plan(PLAN);
      bed.forwards(ISP_A, udp(S2, '203.0.113.2:5000'), LAN, udp(S2, H1));
    },
  },
  {
    name: '6888-R6, 4787-R9 hairpins are translated, whatever is exempt',
    plan: twoUplinks({ nat44: { exempt: [prefix4('0.0.0.0/0')] } }),
    run: (bed) => {
      bed.drops(LAN, udp(H1, '203.0.113.2:6000'), 'NoMapping');
      bed.forwards(LAN, udp('10.0.0.12:6000', '203.0.113.2:5000'), LAN, udp('203.0.113.2:6000', H1));
    },
  },
  {
    name: '6888-R6 an exemption of one protocol and some ports of a destination covers nothing else of it',
    plan: BY_PORT,
    run: (bed) => {
      bed.forwards(LAN, udp(H1, S2), ISP_A, udp(H1, S2));
      bed.forwards(LAN, udp(H1, '192.0.2.20:60'), ISP_A, udp(H1, '192.0.2.20:60'));
      expect(bed.sessions()).toEqual([]);
      bed.forwards(LAN, udp(H1, '192.0.2.20:61'), ISP_A, udp('203.0.113.2:5000', '192.0.2.20:61'));
      bed.forwards(LAN, udp(H1, '192.0.2.20:52'), ISP_A, udp('203.0.113.2:5000', '192.0.2.20:52'));
      bed.forwards(LAN, tcp(H1, S2, 'SYN'), ISP_A, tcp('203.0.113.2:5000', S2, 'SYN'));
      bed.forwards(LAN, udp(H1, S1), ISP_A, udp('203.0.113.2:5000', S1));
      expect(bed.sessions()).toHaveLength(4);
    },
  },
  {
    name: '6888-R6 by port: replies from those ports reach the host, from others not',
    plan: BY_PORT,
    run: (bed) => {
      bed.forwards(ISP_A, udp(S2, H1), LAN, udp(S2, H1));
      bed.drops(ISP_A, udp('192.0.2.20:61', H1), 'NotForThisUplink');
      bed.drops(ISP_A, tcp(S2, H1, 'SYN,ACK'), 'NotForThisUplink');
    },
  },
  {
    name: '6888-R6 by protocol alone: all of its ports, and no other protocol',
    plan: twoUplinks({ nat44: { exempt: [{ ...prefix4('192.0.2.20/32'), protocol: 6 }] } }),
    run: (bed) => {
      for (const port of [1, 80, 65_535]) {
        const to = `192.0.2.20:${port}`;
        bed.forwards(LAN, tcp(H1, to, 'ACK'), ISP_A, tcp(H1, to, 'ACK'));
      }
      bed.forwards(LAN, udp(H1, S2), ISP_A, udp('203.0.113.2:5000', S2));
    },
  },
  {
    name: '6888-R6 by port: later fragments go the way of the first one, whatever comes in between',
    plan: BY_PORT,
    run: (bed) => {
      const payload = new Uint8Array(40);
      const exemptOnes = fragmentsOf(udp(H1, S2, { payload }), 7, 24);
      const translated = fragmentsOf(udp(H1, '192.0.2.20:61', { payload }), 8, 24);
      for (const fragment of [exemptOnes[0], exemptOnes[1]]) {
        bed.forwards(LAN, fragment ?? payload, ISP_A, fragment ?? payload);
      }
      const left = translated.slice(0, 2).map((fragment) => bed.send(LAN, fragment).outgoing[0]?.octets);
      expect(left.map((octets) => octets?.slice(12, 16))).toEqual([
        Uint8Array.of(203, 0, 113, 2),
        Uint8Array.of(203, 0, 113, 2),
      ]);
    },
  },
  {
    name: '6888-R6 by port, from an uplink: every later fragment of that protocol and address, since its port cannot be seen',
    plan: BY_PORT,
    run: (bed) => {
      const payload = new Uint8Array(40);
      const covered = fragmentsOf(udp(S2, H1, { payload }), 7, 24);
      for (const fragment of covered.toReversed()) bed.forwards(ISP_A, fragment, LAN, fragment);
      const [first, later] = fragmentsOf(udp('192.0.2.20:61', H1, { payload }), 8, 24);
      bed.drops(ISP_A, first ?? payload, 'NotForThisUplink');
      bed.forwards(ISP_A, later ?? payload, LAN, later ?? payload);
      const ofTcp = fragmentsOf(tcp(S2, H1, 'ACK', { payload }), 9, 24);
      for (const fragment of ofTcp) bed.drops(ISP_A, fragment, 'NotForThisUplink');
    },
  },
  {
    name: '6888-R6 by port: what came ahead of its first fragment follows it untranslated',
    plan: BY_PORT,
    run: (bed) => {
      const [first, later] = fragmentsOf(udp(H1, S2, { payload: new Uint8Array(40) }), 7, 24).map(hop);
      const [sentFirst, sentLater] = fragmentsOf(udp(H1, S2, { payload: new Uint8Array(40) }), 7, 24);
      bed.ends(LAN, sentLater ?? new Uint8Array(), 'Queued');
      bed.ends(
        LAN,
        sentFirst ?? new Uint8Array(),
        'Forward',
        { device: ISP_A, packet: first ?? new Uint8Array() },
        { device: ISP_A, packet: later ?? new Uint8Array(), kind: 'ReleasedFragment' },
      );
    },
  },
];
