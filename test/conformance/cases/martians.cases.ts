/** Addresses that the Internet does not know, and links across which nothing goes back (RFC 6092, 4443, 4007, 5737, 3849). */
import { expect } from 'vitest';
import type { Plan } from '../../../src/plan/plan.ts';
import { filtered, H1, H1_A, H2, Q6 } from '../../support/filtered-plan.ts';
import { echoRequest, udp } from '../../support/packet-builder.ts';
import {
  echoRequest6,
  icmp6,
  icmpError6,
  ip6,
  ipv6,
  readdressed,
  tcp6,
  udp6,
} from '../../support/packet-builder-ipv6.ts';
import { DEVICES, device, ISP_A, ISP_B, LAN, OFFICE, prefixPair, twoUplinks, UPLINK_A6 } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const PORTS = [40000, 53] as const;
const GATEWAY = 'fd01:203:405:1::1';
const GATEWAY_A = '2001:db8:a::2';
const NO_ROUTE = { type: 1, code: 0 };
const BEYOND_SCOPE = { type: 1, code: 2 };
const ADDRESS_UNREACHABLE = { type: 1, code: 3 };
const FAILED_POLICY = { type: 1, code: 5 };

/** The first and the last address of each prefix, and their neighbours outside. */
const BARRED = [
  'fec0::',
  'feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  '2001:10::',
  '2001:1f:ffff:ffff:ffff:ffff:ffff:ffff',
];
const BESIDE = ['2001:f:ffff:ffff:ffff:ffff:ffff:ffff', '2001:20::', '2001:db9::', '2002::'];
const IPV4_IN_DISGUISE = ['::2', '::10.0.0.1', '::255.255.255.255', '::ffff:0.0.0.0', '::ffff:255.255.255.255'];
const BESIDE_DISGUISE = ['::1:0:0', '::fffe:ffff:ffff', '::1:0:0:0', '::ffff:0:0:0'];

