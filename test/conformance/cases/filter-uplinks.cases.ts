/** Flows of the IPv6 filter when uplinks die, change, or are addressed from within, and how sessions are listed (MWAN, RFC 6296, 6092, 8028). */
import { expect } from 'vitest';
import type { Plan } from '../../../src/plan/plan.ts';
import { filtered, GATEWAY, H1, H1_A, H1_B, H2, H2_A, published6, Q6, R6 } from '../../support/filtered-plan.ts';
import { text } from '../../support/packet-builder.ts';
import {
  echoReply6,
  echoRequest6,
  icmp6,
  icmpError6,
  ip6,
  readdressed,
  type Tcp6Fields,
  tcp6,
  udp6,
} from '../../support/packet-builder-ipv6.ts';
import { ISP_A, ISP_B, LAN, OFFICE, type PlanChanges, prefixPair, UPLINK_A6, UPLINK_B6 } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import { dccp6, SCTP6, sctp6, TRANSPORTS6, UDP_LITE6 } from '../../support/transports-ipv6.ts';
import type { Case } from '../case.ts';
import { reaches, sends } from './filter.cases.ts';

const OUT = [40000, 80] as const;
const BACK = [80, 40000] as const;
const GRE = 47;
const HOST = [published6(H1)];
const DOWN = { usable: false };

function aDown(changes: PlanChanges = {}): Plan {
  return filtered({ published: HOST }, { ...changes, a6: { ...DOWN, ...changes.a6 } });
}

/** H1 sends by uplink B. */
function sendsByB(bed: TranslatorBed, packet: Uint8Array): void {
  bed.forwards(LAN, packet, ISP_B, readdressed(packet, { from: H1_B }));
}

/** The reset that answers a segment of H1. */
function resetOf(ports: readonly [number, number], fields: Tcp6Fields, flags: string): Uint8Array {
  return tcp6(Q6, H1, [ports[1], ports[0]], flags, { ...fields, hopLimit: 64 });
}

