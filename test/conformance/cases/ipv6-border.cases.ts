/** What crosses the border of the site and what does not: unique local addresses, ICMPv6 types, sizes of segments (RFC 4193, 4890, 6092). */
import { H1, H1_A, H2_A, Q6, R6 } from '../../support/filtered-plan.ts';
import { hop, patched, text } from '../../support/packet-builder.ts';
import {
  destinationOptions,
  fragmentHeader,
  icmp6,
  icmpError6,
  ip6,
  readdressed,
  tcp6,
  udp6,
} from '../../support/packet-builder-ipv6.ts';
import { DEVICES, device, ISP_A, ISP_B, LAN, OFFICE, prefixPair, twoUplinks, UPLINK_A6 } from '../../support/plans.ts';
import { maximumSegmentSize, noOperation, tcpOptions } from '../../support/tcp-options.ts';
import type { Case } from '../case.ts';

const PORTS = [40000, 53] as const;
const GATEWAY = 'fd01:203:405:1::1';
const ELSEWHERE = 'fd99::1';
const PARTNER = 'fd00:aaaa:bbbb::/48';

/** The site is part of a larger network of unique local addresses, which it reaches by uplink A. */
const LARGER = twoUplinks({ a6: { pairs: [...UPLINK_A6.pairs, prefixPair('fd01:203:406::/48', PARTNER)] } });

const uniqueLocal: readonly Case[] = [
  {
    name: '4193-4.3, 6092-R7 a unique local destination that is none of the site is told to be unreachable, and not sent out',
    run: (bed) => {
      const packet = udp6(H1, ELSEWHERE, PORTS);
      bed.dropsWithError(LAN, packet, 'NoRoute', LAN, icmpError6(GATEWAY, H1, packet, { type: 1, code: 0 }));
      bed.drops(LAN, icmpError6(H1, 'fc00::1', packet, { type: 1 }), 'NoRoute');
    },
  },
  {
    name: '4193-4.3 this comes after routes of the site, and before the hop limit and the uplinks',
    plan: twoUplinks({ a6: { usable: false, lastResort: false }, b6: { usable: false, lastResort: false } }),
    run: (bed) => {
      bed.forwards(LAN, udp6(H1, 'fd01:203:405:2::9', PORTS), OFFICE, udp6(H1, 'fd01:203:405:2::9', PORTS));
      const packet = udp6(H1, ELSEWHERE, PORTS, { hopLimit: 1 });
      bed.dropsWithError(LAN, packet, 'NoRoute', LAN, icmpError6(GATEWAY, H1, packet, { type: 1, code: 0 }));
    },
  },
  {
    name: '6296-ROUT3 the unique local source of a host is no hindrance: it is translated before the border',
    run: (bed) => bed.forwards(LAN, udp6(H1, Q6, PORTS), ISP_A, readdressed(udp6(H1, Q6, PORTS), { from: H1_A })),
  },
  {
    name: '6296-ROUT3, 6092-R5 a source that no pair covers does not leave: Source Address Failed Policy',
    run: (bed) => {
      const packet = udp6('fd01:203:406::1', Q6, PORTS);
      const error = icmpError6(GATEWAY, 'fd01:203:406::1', packet, { type: 1, code: 5 });
      bed.dropsWithError(LAN, packet, 'SourceNotInternal', LAN, error);
    },
  },
  {
    name: '6092-R7 a unique local source does not come in, whether of the site or not',
    run: (bed) => {
      bed.drops(ISP_A, udp6(ELSEWHERE, H1_A, PORTS), 'MartianSource');
      bed.drops(ISP_A, udp6('fc00::1', H1_A, PORTS, { hopLimit: 1 }), 'MartianSource');
      bed.drops(ISP_A, udp6('fd01:203:405:9::1', H1_A, PORTS), 'SpoofedSource');
      bed.drops(ISP_A, udp6(ELSEWHERE, 'fd01:203:405:1::1234', PORTS), 'NotForThisUplink');
    },
  },
  {
    name: '6092-R7 a neighbour on the link of the uplink may have one',
    plan: twoUplinks({
      plan: {
        devices: [
          ...DEVICES.slice(0, 1),
          device({ ipv6: ['2001:db8:a::2/64', 'fd99::2/64'] }, { uplinkSlot: 0 }),
          ...DEVICES.slice(2),
        ],
      },
    }),
    run: (bed) => {
      bed.forwards(ISP_A, udp6(ELSEWHERE, H1_A, PORTS), LAN, readdressed(udp6(ELSEWHERE, H1_A, PORTS), { to: H1 }));
      bed.drops(ISP_B, udp6(ELSEWHERE, '2001:db8:5555:7ffc::1234', PORTS), 'MartianSource');
    },
  },
  {
    name: '6092-R7, 4193-4.3, 6296-2.2 a site that is part of a larger unique local network speaks with all of it',
    plan: LARGER,
    run: (bed) => {
      const out = udp6(H1, ELSEWHERE, PORTS);
      bed.forwards(LAN, out, ISP_A, readdressed(out, { from: H1_A }));
      const back = udp6(ELSEWHERE, H1_A, PORTS);
      bed.forwards(ISP_A, back, LAN, readdressed(back, { to: H1 }));
    },
  },
];

