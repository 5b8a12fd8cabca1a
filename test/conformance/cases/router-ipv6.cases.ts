/** What an IPv6 router owes: RFC 4443, RFC 8200, RFC 6092; malformed packets, groups and martians. */
import { patched, text } from '../../support/packet-builder.ts';
import {
  destinationOptions,
  echoReply6,
  echoRequest6,
  fragmentHeader,
  icmp6,
  icmpError6,
  ip6,
  udp6,
} from '../../support/packet-builder-ipv6.ts';
import { DEVICES, device, ISP_A, LAN, OFFICE, twoUplinks } from '../../support/plans.ts';
import type { Case } from '../case.ts';

const H1 = 'fd01:203:405:1::1234';
const H1_A = '2001:db8:1:d550::1234';
const Q6 = '2001:db8:ffff::53';
const GATEWAY = 'fd01:203:405:1::1';
const PORTS = [40000, 53] as const;
const GOOD = udp6(H1, Q6, PORTS);

const BAD: readonly {
  readonly id: string;
  readonly what: string;
  readonly packet: Uint8Array;
  readonly reason: string;
}[] = [
  { id: '4443-PP', what: '39 octets', packet: GOOD.slice(0, 39), reason: 'Truncated' },
  {
    id: '4443-PP',
    what: 'a payload length beyond the packet',
    packet: ip6(H1, Q6, 253, text('x'), { payloadLength: 2 }),
    reason: 'Ipv6HeaderInvalid',
  },
  {
    id: '4443-PP',
    what: 'an extension header of one octet',
    packet: ip6(H1, Q6, 60, Uint8Array.of(17)),
    reason: 'Ipv6ExtensionInvalid',
  },
  {
    id: '4443-PP',
    what: 'no extension header where one is announced',
    packet: ip6(H1, Q6, 0, new Uint8Array()),
    reason: 'Ipv6ExtensionInvalid',
  },
  {
    id: '4443-PP',
    what: 'an extension header that runs past the packet',
    packet: ip6(H1, Q6, 60, Uint8Array.of(17, 1, 0, 0, 0, 0, 0, 0)),
    reason: 'Ipv6ExtensionInvalid',
  },
  {
    id: '4443-PP',
    what: 'a fragment header cut short',
    packet: ip6(H1, Q6, 44, Uint8Array.of(17, 0, 0, 0)),
    reason: 'Ipv6ExtensionInvalid',
  },
  {
    id: '4443-PP',
    what: 'nine extension headers',
    packet: ip6(H1, Q6, 253, text('x'), { extensions: new Array(9).fill(destinationOptions()) }),
    reason: 'Ipv6ExtensionInvalid',
  },
  {
    id: '6092-R4',
    what: 'a routing header of type 0',
    packet: ip6(H1, Q6, 253, text('x'), { extensions: [{ header: 43, body: new Uint8Array(7) }] }),
    reason: 'Ipv6RoutingType0',
  },
  {
    id: '6296b-ICMP4',
    what: 'ICMPv6 of 7 octets',
    packet: ip6(H1, Q6, 58, new Uint8Array(7)),
    reason: 'TransportInvalid',
  },
];

interface Addressed {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly verdict: string;
}

const FROM_SITE: readonly Addressed[] = [
  { id: '6092-R1', from: 'ff02::1', to: Q6, verdict: 'MartianSource' },
  { id: '6092-R3', from: '::1', to: Q6, verdict: 'MartianSource' },
  { id: '6092-R3', from: '::ffff:10.0.0.1', to: Q6, verdict: 'MartianSource' },
  { id: '6092-R3', from: '::', to: Q6, verdict: 'MartianSource' },
  { id: '6092-R3', from: '::', to: 'fe80::99', verdict: 'MartianSource' },
  { id: '6092-R3', from: H1, to: '::', verdict: 'MartianDestination' },
  { id: '6092-R3', from: H1, to: '::1', verdict: 'MartianDestination' },
  { id: '6092-R3', from: H1, to: '::ffff:192.0.2.1', verdict: 'MartianDestination' },
  { id: '6296-ROUT2', from: H1, to: 'fe80::99', verdict: 'MartianDestination' },
  { id: '6092-R2', from: H1, to: 'ff05::1:3', verdict: 'MulticastNotForwarded' },
  { id: '6092-R2', from: H1, to: 'ff0e::1', verdict: 'MulticastNotForwarded' },
  { id: '4890-L1', from: H1, to: 'ff02::1', verdict: 'Pass' },
  { id: '4890-L1', from: '::', to: 'ff02::16', verdict: 'Pass' },
  { id: '4890-L1', from: 'fe80::1', to: GATEWAY, verdict: 'Pass' },
  { id: '4890-L1', from: H1, to: 'fd01:203:405:2::1', verdict: 'Pass' },
];