const deaths: readonly Case[] = [
  {
    name: 'MWAN-2 TCP of a dead uplink is reset, never moved; a SYN begins anew on the other one',
    plan: filtered({ published: HOST }),
    run: (bed) => {
      sends(bed, tcp6(H1, Q6, OUT, 'SYN'));
      reaches(bed, tcp6(Q6, H1_A, BACK, 'SYN,ACK'));
      bed.plan(aDown());
      const data = tcp6(H1, Q6, OUT, 'PSH,ACK', { sequence: 1001, acknowledgement: 5001, payload: text('data') });
      const reset = resetOf(OUT, { sequence: 5001 }, 'RST');
      bed.ends(LAN, data, 'UplinkDown', { device: LAN, packet: reset, kind: 'TcpReset' });
      const fin = tcp6(H1, Q6, OUT, 'FIN', { sequence: 1001, payload: text('data'), trafficClass: 0xff, flowLabel: 7 });
      const resetOfFin = resetOf(OUT, { sequence: 0, acknowledgement: 1006 }, 'RST,ACK');
      bed.ends(LAN, fin, 'UplinkDown', { device: LAN, packet: resetOfFin, kind: 'TcpReset' });
      bed.drops(LAN, tcp6(H1, Q6, OUT, 'RST'), 'UplinkDown');
      sendsByB(bed, tcp6(H1, Q6, OUT, 'SYN'));
      expect(bed.sessions().map(({ uplinkSlot }) => uplinkSlot)).toEqual([1]);
    },
  },
  {
    name: 'MWAN-2 the resets share their limit with those of IPv4',
    plan: filtered({}, { plan: { errorRate: { perSecond: 1, burst: 1 } } }),
    run: (bed) => {
      sends(bed, tcp6(H1, Q6, OUT, 'SYN'));
      bed.plan(filtered({}, { a6: DOWN, plan: { errorRate: { perSecond: 1, burst: 1 } } }));
      const ack = tcp6(H1, Q6, OUT, 'ACK', { acknowledgement: 9 });
      const reset = resetOf(OUT, { sequence: 9 }, 'RST');
      bed.ends(LAN, ack, 'UplinkDown', { device: LAN, packet: reset, kind: 'TcpReset' });
      bed.drops(LAN, ack, 'UplinkDown');
    },
  },
  ...[
    { name: 'udp', packet: (ports: readonly [number, number]) => udp6(H1, Q6, ports) },
    { name: 'udp-lite', packet: (ports: readonly [number, number]) => UDP_LITE6.open(H1, Q6, ports) },
    { name: 'dccp', packet: (ports: readonly [number, number]) => dccp6(H1, Q6, ports, 'Data') },
    { name: 'sctp', packet: (ports: readonly [number, number]) => sctp6(H1, Q6, ports, 'DATA') },
    { name: 'echo', packet: ([id]: readonly [number, number]) => echoRequest6(H1, Q6, id) },
    { name: 'GRE', packet: () => ip6(H1, Q6, GRE, text('x')) },
    { name: 'mobile IPv6', packet: () => icmp6(H1, Q6, 144, 0, text('1234')) },
  ].map(
    ({ name, packet }): Case => ({
      name: `MWAN-3 ${name}: an endpoint of a dead uplink moves with all its sessions, and stays where it is when the uplink comes back`,
      plan: filtered({ published: HOST }),
      run: (bed) => {
        sends(bed, packet(OUT));
        sends(bed, readdressed(packet(OUT), { to: R6 }));
        const others = name === 'GRE' || name === 'mobile IPv6' ? [] : [packet([40001, 80])];
        for (const other of others) sends(bed, other);
        bed.plan(aDown());
        sendsByB(bed, packet(OUT));
        const slots = bed.sessions().map(({ uplinkSlot }) => uplinkSlot);
        expect(slots.toSorted()).toEqual([...others.map(() => 0), 1]);
        bed.plan(filtered({ published: HOST }));
        sendsByB(bed, packet(OUT));
      },
    }),
  ),
  {
    name: 'MWAN-3 a new remote of an endpoint takes the uplink on which it speaks already; connections do not',
    plan: aDown(),
    run: (bed) => {
      sendsByB(bed, udp6(H1, Q6, OUT));
      for (const transport of TRANSPORTS6.filter(({ name }) => ['tcp', 'dccp', 'sctp'].includes(name))) {
        sendsByB(bed, transport.open(H1, Q6, OUT));
      }
      bed.plan(filtered({ published: HOST }));
      sendsByB(bed, udp6(H1, R6, OUT));
      sends(bed, udp6(H1, R6, [40001, 80]));
      sends(bed, tcp6(H1, R6, OUT, 'SYN'));
      sends(bed, dccp6(H1, R6, OUT, 'Request'));
      sends(bed, sctp6(H1, R6, OUT, 'INIT'));
    },
  },
  {
    name: 'MWAN-4 what came in by a dead uplink is not answered by another: its session ends alone',
    plan: filtered({ published: HOST }),
    run: (bed) => {
      reaches(bed, udp6(Q6, H1_A, BACK));
      sends(bed, udp6(H1, R6, OUT));
      reaches(bed, echoRequest6(Q6, H1_A, 5));
      bed.plan(aDown());
      bed.drops(LAN, udp6(H1, Q6, OUT), 'UplinkDown');
      bed.drops(LAN, echoReply6(H1, Q6, 5), 'UplinkDown');
      bed.drops(LAN, echoReply6(H1, Q6, 5), 'IcmpTypeNotForwarded');
      expect(bed.sessions().map(({ remote }) => remote)).toEqual(['[2001:db8:fffe::1]:80']);
      sendsByB(bed, udp6(H1, Q6, OUT));
    },
  },
  {
    name: 'MWAN-1 nothing moves where no other uplink is usable',
    plan: filtered(),
    run: (bed) => {
      sends(bed, tcp6(H1, Q6, OUT, 'SYN'));
      sends(bed, udp6(H1, Q6, OUT));
      const nowhere = [
        filtered({}, { a6: DOWN, b6: DOWN }),
        filtered({}, { a6: DOWN, plan: { policies: [{ prefer: [0] }] } }),
      ];
      for (const plan of nowhere) {
        bed.plan(plan);
        sends(bed, tcp6(H1, Q6, OUT, 'ACK'));
        sends(bed, udp6(H1, Q6, OUT));
      }
    },
  },
  {
    name: '8028-3, MWAN-3 a flow whose source the other uplink cannot carry is refused, and stays where it was',
    plan: filtered({}, { b6: { pairs: [prefixPair('2001:db8:77::/48', '2001:db8:5555::/48')] } }),
    run: (bed) => {
      sends(bed, udp6(H1, Q6, OUT));
      bed.plan(filtered({}, { a6: DOWN, b6: { pairs: [prefixPair('2001:db8:77::/48', '2001:db8:5555::/48')] } }));
      const packet = udp6(H1, Q6, OUT);
      const error = icmpError6(GATEWAY, H1, packet, { type: 1, code: 5 });
      bed.dropsWithError(LAN, packet, 'SourceNotInternal', LAN, error);
      expect(bed.sessions()).toHaveLength(1);
    },
  },
  {
    name: '6888-R11a a flow that moves needs no more room than it had',
    plan: filtered(),
    options: { filterSessionsMax: 1 },
    run: (bed) => {
      sends(bed, udp6(H1, Q6, OUT));
      bed.plan(aDown());
      sendsByB(bed, udp6(H1, Q6, OUT));
    },
  },
  {
    name: 'MWAN-1 no uplink at all: no route',
    plan: filtered({}, { a6: { usable: false, lastResort: false }, b6: { usable: false, lastResort: false } }),
    run: (bed) => {
      const packet = udp6(H1, Q6, OUT);
      bed.dropsWithError(LAN, packet, 'NoUplink', LAN, icmpError6(GATEWAY, H1, packet, { type: 1, code: 0 }));
    },
  },
];