/** Types that a packet between two networks may have (4890-T1, 4890-T2), with whether it is an error. */
const FORWARDED: readonly (readonly [id: string, type: number, code: number])[] = [
  ...[0, 1, 2, 3, 4, 5, 6].map((code) => ['4890-T1', 1, code] as const),
  ['4890-T1', 2, 0],
  ['4890-T1', 3, 0],
  ['4890-T2', 3, 1],
  ['4890-T2', 4, 0],
  ['4890-T1', 4, 1],
  ['4890-T1', 4, 2],
  ['4890-T1', 128, 0],
  ['4890-T1', 129, 0],
  ['4890-T2', 144, 0],
  ['4890-T2', 145, 0],
  ['4890-T2', 146, 0],
  ['4890-T2', 147, 0],
];

/** Types of neighbours, routers, listeners (4890-T3), and those that are not to be seen (4890-T5). */
const NEVER: readonly (readonly [id: string, types: readonly number[]])[] = [
  ['4890-T3', [130, 131, 132, 133, 134, 135, 136, 137, 141, 142, 143, 148, 149, 151, 152, 153]],
  ['4890-T5', [100, 101, 127, 138, 139, 140, 200, 201, 255]],
];

const UNASSIGNED = [5, 40, 99, 102, 126, 150, 154, 199, 202, 254] as const;

/** A message of a type from H1 to Q6, and what leaves by uplink A. */
function outward(type: number, code = 0): readonly [Uint8Array, Uint8Array] {
  const body = text('1234and more');
  if (type >= 128) {
    const packet = icmp6(H1, Q6, type, code, body);
    return [packet, readdressed(packet, { from: H1_A })];
  }
  const came = hop(udp6(Q6, H1_A, PORTS));
  const error = { type, code };
  return [icmpError6(H1, Q6, readdressed(came, { to: H1 }), error), icmpError6(H1_A, Q6, came, error)];
}

/** The same from Q6 to H1. */
function inward(type: number, code = 0): readonly [Uint8Array, Uint8Array] {
  const body = text('1234and more');
  if (type >= 128) {
    const packet = icmp6(Q6, H1_A, type, code, body);
    return [packet, readdressed(packet, { to: H1 })];
  }
  const went = hop(udp6(H1, Q6, PORTS));
  const error = { type, code };
  return [icmpError6(R6, H1_A, readdressed(went, { from: H1_A }), error), icmpError6(R6, H1, went, error)];
}

const icmpTypes: readonly Case[] = [
  ...FORWARDED.map(
    ([id, type, code]): Case => ({
      name: `${id} ICMPv6 ${type}/${code} passes both ways`,
      run: (bed) => {
        const [out, left] = outward(type, code);
        bed.forwards(LAN, out, ISP_A, left);
        const [back, arrived] = inward(type, code);
        bed.forwards(ISP_A, back, LAN, arrived);
      },
    }),
  ),
  ...NEVER.flatMap(([id, types]) =>
    types.map(
      (type): Case => ({
        name: `${id} ICMPv6 type ${type} passes neither way, whatever else is forwarded`,
        plan: twoUplinks({ plan: { nptv6: { translateZeroInterfaceId: false, forwardUnassignedIcmp: true } } }),
        run: (bed) => {
          bed.drops(LAN, outward(type)[0], 'IcmpTypeNotForwarded');
          bed.drops(ISP_A, inward(type)[0], 'IcmpTypeNotForwarded');
        },
      }),
    ),
  ),
  ...UNASSIGNED.map(
    (type): Case => ({
      name: `4890-T4, 4443-UNK ICMPv6 type ${type} passes where the plan says so, and by default does not`,
      run: (bed) => {
        bed.drops(LAN, outward(type)[0], 'IcmpTypeNotForwarded');
        bed.drops(ISP_A, inward(type)[0], 'IcmpTypeNotForwarded');
        bed.plan(twoUplinks({ plan: { nptv6: { translateZeroInterfaceId: false, forwardUnassignedIcmp: true } } }));
        const [out, left] = outward(type);
        bed.forwards(LAN, out, ISP_A, left);
        const [back, arrived] = inward(type);
        bed.forwards(ISP_A, back, LAN, arrived);
      },
    }),
  ),
  {
    name: '4890-T5 between internal networks these types do not pass either, and in later fragments no type is seen',
    run: (bed) => {
      bed.drops(LAN, icmp6(H1, 'fd01:203:405:2::9', 139, 0, text('1234')), 'IcmpTypeNotForwarded');
      bed.drops(LAN, icmp6(H1, H2_A, 200, 0, text('1234')), 'IcmpTypeNotForwarded');
      const first = icmp6(H1, Q6, 255, 0, text('1234'), { extensions: [fragmentHeader(0, true)] });
      bed.drops(LAN, first, 'IcmpTypeNotForwarded');
      const later = icmp6(H1, Q6, 255, 0, text('1234'), { extensions: [fragmentHeader(8, true)] });
      bed.forwards(LAN, later, ISP_A, readdressed(later, { from: H1_A }));
    },
  },
  {
    name: '4890-L4, 4890-L2 to the gateway these types end at the gateway',
    run: (bed) => {
      for (const type of [100, 101, 127, 200, 201, 255, 154, 254]) {
        bed.drops(LAN, icmp6(H1, GATEWAY, type, 0, text('1234')), 'Pass');
      }
      bed.drops(LAN, icmpError6(H1, GATEWAY, udp6(GATEWAY, H1, PORTS), { type: 3, code: 1 }), 'Pass');
      bed.drops(LAN, icmpError6(H1, GATEWAY, udp6(GATEWAY, H1, PORTS), { type: 4 }), 'Pass');
    },
  },
];

