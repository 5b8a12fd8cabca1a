/** What the IPv6 filter lets in, and for how long (RFC 6092). */
import { expect } from 'vitest';
import type { PlanFiltering } from '../../../src/plan/plan.ts';
import { filtered, GATEWAY, H1, H1_A, H1_B, H2, H2_A, published6, Q6, R6 } from '../../support/filtered-plan.ts';
import { concat, patched, text } from '../../support/packet-builder.ts';
import {
  destinationOptions,
  echoReply6,
  echoRequest6,
  icmp6,
  icmpError6,
  ip6,
  readdressed,
  tcp6,
  udp6,
} from '../../support/packet-builder-ipv6.ts';
import { ISP_A, ISP_B, LAN, OFFICE, twoUplinks } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import { TRANSPORTS6, type Transport6, udpLite6 } from '../../support/transports-ipv6.ts';
import type { Case } from '../case.ts';

const OUT = [40000, 53] as const;
const BACK = [53, 40000] as const;
const AH = 51;
const ESP = 50;
const GRE = 47;

/** H1 sends by uplink A. */
export function sends(bed: TranslatorBed, packet: Uint8Array): void {
  bed.forwards(LAN, packet, ISP_A, readdressed(packet, { from: H1_A }));
}

/** A packet by uplink A reaches H1. */
export function reaches(bed: TranslatorBed, packet: Uint8Array): void {
  bed.forwards(ISP_A, packet, LAN, readdressed(packet, { to: H1 }));
}

const esp = (from: string, to: string, spi: number) =>
  ip6(from, to, ESP, concat(Uint8Array.of(0, 0, 0, spi), text('x')));

const onAndOff: readonly Case[] = [
  {
    name: '6296-7, 6092-R49 an unasked SYN passes without the filter, and not with it',
    run: (bed) => {
      const packet = tcp6(Q6, H1_A, BACK, 'SYN');
      reaches(bed, packet);
      bed.plan(filtered());
      bed.drops(ISP_A, packet, 'FilteredInbound');
      bed.plan(twoUplinks());
      reaches(bed, packet);
    },
  },
  {
    name: '6092-R49 switched off and on again it remembers nothing; switched off it keeps nothing',
    plan: filtered(),
    run: (bed) => {
      sends(bed, udp6(H1, Q6, OUT));
      expect(bed.sessions()).toHaveLength(1);
      bed.plan(twoUplinks());
      expect(bed.sessions()).toHaveLength(0);
      sends(bed, udp6(H1, Q6, OUT));
      expect(bed.sessions()).toHaveLength(0);
      bed.plan(filtered());
      bed.drops(ISP_A, udp6(Q6, H1_A, BACK), 'FilteredInbound');
    },
  },
  {
    name: '6092-R49 between internal networks nothing is filtered, and nothing kept',
    plan: filtered(),
    run: (bed) => {
      const packet = tcp6(H1, 'fd01:203:405:2::9', OUT, 'ACK');
      bed.forwards(LAN, packet, OFFICE, packet);
      expect(bed.sessions()).toHaveLength(0);
    },
  },
];

/** Who is let in to a port that H1 has asked Q6 from, by filtering. */
const FILTERINGS: readonly (readonly [PlanFiltering, sameAddress: boolean, others: boolean])[] = [
  ['endpoint-independent', true, true],
  ['address-dependent', true, false],
  ['address-and-port-dependent', false, false],
];

function filteringOf({ name }: Transport6, filtering: PlanFiltering) {
  const knob = name === 'tcp' ? 'filteringTcp' : name.startsWith('udp') ? 'filteringUdp' : 'filteringOther';
  return filtered({ [knob]: filtering });
}

function enters(bed: TranslatorBed, packet: Uint8Array, isAdmitted: boolean): void {
  if (isAdmitted) reaches(bed, packet);
  else bed.drops(ISP_A, packet, 'FilteredInbound');
}