const changes: readonly Case[] = [
  {
    name: '6296-DYN another epoch, no IPv6, or no uplink any more ends the sessions of that uplink only',
    run: (bed) => {
      const all = filtered({ filteringUdp: 'endpoint-independent' });
      const later = [
        { ...all, uplinks: all.uplinks.map((uplink) => (uplink.slot === 0 ? { ...uplink, epoch: 1 } : uplink)) },
        {
          ...all,
          uplinks: all.uplinks.map(({ ipv6, ...uplink }) =>
            uplink.slot === 0 ? uplink : { ...uplink, ...(ipv6 && { ipv6 }) },
          ),
        },
        {
          ...all,
          devices: all.devices.map(({ uplinkSlot, ...one }) => (uplinkSlot === 1 ? { ...one, uplinkSlot } : one)),
          uplinks: all.uplinks.filter(({ slot }) => slot === 1),
          policies: [{ prefer: [1] }],
        },
      ];
      for (const plan of later) {
        bed.restart(aDown());
        sendsByB(bed, udp6(H1, R6, [40001, 80]));
        bed.plan(all);
        sends(bed, udp6(H1, Q6, OUT));
        bed.plan(plan);
        expect(bed.sessions().map(({ uplinkSlot }) => uplinkSlot)).toEqual([1]);
        bed.plan(all);
        bed.drops(ISP_A, udp6(Q6, H1_A, BACK), 'FilteredInbound');
      }
    },
  },
  {
    name: '8028-3 hosts with a prefix of an ISP stay with it, filtered like others',
    plan: native(),
    run: (bed) => {
      const own = '2001:db8:5555:10::1234';
      bed.drops(ISP_B, udp6(Q6, own, BACK), 'FilteredInbound');
      bed.forwards(LAN, udp6(own, Q6, OUT), ISP_B, udp6(own, Q6, OUT));
      bed.forwards(ISP_B, udp6(Q6, own, BACK), LAN, udp6(Q6, own, BACK));
      bed.drops(ISP_A, udp6(Q6, H1_A, BACK), 'FilteredInbound');
      expect(bed.sessions().map(({ internal, external }) => [internal, external])).toEqual([
        [`[${own}]:40000`, `[${own}]:40000`],
      ]);
    },
  },
  {
    name: '8028-3, 8678-2 when their ISP dies, the host is told and not heard elsewhere',
    plan: native(),
    run: (bed) => {
      const own = '2001:db8:5555:10::1234';
      bed.forwards(LAN, udp6(own, Q6, OUT), ISP_B, udp6(own, Q6, OUT));
      bed.plan(native({ b6: DOWN }));
      const packet = udp6(own, Q6, OUT);
      const error = icmpError6('fd01:203:405:1::1', own, packet, { type: 1, code: 5 });
      bed.dropsWithError(LAN, packet, 'SourceNotInternal', LAN, error);
    },
  },
];