const ipv6Martians: readonly Case[] = [
  {
    name: '6092-R3 a site-local destination or an ORCHID does not leave the site, and the host is told',
    run: (bed) => {
      for (const destination of BARRED) {
        const packet = udp6(H1, destination, PORTS, { hopLimit: 1 });
        bed.dropsWithError(LAN, packet, 'NoRoute', LAN, icmpError6(GATEWAY, H1, packet, NO_ROUTE));
      }
      for (const destination of BESIDE) {
        const packet = udp6(H1, destination, PORTS);
        bed.forwards(LAN, packet, ISP_A, readdressed(packet, { from: H1_A }));
      }
    },
  },
  {
    name: '6092-R3 a site-local source or an ORCHID does not come in',
    run: (bed) => {
      for (const source of BARRED) bed.drops(ISP_A, udp6(source, H1_A, PORTS, { hopLimit: 1 }), 'MartianSource');
      for (const source of BESIDE) {
        const packet = udp6(source, H1_A, PORTS);
        bed.forwards(ISP_A, packet, LAN, readdressed(packet, { to: H1 }));
      }
    },
  },
  {
    name: '6092-R3 these hold with the filter too, and leave no state behind',
    plan: filtered(),
    run: (bed) => {
      const packet = udp6(H1, 'fec0::1', PORTS);
      bed.dropsWithError(LAN, packet, 'NoRoute', LAN, icmpError6(GATEWAY, H1, packet, NO_ROUTE));
      bed.drops(ISP_A, ip6('2001:10::1', H1_A, 50, new Uint8Array(8)), 'MartianSource');
      bed.drops(ISP_A, echoRequest6('fec0::1', H1_A, 1), 'MartianSource');
      expect(bed.sessions()).toEqual([]);
    },
  },
  {
    name: '6092-R3 a network of unique local addresses beyond an uplink does not open it to site-local ones',
    plan: twoUplinks({ a6: { pairs: [prefixPair('fd01:203:405::/48', 'fd00:aaaa:bbbb::/48')] } }),
    run: (bed) => {
      bed.drops(ISP_A, udp6('fec0::1', 'fd00:aaaa:bbbb:1::1', PORTS), 'MartianSource');
      const packet = udp6(H1, 'fec0::1', PORTS);
      bed.dropsWithError(LAN, packet, 'NoRoute', LAN, icmpError6(GATEWAY, H1, packet, NO_ROUTE));
    },
  },
  {
    name: 'RFC 4291 2.5.7: within the site, and on the link of an uplink, a site-local address is like any other',
    plan: twoUplinks({
      a6: { pairs: [prefixPair('fec0:0:0::/48', '2001:db8:1::/48')] },
      plan: {
        devices: [
          device({ ipv6: ['fec0:0:0:1::1/64'] }),
          device({ ipv6: ['2001:db8:a::2/64', 'fec0:a::2/64'] }, { uplinkSlot: 0 }),
          ...DEVICES.slice(2, 3),
          device({ ipv6: ['fec0:0:0:2::1/64'] }),
        ],
        routes: [],
      },
    }),
    run: (bed) => {
      const local = udp6('fec0:0:0:1::9', 'fec0:0:0:2::9', PORTS);
      bed.forwards(LAN, local, OFFICE, local);
      const out = udp6('fec0:0:0:1::9', Q6, PORTS);
      bed.forwards(LAN, out, ISP_A, readdressed(out, { from: '2001:db8:1:d107::9' }));
      const answer = udp6('fec0:a::1', '2001:db8:1:d107::9', PORTS);
      bed.forwards(ISP_A, answer, LAN, readdressed(answer, { to: 'fec0:0:0:1::9' }));
    },
  },
  {
    name: '6092-R3 IPv4 addresses in disguise, compatible and mapped, are nobody',
    run: (bed) => {
      for (const address of IPV4_IN_DISGUISE) {
        bed.drops(LAN, udp6(H1, address, PORTS, { hopLimit: 1 }), 'MartianDestination');
        bed.drops(LAN, udp6(address, H2, PORTS, { hopLimit: 1 }), 'MartianSource');
        bed.drops(ISP_A, udp6(address, H1_A, PORTS, { hopLimit: 1 }), 'MartianSource');
        bed.drops(ISP_A, udp6(Q6, address, PORTS, { hopLimit: 1 }), 'MartianDestination');
      }
      for (const address of BESIDE_DISGUISE) {
        const packet = udp6(H1, address, PORTS);
        bed.forwards(LAN, packet, ISP_A, readdressed(packet, { from: H1_A }));
      }
    },
  },
  {
    name: '6092-R2 a group is not forwarded, however wide its scope',
    run: (bed) => {
      for (let scope = 3; scope <= 15; scope += 1) {
        const group = `ff1${scope.toString(16)}::99`;
        bed.drops(LAN, udp6(H1, group, PORTS), 'MulticastNotForwarded');
        bed.drops(ISP_A, udp6(Q6, group, PORTS), 'MulticastNotForwarded');
      }
      for (const group of ['ff10::99', 'ff11::99', 'ff12::99']) bed.drops(LAN, udp6(H1, group, PORTS), 'Pass');
    },
  },
  {
    name: '6092-R1 a multicast source is nobody, on either side',
    run: (bed) => {
      bed.drops(LAN, udp6('ff0e::1', H2, PORTS), 'MartianSource');
      bed.drops(ISP_A, udp6('ff0e::1', H1_A, PORTS), 'MartianSource');
    },
  },
];