const byPort: readonly Case[] = TRANSPORTS6.flatMap((transport): Case[] => [
  {
    name: `6092-R31, 6092-R38, 6092-R43 ${transport.name}: what H1 has asked for comes back, all else does not`,
    plan: filtered(),
    run: (bed) => {
      bed.drops(ISP_A, transport.open(Q6, H1_A, BACK), 'FilteredInbound');
      sends(bed, transport.open(H1, Q6, OUT));
      reaches(bed, transport.answer(Q6, H1_A, BACK));
      sends(bed, transport.data(H1, Q6, OUT));
      reaches(bed, transport.data(Q6, H1_A, BACK));
      bed.drops(ISP_A, transport.open(Q6, H1_A, [54, 40000]), 'FilteredInbound');
      bed.drops(ISP_A, transport.open(Q6, H1_A, [53, 40001]), 'FilteredInbound');
      bed.drops(ISP_A, transport.open(R6, H1_A, BACK), 'FilteredInbound');
      bed.drops(ISP_B, transport.open(Q6, H1_B, BACK), 'FilteredInbound');
      bed.drops(ISP_A, transport.open(Q6, H2_A, BACK), 'FilteredInbound');
    },
  },
  ...FILTERINGS.map(
    ([filtering, sameAddress, others]): Case => ({
      name: `6092-R11, 6092-R17, 6092-R33 ${transport.name} by ${filtering} filtering`,
      plan: filteringOf(transport, filtering),
      run: (bed) => {
        sends(bed, transport.open(H1, Q6, OUT));
        enters(bed, transport.open(R6, H1_A, [9, 40000]), others);
        enters(bed, transport.open(Q6, H1_A, [54, 40000]), sameAddress);
        enters(bed, transport.open(Q6, H1_A, [54, 40001]), false);
        bed.drops(ISP_B, transport.open(Q6, H1_B, [54, 40000]), 'FilteredInbound');
      },
    }),
  ),
  {
    name: `6092-R20 ${transport.name} has sessions of its own: those of other protocols admit nothing to it`,
    plan: filtered({
      filteringUdp: 'endpoint-independent',
      filteringTcp: 'endpoint-independent',
      filteringOther: 'endpoint-independent',
    }),
    run: (bed) => {
      for (const other of TRANSPORTS6) {
        if (other !== transport) sends(bed, other.open(H1, Q6, OUT));
      }
      bed.drops(ISP_A, transport.open(Q6, H1_A, BACK), 'FilteredInbound');
    },
  },
]);