/** A part of the prefix of ISP B is on the LAN. */
function native(changes: PlanChanges = {}): Plan {
  const { a6, b6 } = changes;
  const pairs = [prefixPair('2001:db8:5555:10::/60', '2001:db8:5555:10::/60'), ...UPLINK_B6.pairs];
  const plan = filtered({}, { a6: { ...UPLINK_A6, ...a6 }, b6: { pairs, ...b6 } });
  const devices = plan.devices.map((one, index) =>
    index === LAN
      ? { ...one, ipv6: [...one.ipv6, { address: addressOf('2001:db8:5555:10::1'), prefixLength: 64 }] }
      : one,
  );
  return { ...plan, devices };
}

/** The address in a packet from it. */
function addressOf(address: string): Uint8Array {
  return udp6(address, Q6, OUT).slice(8, 24);
}

const hairpins: readonly Case[] = [
  {
    name: '6296-4.3a, 6296-4.3b a hairpin opens a session for each host, and is answered both ways',
    plan: filtered({ published: [published6(H2, 17)] }),
    run: (bed) => {
      const packet = udp6(H1, H2_A, OUT);
      bed.forwards(LAN, packet, OFFICE, readdressed(packet, { from: H1_A, to: H2 }));
      const answer = udp6(H2, H1_A, BACK);
      bed.forwards(OFFICE, answer, LAN, readdressed(answer, { from: H2_A, to: H1 }));
      expect(
        bed
          .sessions()
          .map(({ internal, remote }) => [internal, remote])
          .toSorted(),
      ).toEqual([
        ['[fd01:203:405:1::1234]:40000', '[2001:db8:1:d551::5678]:80'],
        ['[fd01:203:405:2::5678]:80', '[2001:db8:1:d550::1234]:40000'],
      ]);
    },
  },
  {
    name: '6092-R33 one that the other host has not asked for is refused; the session of the sender stands, and lets the answer in',
    plan: filtered(),
    run: (bed) => {
      bed.drops(LAN, udp6(H1, H2_A, OUT), 'FilteredInbound');
      const back = udp6(H2, H1_A, BACK);
      bed.forwards(OFFICE, back, LAN, readdressed(back, { from: H2_A, to: H1 }));
    },
  },
  {
    name: '6296-4.3a it stands too when the second translation or the route fails',
    plan: filtered({ published: [published6('fd01:203:405:77::1')] }),
    run: (bed) => {
      bed.drops(LAN, udp6(H1, '2001:db8:1:ffff::1', OUT), 'SubnetNotMapped');
      const nowhere = udp6(H1, '2001:db8:1:d5c6::1', OUT);
      bed.dropsWithError(LAN, nowhere, 'NoRoute', LAN, icmpError6(GATEWAY, H1, nowhere, { type: 1, code: 0 }));
      expect(bed.sessions()).toHaveLength(2);
    },
  },
  {
    name: 'MWAN-5 hairpins by a dead uplink go on, and never move',
    plan: aDown(),
    run: (bed) => {
      const packet = tcp6(H2, H1_A, OUT, 'SYN');
      bed.forwards(OFFICE, packet, LAN, readdressed(packet, { from: H2_A, to: H1 }));
      const more = tcp6(H2, H1_A, OUT, 'ACK');
      bed.forwards(OFFICE, more, LAN, readdressed(more, { from: H2_A, to: H1 }));
      bed.drops(OFFICE, tcp6(H2, H1_A, [1, 2], 'RST'), 'TcpWithoutSession');
      bed.drops(OFFICE, echoReply6(H2, H1_A, 1), 'IcmpTypeNotForwarded');
    },
  },
  {
    name: '6888-R11b a full table refuses the sender with 1/3, and the other host in silence',
    plan: filtered({ published: [published6(H2)] }),
    options: { filterSessionsMax: 1 },
    run: (bed) => {
      bed.drops(LAN, udp6(H1, H2_A, OUT), 'SessionTableFull');
      const other = udp6(H1, H2_A, [1, 2]);
      bed.dropsWithError(LAN, other, 'SessionTableFull', LAN, icmpError6(GATEWAY, H1, other, { type: 1, code: 3 }));
    },
  },
];

