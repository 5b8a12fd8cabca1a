/** Hosts with addresses of the ISPs themselves: pairs that change nothing, and the uplink by the source (RFC 8028). */
import { H1, H1_A, H2_A, Q6, R6 } from '../../support/filtered-plan.ts';
import { hop } from '../../support/packet-builder.ts';
import { fragmentHeader, icmpError6, readdressed, udp6 } from '../../support/packet-builder-ipv6.ts';
import {
  DEVICES,
  device,
  ISP_A,
  ISP_B,
  LAN,
  OFFICE,
  type PlanChanges,
  prefixPair,
  twoUplinks,
  UPLINK_A6,
  UPLINK_B6,
} from '../../support/plans.ts';
import type { Case } from '../case.ts';

const PORTS = [40000, 53] as const;
const GATEWAY = 'fd01:203:405:1::1';
/** Addresses that H1 has made of the prefixes of both ISPs. */
const OF_A = '2001:db8:1:10::1234';
const OF_B = '2001:db8:5555:10::1234';

/** Both ISPs have a part of their prefix on the LAN, beside the translated one. */
function native(changes: PlanChanges = {}) {
  return twoUplinks({
    ...changes,
    a6: { pairs: [prefixPair('2001:db8:1::/48', '2001:db8:1::/48'), ...UPLINK_A6.pairs], ...changes.a6 },
    b6: { pairs: [...UPLINK_B6.pairs, prefixPair('2001:db8:5555::/48', '2001:db8:5555::/48')], ...changes.b6 },
    plan: {
      devices: [
        device({
          ipv4: ['10.0.0.1/24'],
          ipv6: ['fd01:203:405:1::1/64', '2001:db8:1:10::1/64', '2001:db8:5555:10::1/64'],
        }),
        ...DEVICES.slice(1),
      ],
      ...changes.plan,
    },
  });
}