const scopes: readonly Case[] = [
  {
    name: '4443-DU, 6296-ROUT2 a link-local source does not get beyond its link, and is told so',
    run: (bed) => {
      for (const [ingress, own, to] of [
        [LAN, GATEWAY, Q6],
        [LAN, GATEWAY, H2],
        [LAN, GATEWAY, H1_A],
        [OFFICE, 'fd01:203:405:2::1', 'fd99::1'],
        [ISP_A, GATEWAY_A, H1_A],
        [ISP_A, GATEWAY_A, H1],
      ] as const) {
        const packet = udp6('fe80::99', to, PORTS, { hopLimit: 1 });
        bed.dropsWithError(
          ingress,
          packet,
          'MartianSource',
          ingress,
          icmpError6(own, 'fe80::99', packet, BEYOND_SCOPE),
        );
      }
    },
  },
  {
    name: '4443-DU, 4443-2.2 the answer goes back by the link that it came from, though all links have these addresses',
    plan: twoUplinks({
      plan: {
        devices: [
          device({ ipv6: ['fd01:203:405:1::1/64', 'fe80::1/64'] }),
          ...DEVICES.slice(1, 3),
          device({ ipv6: ['fd01:203:405:2::1/64', 'fe80::1/64'] }),
        ],
      },
    }),
    run: (bed) => {
      for (const [ingress, own] of [
        [LAN, GATEWAY],
        [OFFICE, 'fd01:203:405:2::1'],
      ] as const) {
        const packet = udp6('fe80::99', Q6, PORTS);
        bed.dropsWithError(
          ingress,
          packet,
          'MartianSource',
          ingress,
          icmpError6(own, 'fe80::99', packet, BEYOND_SCOPE),
        );
      }
    },
  },
  {
    name: '4443-DU no error about an error of a link-local source, and none to a link-local destination, from `::` or to a group',
    run: (bed) => {
      const quoted = udp6(Q6, 'fe80::99', PORTS);
      bed.drops(LAN, icmpError6('fe80::99', Q6, quoted, { type: 1 }), 'MartianSource');
      for (const type of [133, 134, 135, 136, 137]) {
        bed.drops(LAN, icmp6('fe80::99', Q6, type, 0, new Uint8Array(20)), 'MartianSource');
      }
      bed.drops(LAN, udp6('fe80::99', 'fe80::98', PORTS), 'MartianDestination');
      bed.drops(LAN, udp6('::', Q6, PORTS), 'MartianSource');
      bed.drops(LAN, udp6('fe80::99', 'ff0e::1', PORTS), 'MulticastNotForwarded');
    },
  },
];

/** Uplink A is a point-to-point link; B has a gateway among other stations. */
const ONE_GATEWAY = twoUplinks({ b6: { gateway: ipv6('2001:db8:b::1') } });

const pointToPoint: readonly Case[] = [
  {
    name: '4443-DU3, 7084-G2 what a point-to-point link brings for its own subnet does not go back: Address Unreachable',
    plan: ONE_GATEWAY,
    run: (bed) => {
      for (const destination of ['2001:db8:a::1', '2001:db8:a::77', '2001:db8:a:0:ffff:ffff:ffff:ffff']) {
        const packet = udp6(Q6, destination, PORTS, { hopLimit: 1 });
        const error = icmpError6(GATEWAY_A, Q6, packet, ADDRESS_UNREACHABLE);
        bed.dropsWithError(ISP_A, packet, 'NotForThisUplink', ISP_A, error);
      }
    },
  },
  {
    name: '4443-DU3 what is beside that subnet, an error, and an address of the gateway get no such answer',
    plan: ONE_GATEWAY,
    run: (bed) => {
      bed.drops(ISP_A, udp6(Q6, '2001:db8:a:1::77', PORTS), 'NotForThisUplink');
      bed.drops(ISP_A, udp6(Q6, '2001:db8:b::77', PORTS), 'NotForThisUplink');
      bed.drops(ISP_A, icmpError6(Q6, '2001:db8:a::77', udp6(H1_A, Q6, PORTS), { type: 1 }), 'NotForThisUplink');
      bed.drops(ISP_A, udp6(Q6, GATEWAY_A, PORTS), 'Pass');
    },
  },
  {
    name: '4443-DU3 on a link with a gateway other stations are no business of ours: silence',
    plan: ONE_GATEWAY,
    run: (bed) => bed.drops(ISP_B, udp6(Q6, '2001:db8:b::77', PORTS), 'NotForThisUplink'),
  },
];