const FROM_UPLINK: readonly Addressed[] = [
  { id: '6092-R6', from: H1, to: H1_A, verdict: 'SpoofedSource' },
  { id: '6092-R6', from: '2001:db8:1:5::1', to: H1_A, verdict: 'SpoofedSource' },
  { id: '6092-R6', from: '2001:db8:5555:5::1', to: H1_A, verdict: 'SpoofedSource' },
  { id: '6296-ROUT2', from: Q6, to: H1, verdict: 'NotForThisUplink' },
  { id: 'MWAN-8', from: Q6, to: '2001:db8:5555:5::1', verdict: 'NotForThisUplink' },
  { id: '6092-R8', from: Q6, to: '2001:db8:a::2', verdict: 'Pass' },
];

export const routerIpv6Cases: readonly Case[] = [
  ...BAD.map(
    ({ id, what, packet, reason }): Case => ({
      name: `${id} ${what} is dropped`,
      run: (bed) => {
        bed.drops(LAN, packet, reason);
        bed.drops(ISP_A, packet, reason);
      },
    }),
  ),
  ...FROM_SITE.map(
    ({ id, from, to, verdict }): Case => ({
      name: `${id} ${from} to ${to} from the site: ${verdict}`,
      run: (bed) => bed.drops(LAN, udp6(from, to, PORTS, { hopLimit: 1 }), verdict),
    }),
  ),
  ...FROM_UPLINK.map(
    ({ id, from, to, verdict }): Case => ({
      name: `${id} ${from} to ${to} from an uplink: ${verdict}`,
      run: (bed) => bed.drops(ISP_A, udp6(from, to, PORTS, { hopLimit: 1 }), verdict),
    }),
  ),
  {
    name: '4443-ECHO the gateway answers on all its addresses, data, class and label kept',
    run: (bed) => {
      const fields = { payload: text('as it came'), trafficClass: 0xb8, flowLabel: 0x54321 };
      for (const [ingress, from, to] of [
        [LAN, H1, GATEWAY],
        [LAN, H1, 'fd01:203:405:2::1'],
        [ISP_A, Q6, '2001:db8:a::2'],
      ] as const) {
        bed.replies(ingress, echoRequest6(from, to, 5, { ...fields, hopLimit: 1 }), echoReply6(to, from, 5, fields));
      }
    },
  },
  {
    name: '4443-ECHO extension headers of a request come back with the reply',
    run: (bed) => {
      const extensions = [destinationOptions()];
      bed.replies(LAN, echoRequest6(H1, GATEWAY, 5, { extensions }), echoReply6(GATEWAY, H1, 5, { extensions }));
    },
  },
  {
    name: '4443-ECHO no reply to a wrong checksum, a group, an unspecified source or a fragment',
    run: (bed) => {
      bed.drops(LAN, echoRequest6(H1, GATEWAY, 5, { checksum: 0x1234 }), 'IcmpChecksumWrong');
      bed.drops(LAN, echoRequest6(H1, 'ff02::1', 5), 'Pass');
      bed.drops(LAN, echoRequest6('::', GATEWAY, 5), 'Pass');
      bed.drops(LAN, echoRequest6(H1, GATEWAY, 5, { extensions: [fragmentHeader(0, false)] }), 'Pass');
    },
  },
  {
    name: '4890-NPT neighbour discovery needs a link: elsewhere it is invalid',
    run: (bed) => {
      for (const type of [133, 134, 135, 136, 137]) {
        bed.drops(
          LAN,
          icmp6('fe80::1', 'ff02::1', type, 0, text('12345678'), { hopLimit: 255 }),
          'NeighbourDiscoveryInvalid',
        );
        bed.drops(ISP_A, icmp6(Q6, '2001:db8:a::2', type, 0, text('12345678')), 'NeighbourDiscoveryInvalid');
      }
    },
  },
  {
    name: '4443-UNK unknown messages to the gateway are passed on, not answered',
    run: (bed) => bed.drops(LAN, icmp6(H1, GATEWAY, 250, 0, text('12345678')), 'Pass'),
  },
  {
    name: '4787-R7 traffic between internal networks is routed untranslated, also behind an inner router',
    run: (bed) => {
      bed.forwards(LAN, udp6(H1, 'fd01:203:405:2::9', PORTS), OFFICE, udp6(H1, 'fd01:203:405:2::9', PORTS));
      bed.forwards(
        OFFICE,
        udp6('fd01:203:405:2::9', 'fd01:203:405:9::9', PORTS),
        LAN,
        udp6('fd01:203:405:2::9', 'fd01:203:405:9::9', PORTS),
      );
    },
  },
  {
    name: '4443-PP octets beyond the payload length are cut off',
    run: (bed) => {
      const padded = new Uint8Array(GOOD.length + 7);
      padded.set(GOOD);
      bed.forwards(LAN, padded, ISP_A, ip6(H1_A, Q6, 17, GOOD.slice(40)));
    },
  },
  {
    name: '4443-TE hop limit 0 and 1 from an uplink: Time Exceeded from its own address',
    run: (bed) => {
      for (const hopLimit of [0, 1]) {
        const packet = udp6(Q6, H1_A, PORTS, { hopLimit });
        bed.dropsWithError(
          ISP_A,
          packet,
          'HopLimitExceeded',
          ISP_A,
          icmpError6('2001:db8:a::2', Q6, packet, { type: 3 }),
        );
      }
    },
  },
  {
    name: '4443-2.4c, 4443-2.4f an error holds 1280 octets at most, carries the class without ECN, and is limited',
    plan: twoUplinks({ plan: { errorRate: { perSecond: 10, burst: 1 } } }),
    run: (bed) => {
      const packet = udp6(H1, Q6, PORTS, { hopLimit: 1, payload: new Uint8Array(1400), trafficClass: 0xbb });
      const error = icmpError6(GATEWAY, H1, packet.slice(0, 1232), { type: 3, trafficClass: 0xb8 });
      bed.dropsWithError(LAN, packet, 'HopLimitExceeded', LAN, error);
      bed.drops(LAN, packet, 'HopLimitExceeded');
      bed.wait(0.1);
      bed.dropsWithError(LAN, packet, 'HopLimitExceeded', LAN, error);
    },
  },
  {
    name: '4443-2.4e no error about an error or a later fragment; about an echo and a first fragment there is',
    run: (bed) => {
      bed.drops(LAN, icmpError6(H1, Q6, GOOD, { type: 1, hopLimit: 1 }), 'HopLimitExceeded');
      bed.drops(
        LAN,
        ip6(H1, Q6, 17, text('tail'), { hopLimit: 1, extensions: [fragmentHeader(8, false)] }),
        'HopLimitExceeded',
      );
      for (const packet of [
        echoRequest6(H1, Q6, 1, { hopLimit: 1 }),
        ip6(H1, Q6, 17, text('head'), { hopLimit: 1, extensions: [fragmentHeader(0, true)] }),
      ]) {
        bed.dropsWithError(LAN, packet, 'HopLimitExceeded', LAN, icmpError6(GATEWAY, H1, packet, { type: 3 }));
      }
    },
  },
  {
    name: '4443-2.2 an error takes the route of the source that it is for, with an address of the device it leaves by',
    run: (bed) => {
      for (const [source, egress, own] of [
        ['fd01:203:405:2::9', OFFICE, 'fd01:203:405:2::1'],
        ['fd01:203:405:77::9', LAN, GATEWAY],
      ] as const) {
        const packet = udp6(source, Q6, PORTS, { hopLimit: 1 });
        bed.dropsWithError(LAN, packet, 'HopLimitExceeded', egress, icmpError6(own, source, packet, { type: 3 }));
      }
    },
  },
  {
    name: '4443-2.2 no error from a device without an address of the family',
    plan: twoUplinks({ plan: { devices: [device({ ipv4: ['10.0.0.1/24'] }), ...DEVICES.slice(1)], routes: [] } }),
    run: (bed) => bed.drops(LAN, patched(GOOD, 7, 1), 'HopLimitExceeded'),
  },
];