const portless: readonly Case[] = [
  {
    name: '6092-R11 GRE and unknown protocols by their addresses, filtered like any other',
    plan: filtered({ filteringOther: 'endpoint-independent' }),
    run: (bed) => {
      for (const protocol of [GRE, 253]) {
        bed.drops(ISP_A, ip6(Q6, H1_A, protocol, text('x')), 'FilteredInbound');
        sends(bed, ip6(H1, Q6, protocol, text('x')));
        reaches(bed, ip6(Q6, H1_A, protocol, text('x')));
        reaches(bed, ip6(R6, H1_A, protocol, new Uint8Array()));
      }
    },
  },
  {
    name: '6092-R25 ESP is one session for each remote host, whatever its SPIs',
    plan: filtered({ ipsec: false }),
    run: (bed) => {
      bed.drops(ISP_A, esp(Q6, H1_A, 1), 'FilteredInbound');
      sends(bed, esp(H1, Q6, 2));
      reaches(bed, esp(Q6, H1_A, 1));
      reaches(bed, esp(Q6, H1_A, 3));
      bed.drops(ISP_A, esp(R6, H1_A, 3), 'FilteredInbound');
      expect(bed.sessions()).toHaveLength(1);
    },
  },
  {
    name: '6092-R21, 6092-R22, 6092-R24, 6092-R26 AH, ESP, IKE and HIP come in unasked, unless the plan forbids it',
    plan: filtered(),
    run: (bed) => {
      const hip = { header: 139, body: new Uint8Array(39).fill(4, 0, 1) };
      const unasked = [
        ip6(Q6, H1_A, AH, new Uint8Array(24)),
        esp(Q6, H1_A, 1),
        udp6(Q6, H1_A, [40000, 500]),
        ip6(Q6, H1_A, 59, new Uint8Array(), { extensions: [hip] }),
        ip6(Q6, H1_A, 59, new Uint8Array(), { extensions: [hip, destinationOptions()] }),
      ];
      for (const packet of unasked) reaches(bed, packet);
      const others = [
        udp6(Q6, H1_A, [500, 4500]),
        udpLite6(Q6, H1_A, [500, 500]),
        tcp6(Q6, H1_A, [500, 500], 'SYN'),
        ip6(R6, H1_A, 59, new Uint8Array(), { extensions: [destinationOptions()] }),
        udp6(Q6, H1_A, [500, 501], { extensions: [hip] }),
      ];
      for (const packet of others) bed.drops(ISP_A, packet, 'FilteredInbound');
      bed.restart(filtered({ ipsec: false }));
      for (const packet of [...unasked, ...others]) bed.drops(ISP_A, packet, 'FilteredInbound');
    },
  },
  {
    name: '6092-R22 what came in unasked is answered by the uplink it came in by',
    plan: filtered(),
    run: (bed) => {
      const packet = esp(Q6, H1_B, 1);
      bed.forwards(ISP_B, packet, LAN, readdressed(packet, { to: H1 }));
      bed.forwards(LAN, esp(H1, Q6, 2), ISP_B, readdressed(esp(H1, Q6, 2), { from: H1_B }));
    },
  },
];

const echoes: readonly Case[] = [
  {
    name: '4890-T1 pings go out and their replies come back; a reply that nobody asked for does not',
    plan: filtered({ filteringOther: 'endpoint-independent' }),
    run: (bed) => {
      bed.drops(ISP_A, echoReply6(Q6, H1_A, 7), 'FilteredInbound');
      sends(bed, echoRequest6(H1, Q6, 7));
      reaches(bed, echoReply6(Q6, H1_A, 7));
      bed.drops(ISP_A, echoReply6(Q6, H1_A, 8), 'FilteredInbound');
      bed.drops(ISP_A, echoReply6(R6, H1_A, 7), 'FilteredInbound');
    },
  },
  {
    name: '4890-T1 anybody may ping a host, which answers by the uplink that it was asked by',
    plan: filtered(),
    run: (bed) => {
      bed.drops(LAN, echoReply6(H1, Q6, 7), 'IcmpTypeNotForwarded');
      const request = echoRequest6(Q6, H1_B, 7);
      bed.forwards(ISP_B, request, LAN, readdressed(request, { to: H1 }));
      bed.forwards(LAN, echoReply6(H1, Q6, 7), ISP_B, readdressed(echoReply6(H1, Q6, 7), { from: H1_B }));
      bed.drops(LAN, echoReply6(H1, Q6, 8), 'IcmpTypeNotForwarded');
    },
  },
  {
    name: '4890-T2 mobile IPv6 goes by addresses alone, apart from echoes',
    plan: filtered({ filteringOther: 'endpoint-independent' }),
    run: (bed) => {
      const mobile = (from: string, to: string, type: number) => icmp6(from, to, type, 0, new Uint8Array(8));
      sends(bed, echoRequest6(H1, Q6, 0));
      bed.drops(ISP_A, mobile(Q6, H1_A, 145), 'FilteredInbound');
      sends(bed, mobile(H1, Q6, 144));
      reaches(bed, mobile(Q6, H1_A, 145));
      reaches(bed, mobile(R6, H1_A, 146));
      bed.drops(ISP_A, echoReply6(R6, H1_A, 0), 'FilteredInbound');
    },
  },
];