const PLAN = twoUplinks();
const WITHOUT_IPV6: Plan = { ...PLAN, uplinks: PLAN.uplinks.map(({ ipv6: _none, ...uplink }) => uplink) };

const withoutPrefix: readonly Case[] = [
  {
    name: '7084-G3 an uplink without a prefix carries nothing, in either direction',
    plan: twoUplinks({ a6: { pairs: [] }, b6: { pairs: [] } }),
    run: (bed) => {
      const packet = udp6(H1, Q6, PORTS);
      bed.dropsWithError(LAN, packet, 'SourceNotInternal', LAN, icmpError6(GATEWAY, H1, packet, FAILED_POLICY));
      bed.drops(ISP_B, udp6(Q6, H1, PORTS), 'NotForThisUplink');
      bed.drops(ISP_B, udp6(Q6, H1_A, PORTS), 'NotForThisUplink');
    },
  },
  {
    name: '7084-G3 one without IPv6 is none for it, and the site keeps its own',
    plan: WITHOUT_IPV6,
    run: (bed) => {
      const packet = udp6(H1, Q6, PORTS);
      bed.dropsWithError(LAN, packet, 'NoUplink', LAN, icmpError6(GATEWAY, H1, packet, NO_ROUTE));
      bed.forwards(LAN, udp6(H1, H2, PORTS), OFFICE, udp6(H1, H2, PORTS));
      bed.drops(ISP_A, udp6(Q6, '2001:db8:a::77', PORTS), 'NotForThisUplink');
    },
  },
  {
    name: '7084-WPD5, 6296-ROUT5 what the ISP has delegated and no device has is dropped, and both sides are told',
    run: (bed) => {
      const called = udp6(Q6, '2001:db8:1:ff::1', PORTS);
      bed.dropsWithError(ISP_A, called, 'NoRoute', ISP_A, icmpError6(GATEWAY_A, Q6, called, NO_ROUTE));
      for (const destination of ['2001:db8:1:ff::1', 'fd01:203:405:77::1']) {
        const packet = udp6(H1, destination, PORTS);
        bed.dropsWithError(LAN, packet, 'NoRoute', LAN, icmpError6(GATEWAY, H1, packet, NO_ROUTE));
      }
    },
  },
  {
    name: '7084-WPD5 with the filter whoever may call an address that is not there is told as well',
    plan: filtered(),
    run: (bed) => {
      const called = ip6(Q6, '2001:db8:1:ff::1', 50, new Uint8Array(8));
      bed.dropsWithError(ISP_A, called, 'NoRoute', ISP_A, icmpError6(GATEWAY_A, Q6, called, NO_ROUTE));
      bed.drops(ISP_A, udp6(Q6, '2001:db8:1:ff::1', PORTS), 'FilteredInbound');
    },
  },
  {
    name: '7084-S1, 7084-S2 the filter lets nobody in unasked, and no source out that is not of the site',
    plan: filtered(),
    run: (bed) => {
      bed.drops(ISP_A, tcp6(Q6, H1_A, [443, 40000], 'SYN'), 'FilteredInbound');
      bed.drops(ISP_A, udp6(Q6, H1_A, [53, 40000]), 'FilteredInbound');
      for (const source of ['2001:db8:77::1', H1_A, 'fd99::1']) {
        const packet = udp6(source, Q6, PORTS);
        const error = icmpError6(GATEWAY, source, packet, FAILED_POLICY);
        bed.dropsWithError(LAN, packet, 'SourceNotInternal', LAN, error);
      }
      expect(bed.sessions()).toEqual([]);
    },
  },
  {
    name: '4890-L3 redirects, node information and unassigned errors change nothing at the gateway',
    run: (bed) => {
      bed.drops(LAN, icmp6(H1, GATEWAY, 137, 0, new Uint8Array(36)), 'NeighbourDiscoveryInvalid');
      for (const type of [139, 140, 5, 102]) bed.drops(LAN, icmp6(H1, GATEWAY, type, 0, new Uint8Array(20)), 'Pass');
    },
  },
];