export const ipv6IdentityCases: readonly Case[] = [
  {
    name: '8028-3 a source of an ISP leaves by that ISP, untranslated, whatever is preferred',
    plan: native(),
    run: (bed) => {
      bed.forwards(LAN, udp6(OF_A, Q6, PORTS), ISP_A, udp6(OF_A, Q6, PORTS));
      bed.forwards(LAN, udp6(OF_B, Q6, PORTS), ISP_B, udp6(OF_B, Q6, PORTS));
      bed.plan(native({ plan: { policies: [{ prefer: [1, 0] }] } }));
      bed.forwards(LAN, udp6(OF_A, Q6, PORTS), ISP_A, udp6(OF_A, Q6, PORTS));
    },
  },
  {
    name: '8028-3 a source of the site itself takes the preferred uplink and is translated there',
    plan: native(),
    run: (bed) => {
      const packet = udp6(H1, Q6, PORTS);
      bed.forwards(LAN, packet, ISP_A, readdressed(packet, { from: H1_A }));
      bed.plan(native({ a6: { usable: false } }));
      bed.forwards(LAN, packet, ISP_B, readdressed(packet, { from: '2001:db8:5555:7ffc::1234' }));
    },
  },
  {
    name: '8028-3, 8678-2, 7084-L14 a source of an ISP that is down fails policy on the other one: the host is told',
    plan: native({ b6: { usable: false } }),
    run: (bed) => {
      const packet = udp6(OF_B, Q6, PORTS);
      const error = icmpError6(GATEWAY, OF_B, packet, { type: 1, code: 5 });
      bed.dropsWithError(LAN, packet, 'SourceNotInternal', LAN, error);
    },
  },
  {
    name: '8028-3 an uplink that is not in the policy is no answer, its own prefix or not',
    plan: native({ plan: { policies: [{ prefer: [0] }] } }),
    run: (bed) => {
      const packet = udp6(OF_B, Q6, PORTS);
      const error = icmpError6(GATEWAY, OF_B, packet, { type: 1, code: 5 });
      bed.dropsWithError(LAN, packet, 'SourceNotInternal', LAN, error);
    },
  },
  {
    name: '8028-3 with all uplinks down their own ISP is no better than others: the last resort takes it, or refuses the source',
    plan: native({ a6: { usable: false }, b6: { usable: false } }),
    run: (bed) => {
      bed.forwards(LAN, udp6(OF_A, Q6, PORTS), ISP_A, udp6(OF_A, Q6, PORTS));
      const packet = udp6(OF_B, Q6, PORTS);
      const error = icmpError6(GATEWAY, OF_B, packet, { type: 1, code: 5 });
      bed.dropsWithError(LAN, packet, 'SourceNotInternal', LAN, error);
    },
  },
  {
    name: '8028-3, MWAN-8 inbound the pair is taken that leads to somebody: one destination to each form of H1',
    plan: native(),
    run: (bed) => {
      for (const [from, ingress, to, host] of [
        [Q6, ISP_A, OF_A, OF_A],
        [Q6, ISP_A, H1_A, H1],
        [Q6, ISP_B, OF_B, OF_B],
        [Q6, ISP_B, '2001:db8:5555:7ffc::1234', H1],
      ] as const) {
        bed.forwards(ingress, udp6(from, to, PORTS), LAN, readdressed(udp6(from, to, PORTS), { to: host }));
      }
      bed.drops(ISP_A, udp6(Q6, OF_B, PORTS), 'NotForThisUplink');
    },
  },
  {
    name: '6296-ROUT5 inbound to nobody: no route by the first pair that covers it, told to the sender once',
    plan: native(),
    run: (bed) => {
      const packet = udp6(Q6, '2001:db8:1:11::1', PORTS);
      const error = icmpError6('2001:db8:a::2', Q6, packet, { type: 1, code: 0 });
      bed.dropsWithError(ISP_A, packet, 'NoRoute', ISP_A, error);
    },
  },
  {
    name: '6092-R6 sources of the site do not come in by either uplink, translated or not',
    plan: native(),
    run: (bed) => {
      for (const source of [OF_A, OF_B, H1, '2001:db8:1:ffff::1']) {
        bed.drops(ISP_A, udp6(source, H1_A, PORTS), 'SpoofedSource');
      }
    },
  },
  {
    name: '6296-4.3a hairpins find the pair that leads to somebody, and change the sources of the site only',
    plan: native(),
    run: (bed) => {
      const packet = udp6(H1, H2_A, PORTS);
      bed.forwards(LAN, packet, OFFICE, readdressed(packet, { from: H1_A, to: 'fd01:203:405:2::5678' }));
      const fromNative = udp6(OF_A, H2_A, PORTS);
      bed.forwards(LAN, fromNative, OFFICE, readdressed(fromNative, { to: 'fd01:203:405:2::5678' }));
      const within = udp6(OF_A, OF_B, PORTS);
      bed.forwards(LAN, within, LAN, within);
    },
  },
  {
    name: '6296-3.2a, 6296-3.7b such a pair refuses no subnet and no interface identifier',
    plan: twoUplinks({
      a6: {
        pairs: [
          prefixPair('2001:db8:1::/48', '2001:db8:1::/48'),
          prefixPair('2001:db8:3:ab00::/56', '2001:db8:3:ab00::/56'),
        ],
      },
    }),
    run: (bed) => {
      for (const source of ['2001:db8:1:ffff::1', '2001:db8:3:ab01::', '2001:db8:3:ab01:ffff:ffff:ffff:ffff']) {
        bed.forwards(LAN, udp6(source, Q6, PORTS), ISP_A, udp6(source, Q6, PORTS));
      }
    },
  },
  {
    name: '6296-3.2a a pair of equal prefixes with different lengths is no such pair',
    plan: twoUplinks({ a6: { pairs: [prefixPair('2001:db8:1::/48', '2001:db8:1::/56')] } }),
    run: (bed) => {
      const packet = udp6('2001:db8:1:1234::1', Q6, PORTS);
      const error = icmpError6(GATEWAY, '2001:db8:1:1234::1', packet, { type: 1, code: 5 });
      bed.dropsWithError(LAN, packet, 'SubnetNotMapped', LAN, error);
    },
  },
  {
    name: '4890-4.1, 6296b-ICMP3 errors are checked where nothing is translated, too, and pass as they are',
    plan: native(),
    run: (bed) => {
      const went = hop(udp6(OF_A, Q6, PORTS));
      bed.forwards(
        ISP_A,
        icmpError6(R6, OF_A, went, { type: 1, code: 4 }),
        LAN,
        icmpError6(R6, OF_A, went, { type: 1, code: 4 }),
      );
      const came = hop(udp6(Q6, OF_A, PORTS));
      bed.forwards(
        LAN,
        icmpError6(OF_A, Q6, came, { type: 1, code: 4 }),
        ISP_A,
        icmpError6(OF_A, Q6, came, { type: 1, code: 4 }),
      );
      bed.drops(ISP_A, icmpError6(R6, OF_A, udp6(H1_A, Q6, PORTS), { type: 1 }), 'IcmpQuoteUnknown');
      bed.drops(ISP_A, icmpError6(R6, OF_A, went.slice(0, 39), { type: 1 }), 'IcmpQuoteInvalid');
      bed.drops(
        ISP_A,
        icmpError6(R6, OF_A, went, { type: 1, extensions: [fragmentHeader(0, true)] }),
        'IcmpQuoteInvalid',
      );
      bed.drops(ISP_A, icmpError6(R6, OF_A, went, { type: 1, checksum: 1 }), 'IcmpChecksumWrong');
      bed.drops(LAN, icmpError6(OF_A, Q6, hop(udp6(Q6, OF_B, PORTS)), { type: 1 }), 'IcmpQuoteUnknown');
    },
  },
];