const publishing: readonly Case[] = [
  {
    name: '6092-R49 a host that is published wholly is reached by everything, others are not',
    plan: filtered({ published: [published6(H1)] }),
    run: (bed) => {
      for (const transport of TRANSPORTS6) reaches(bed, transport.open(Q6, H1_A, [9, 10]));
      reaches(bed, ip6(Q6, H1_A, 253, text('x')));
      reaches(bed, echoReply6(Q6, H1_A, 3));
      bed.drops(ISP_A, udp6(Q6, H2_A, [9, 10]), 'FilteredInbound');
      bed.drops(ISP_A, tcp6(Q6, H1_A, [9, 11], 'ACK'), 'TcpWithoutSession');
      bed.drops(ISP_A, tcp6(Q6, H1_A, [9, 11], 'SYN,ACK'), 'TcpWithoutSession');
    },
  },
  {
    name: '6092-R49 a protocol of a host, a range of its ports',
    plan: filtered({ published: [published6(H1, 17), published6(H1, 6, [80, 82]), published6(H2, 253)] }),
    run: (bed) => {
      for (const port of [0, 80, 65535]) reaches(bed, udp6(Q6, H1_A, [9, port]));
      for (const port of [80, 81, 82]) reaches(bed, tcp6(Q6, H1_A, [9, port], 'SYN'));
      for (const port of [79, 83]) bed.drops(ISP_A, tcp6(Q6, H1_A, [9, port], 'SYN'), 'FilteredInbound');
      bed.drops(ISP_A, udpLite6(Q6, H1_A, [9, 80]), 'FilteredInbound');
      bed.drops(ISP_A, ip6(Q6, H1_A, 253, text('x')), 'FilteredInbound');
    },
  },
  {
    name: 'MWAN-4 a published server answers by the uplink that it was called by',
    plan: filtered({ published: [published6(H1, 6, [80, 80])] }),
    run: (bed) => {
      const syn = tcp6(Q6, H1_B, [9, 80], 'SYN');
      bed.forwards(ISP_B, syn, LAN, readdressed(syn, { to: H1 }));
      const answer = tcp6(H1, Q6, [80, 9], 'SYN,ACK');
      bed.forwards(LAN, answer, ISP_B, readdressed(answer, { from: H1_B }));
      bed.drops(ISP_A, tcp6(Q6, H1_A, [9, 80], 'SYN'), 'FilteredInbound');
    },
  },
  {
    name: 'MWAN-4 a datagram by another uplink than its session reaches the host, but makes no second session',
    plan: filtered({ published: [published6(H1, 17)] }),
    run: (bed) => {
      sends(bed, udp6(H1, Q6, OUT));
      const packet = udp6(Q6, H1_B, BACK);
      bed.forwards(ISP_B, packet, LAN, readdressed(packet, { to: H1 }));
      expect(bed.sessions().map(({ uplinkSlot }) => uplinkSlot)).toEqual([0]);
    },
  },
  {
    name: '6092-R49 a published host that is nowhere is no route, and no session',
    plan: filtered({ published: [published6('fd01:203:405:77::1')] }),
    run: (bed) => {
      const packet = udp6(Q6, '2001:db8:1:d5c6::1', OUT);
      const error = icmpError6('2001:db8:a::2', Q6, packet, { type: 1, code: 0 });
      bed.dropsWithError(ISP_A, packet, 'NoRoute', ISP_A, error);
      expect(bed.sessions()).toHaveLength(0);
    },
  },
];