const DOCUMENTED = { plan: { dropDocumentation: true } };
const EXAMPLES4 = ['192.0.2.0', '192.0.2.255', '198.51.100.0', '198.51.100.255', '203.0.113.0', '203.0.113.254'];
const BESIDE4 = ['192.0.1.255', '192.0.3.0', '198.51.99.255', '198.51.101.0', '203.0.112.255', '203.0.114.0'];

/** A site that has no address of an example, but for those that the file of cases sends. */
function numbered(): Plan {
  return twoUplinks({
    ...DOCUMENTED,
    a4: { pool: [0x0b00_0002], gateway: 0x0b00_0001 },
    a6: { ...UPLINK_A6, pairs: [prefixPair('fd01:203:405::/48', '2a00:1::/48')] },
    plan: {
      ...DOCUMENTED.plan,
      devices: [
        device({ ipv4: ['10.0.0.1/24'], ipv6: ['fd01:203:405:1::1/64'] }),
        device({ ipv4: ['11.0.0.2/24'], ipv6: ['2a00:a::2/64'] }, { uplinkSlot: 0 }),
        ...DEVICES.slice(2),
      ],
    },
  });
}

function expectOut(bed: TranslatorBed, packet: Uint8Array): void {
  expect(bed.passes(LAN, packet)).toBe(true);
}

const documentation: readonly Case[] = [
  {
    name: '6092-R3, 1812-MARTIAN addresses of examples are martians where the plan says so, in both families',
    plan: numbered(),
    run: (bed) => {
      for (const address of EXAMPLES4) {
        bed.drops(LAN, udp('10.0.0.11:40000', `${address}:53`, { ttl: 1 }), 'MartianDestination');
        bed.drops(ISP_A, udp(`${address}:53`, '11.0.0.2:40000', { ttl: 1 }), 'MartianSource');
        bed.drops(ISP_A, echoRequest(address, '11.0.0.2', 1), 'MartianSource');
      }
      for (const address of ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff']) {
        bed.drops(LAN, udp6(H1, address, PORTS, { hopLimit: 1 }), 'MartianDestination');
        bed.drops(LAN, udp6(address, H2, PORTS, { hopLimit: 1 }), 'MartianSource');
        bed.drops(ISP_A, udp6(address, '2a00:1:0:1::1', PORTS, { hopLimit: 1 }), 'MartianSource');
        bed.drops(ISP_A, udp6('2a00:9::1', address, PORTS, { hopLimit: 1 }), 'MartianDestination');
      }
    },
  },
  {
    name: '6092-R3 addresses beside those of examples are not',
    plan: numbered(),
    run: (bed) => {
      for (const address of BESIDE4) expectOut(bed, udp('10.0.0.11:40000', `${address}:53`));
      for (const address of ['2001:db7:ffff::1', '2001:db9::']) expectOut(bed, udp6(H1, address, PORTS));
    },
  },
  {
    name: '6092-R3 by default addresses of examples are like others',
    run: (bed) => {
      for (const address of EXAMPLES4.slice(0, 2)) expectOut(bed, udp('10.0.0.11:40000', `${address}:53`));
      expectOut(bed, udp6(H1, '2001:db8::', PORTS));
    },
  },
];

export const martianCases: readonly Case[] = [
  ...ipv6Martians,
  ...scopes,
  ...pointToPoint,
  ...withoutPrefix,
  ...documentation,
];