const rows: readonly Case[] = [
  {
    name: '6092-R12, 6092-R14, 6092-R16 sessions are listed as both sides know them, with the time left',
    plan: filtered({ published: HOST }),
    run: (bed) => {
      const flows = [
        ['udp', 300_000, udp6(H1, Q6, OUT)],
        ['udp-lite', 300_000, UDP_LITE6.open(H1, Q6, OUT)],
        ['tcp', 240_000, tcp6(H1, Q6, OUT, 'SYN')],
        ['dccp', 480_000, dccp6(H1, Q6, OUT, 'Request')],
        ['sctp', 240_000, SCTP6.open(H1, Q6, OUT)],
      ] as const;
      for (const [, , packet] of flows) sends(bed, packet);
      for (const packet of [echoRequest6(H1, Q6, 77), icmp6(H1, Q6, 144, 0, text('1234'))]) sends(bed, packet);
      for (const protocol of [GRE, 50, 253]) sends(bed, ip6(H1, Q6, protocol, text('x')));
      const row = (protocol: string, expiresInMs: number, port: number, remotePort: number) => ({
        protocol,
        internal: `[fd01:203:405:1::1234]:${port}`,
        external: `[2001:db8:1:d550::1234]:${port}`,
        remote: `[2001:db8:ffff::53]:${remotePort}`,
        uplinkSlot: 0,
        policy: 0,
        expiresInMs,
        ...(['tcp', 'dccp', 'sctp'].includes(protocol) && { tcpState: 'INIT' }),
      });
      const expected = [
        ...flows.map(([protocol, expiresInMs]) => row(protocol, expiresInMs, 40000, 80)),
        row('icmpv6', 300_000, 77, 0),
        row('icmpv6', 300_000, 0, 0),
        ...['gre', 'esp', 'ip-253'].map((protocol) => row(protocol, 300_000, 0, 0)),
      ];
      expect(bed.sessions()).toHaveLength(expected.length);
      expect(bed.sessions()).toEqual(expect.arrayContaining(expected));
      expect(bed.mappings()).toEqual([]);
      bed.wait(60);
      for (const transport of TRANSPORTS6.slice(0, 1)) reaches(bed, transport.answer(Q6, H1_A, BACK));
      expect(bed.sessions().find(({ protocol }) => protocol === 'udp')?.expiresInMs).toBe(240_000);
      sends(bed, udp6(H1, Q6, OUT));
      expect(bed.sessions().find(({ protocol }) => protocol === 'udp')?.expiresInMs).toBe(300_000);
    },
  },
  {
    name: '6092-R12, 6092-R14, 6092-R20 each protocol has its own idle time, UDP-Lite that of UDP and echo that of protocols without ports',
    plan: filtered({}, { nat44: { udpMs: 130_000, otherMs: 140_000, icmpMs: 60_000 } }),
    run: (bed) => {
      sends(bed, udp6(H1, Q6, OUT));
      sends(bed, UDP_LITE6.open(H1, Q6, OUT));
      sends(bed, echoRequest6(H1, Q6, 77));
      sends(bed, ip6(H1, Q6, 50, text('x')));
      const left = bed.sessions().map(({ protocol, expiresInMs }) => [protocol, expiresInMs] as const);
      expect(new Map(left)).toEqual(
        new Map([
          ['udp', 130_000],
          ['udp-lite', 130_000],
          ['icmpv6', 140_000],
          ['esp', 140_000],
        ]),
      );
    },
  },
  {
    name: '6092-R16 from outside nothing is refreshed: an unanswered caller is forgotten in its time',
    plan: filtered({ published: [published6(H1, 17)] }),
    run: (bed) => {
      reaches(bed, udp6(Q6, H1_A, BACK));
      bed.wait(200);
      reaches(bed, udp6(Q6, H1_A, BACK));
      expect(bed.sessions().map(({ expiresInMs }) => expiresInMs)).toEqual([100_000]);
    },
  },
];

export const filterUplinkCases: readonly Case[] = [...deaths, ...changes, ...hairpins, ...rows];