const MSS_1440 = tcpOptions(maximumSegmentSize(1440));
const MSS_1220 = tcpOptions(maximumSegmentSize(1220));
const CLAMPED = twoUplinks({ a6: { mssClamp: 1220 } });

/** A segment with a promise from H1 to Q6 as sent, and as it leaves with another one. */
function promised(flags: string, options: Uint8Array, left: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const sent = tcp6(H1, Q6, PORTS, flags, { tcpOptions: options });
  return [sent, readdressed(tcp6(H1, Q6, PORTS, flags, { tcpOptions: left }), { from: H1_A })];
}

const segmentSizes: readonly Case[] = [
  {
    name: 'RFC 9293 3.7.1: SYNs over IPv6 promise no more than the uplink can keep, both ways, checksums right',
    plan: CLAMPED,
    run: (bed) => {
      for (const flags of ['SYN', 'SYN,ACK']) {
        const [out, left] = promised(flags, MSS_1440, MSS_1220);
        bed.forwards(LAN, out, ISP_A, left);
        const back = tcp6(Q6, H1_A, PORTS, flags, { tcpOptions: MSS_1440 });
        const lowered = tcp6(Q6, H1_A, PORTS, flags, { tcpOptions: MSS_1220 });
        bed.forwards(ISP_A, back, LAN, readdressed(lowered, { to: H1 }));
      }
    },
  },
  {
    name: 'RFC 9293 3.7.1: behind extension headers and at an odd place too',
    plan: CLAMPED,
    run: (bed) => {
      const options = (size: number) => tcpOptions(noOperation(), maximumSegmentSize(size));
      const extensions = [destinationOptions()];
      const segment = (size: number) => tcp6(H1, Q6, PORTS, 'SYN', { tcpOptions: options(size), extensions });
      bed.forwards(LAN, segment(9000), ISP_A, readdressed(segment(1220), { from: H1_A }));
    },
  },
  {
    name: 'RFC 9293 3.7.1: a smaller promise, no SYN, no option, a fragment and another uplink are left alone',
    plan: CLAMPED,
    run: (bed) => {
      const unchanged = [
        tcp6(H1, Q6, PORTS, 'SYN', { tcpOptions: tcpOptions(maximumSegmentSize(1220)) }),
        tcp6(H1, Q6, PORTS, 'ACK', { tcpOptions: MSS_1440 }),
        tcp6(H1, Q6, PORTS, 'SYN'),
        tcp6(H1, Q6, PORTS, 'SYN', { tcpOptions: MSS_1440, extensions: [fragmentHeader(0, false)] }),
        tcp6(H1, Q6, PORTS, 'SYN', { tcpOptions: MSS_1440, extensions: [fragmentHeader(0, true)] }),
      ];
      for (const packet of unchanged) bed.forwards(LAN, packet, ISP_A, readdressed(packet, { from: H1_A }));
      const onB = tcp6(Q6, '2001:db8:5555:7ffc::1234', PORTS, 'SYN', { tcpOptions: MSS_1440 });
      bed.forwards(ISP_B, onB, LAN, readdressed(onB, { to: H1 }));
      const hairpinned = tcp6(H1, H2_A, PORTS, 'SYN', { tcpOptions: MSS_1440 });
      bed.forwards(LAN, hairpinned, OFFICE, readdressed(hairpinned, { from: H1_A, to: 'fd01:203:405:2::5678' }));
    },
  },
  {
    name: 'RFC 9293 3.7.1: a TCP header that is cut short or contradicts the packet is left alone',
    plan: CLAMPED,
    run: (bed) => {
      const whole = tcp6(H1, Q6, PORTS, 'SYN', { tcpOptions: MSS_1440 });
      const short = ip6(H1, Q6, 6, whole.slice(40, 59));
      const offsetBelow = patched(whole, 52, 0x40);
      const offsetBeyond = patched(whole, 52, 0x70);
      for (const packet of [short, offsetBelow, offsetBeyond]) {
        bed.forwards(LAN, packet, ISP_A, readdressed(packet, { from: H1_A }));
      }
    },
  },
];

export const ipv6BorderCases: readonly Case[] = [...uniqueLocal, ...icmpTypes, ...segmentSizes];