const refusals: readonly Case[] = [
  {
    name: '4443-DU what filtering refuses is answered with 1/1 where the plan says so',
    plan: filtered({}, { nat44: { refuseFiltered: true } }),
    run: (bed) => {
      for (const packet of [udp6(Q6, H1_A, BACK), tcp6(Q6, H1_A, BACK, 'ACK'), ip6(Q6, H1_A, GRE, text('x'))]) {
        const error = icmpError6('2001:db8:a::2', Q6, packet, { type: 1, code: 1 });
        bed.dropsWithError(ISP_A, packet, 'FilteredInbound', ISP_A, error);
      }
    },
  },
  {
    name: '4443-PP headers that are cut short are refused, both ways',
    plan: filtered({ published: [published6(H1)] }),
    run: (bed) => {
      const withX = patched(new Uint8Array(15), 8, 1);
      const offsets = [0x40, 0x60].map((offset) => patched(new Uint8Array(20), 12, offset));
      for (const [protocol, upper] of [
        [17, new Uint8Array(7)],
        [136, new Uint8Array(7)],
        [6, new Uint8Array(19)],
        ...offsets.map((segment) => [6, segment] as const),
        [132, new Uint8Array(11)],
        [33, new Uint8Array(11)],
        [33, withX],
      ] as const) {
        bed.drops(LAN, ip6(H1, Q6, protocol, upper), 'TransportInvalid');
        bed.drops(ISP_A, ip6(Q6, H1_A, protocol, upper), 'TransportInvalid');
      }
      sends(bed, ip6(H1, Q6, 33, new Uint8Array(12)));
      sends(bed, ip6(H1, Q6, 132, new Uint8Array(12)));
      sends(bed, ip6(H1, Q6, 17, new Uint8Array(8)));
    },
  },
  {
    name: '6092-R5, 4443-TE, 4443-PTB what dies on the way out opens nothing',
    plan: filtered({}, { mtu: { [ISP_A]: 1280 } }),
    run: (bed) => {
      expect(bed.send(LAN, udp6('fd01:203:406::1', Q6, OUT)).verdict).toBe('SourceNotInternal');
      expect(bed.send(LAN, udp6(H1, Q6, OUT, { hopLimit: 1 })).verdict).toBe('HopLimitExceeded');
      expect(bed.send(LAN, udp6(H1, Q6, OUT, { payload: new Uint8Array(1300) })).verdict).toBe('TooBig');
      expect(bed.send(LAN, udp6('fd01:203:405:ffff::1', Q6, OUT)).verdict).toBe('SubnetNotMapped');
      expect(bed.sessions()).toHaveLength(0);
      bed.drops(ISP_A, udp6(Q6, H1_A, BACK), 'FilteredInbound');
    },
  },
  {
    name: '4443-PTB what dies on the way in opens and refreshes nothing',
    plan: filtered({ published: [published6(H1)] }, { mtu: { [LAN]: 1280 } }),
    run: (bed) => {
      const packet = udp6(Q6, H1_A, BACK, { payload: new Uint8Array(1300) });
      const error = icmpError6('2001:db8:a::2', Q6, packet.slice(0, 1232), { type: 2, word: 1280 });
      bed.dropsWithError(ISP_A, packet, 'TooBig', ISP_A, error);
      expect(bed.sessions()).toHaveLength(0);
    },
  },
  {
    name: '6888-R11a, 6888-R11b a full table refuses new flows, with 1/3 towards the site, and ends no live one',
    plan: filtered({ published: [published6(H1)] }),
    options: { filterSessionsMax: 2 },
    run: (bed) => {
      sends(bed, udp6(H1, Q6, OUT));
      reaches(bed, udp6(R6, H1_A, BACK));
      const third = udp6(H1, Q6, [40001, 53]);
      bed.dropsWithError(LAN, third, 'SessionTableFull', LAN, icmpError6(GATEWAY, H1, third, { type: 1, code: 3 }));
      bed.drops(ISP_A, udp6(Q6, H1_A, [54, 40000]), 'SessionTableFull');
      sends(bed, udp6(H1, Q6, OUT));
      bed.wait(299.9);
      sends(bed, udp6(H1, Q6, OUT));
      bed.wait(0.2);
      sends(bed, third);
    },
  },
];

export const filterCases: readonly Case[] = [
  ...onAndOff,
  ...byPort,
  ...portless,
  ...echoes,
  ...publishing,
  ...refusals,
];
