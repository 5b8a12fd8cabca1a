/** NPTv6 through the whole IPv6 path: RFC 6296, hairpinning, ICMPv6 errors after the bis draft. */
import { hop, text } from '../../support/packet-builder.ts';
import {
  destinationOptions,
  echoRequest6,
  fragmentHeader,
  icmp6,
  icmpError6,
  ip6,
  udp6,
} from '../../support/packet-builder-ipv6.ts';
import { ISP_A, ISP_B, LAN, OFFICE, prefixPair, twoUplinks } from '../../support/plans.ts';
import type { Case } from '../case.ts';

const H1 = 'fd01:203:405:1::1234';
const H1_A = '2001:db8:1:d550::1234';
const H1_B = '2001:db8:5555:7ffc::1234';
const H2 = 'fd01:203:405:2::5678';
const H2_A = '2001:db8:1:d551::5678';
const Q6 = '2001:db8:ffff::53';
const ROUTER = '2001:db8:fffe::1';
const GATEWAY = 'fd01:203:405:1::1';
const PORTS = [40000, 53] as const;

/** A UDP packet whose checksum is that of another pair of addresses: what a neutral translation leaves alone. */
function translatedUdp(from: string, to: string, original: Uint8Array): Uint8Array {
  return ip6(from, to, 17, original.slice(40));
}

const OUT = udp6(H1, Q6, PORTS);
const BACK = udp6(Q6, H1_A, PORTS);

/** An error of the gateway to H1. */
function toHost(packet: Uint8Array, type: number, code: number, word = 0): Uint8Array {
  return icmpError6(GATEWAY, H1, packet.slice(0, 1232), { type, code, word });
}

const LONG_PAIR = twoUplinks({ a6: { pairs: [prefixPair('fd01:203:405:ab00::/56', '2001:db8:1:ff00::/56')] } });
const UNEQUAL_PAIR = twoUplinks({ a6: { pairs: [prefixPair('fd01:203:405::/48', '2001:db8:1:5600::/56')] } });

export const nptv6Cases: readonly Case[] = [
  {
    name: '6296-3.6 the worked example, both ways; only the prefix and one word change (6296-2.1a, 6296-2.6)',
    run: (bed) => {
      bed.forwards(LAN, OUT, ISP_A, translatedUdp(H1_A, Q6, OUT));
      bed.forwards(ISP_A, BACK, LAN, translatedUdp(Q6, H1, BACK));
    },
  },
  {
    name: '6296-2.5 inbound first: no state is needed, and none is made',
    run: (bed) => {
      bed.forwards(ISP_A, BACK, LAN, translatedUdp(Q6, H1, BACK));
    },
  },
  {
    name: '6296-2.4, 6296-3.1b, MWAN-8 each uplink has its own external form, and both lead inside at any time',
    run: (bed) => {
      bed.forwards(ISP_B, udp6(Q6, H1_B, PORTS), LAN, translatedUdp(Q6, H1, udp6(Q6, H1_B, PORTS)));
      bed.plan(twoUplinks({ a6: { usable: false } }));
      bed.forwards(LAN, OUT, ISP_B, translatedUdp(H1_B, Q6, OUT));
      bed.forwards(ISP_A, BACK, LAN, translatedUdp(Q6, H1, BACK));
    },
  },
  {
    name: '6296-1a, 6296-6 any transport passes, ports and payload untouched',
    run: (bed) => {
      for (const protocol of [6, 50, 47, 132, 136, 253]) {
        const payload = text('fd01:203:405:1::1234 in the payload');
        bed.forwards(LAN, ip6(H1, Q6, protocol, payload), ISP_A, ip6(H1_A, Q6, protocol, payload));
      }
    },
  },
  {
    name: '8200-F4 fragments pass one by one, behind other extension headers too',
    run: (bed) => {
      for (const extensions of [
        [fragmentHeader(0, true)],
        [fragmentHeader(1480, false)],
        [destinationOptions(), fragmentHeader(8, true)],
        [destinationOptions(), destinationOptions()],
      ]) {
        const payload = text('some octets of a datagram');
        bed.forwards(LAN, ip6(H1, Q6, 17, payload, { extensions }), ISP_A, ip6(H1_A, Q6, 17, payload, { extensions }));
      }
    },
  },
  {
    name: '6296-2.1a traffic class and flow label survive',
    run: (bed) => {
      const fields = { trafficClass: 0xb9, flowLabel: 0x12345 };
      bed.forwards(LAN, ip6(H1, Q6, 253, text('x'), fields), ISP_A, ip6(H1_A, Q6, 253, text('x'), fields));
    },
  },
  {
    name: '6296-3.2a a source in subnet 0xffff is discarded with Source Address Failed Policy',
    run: (bed) => {
      const packet = udp6('fd01:203:405:ffff::1234', Q6, PORTS);
      const error = icmpError6(GATEWAY, 'fd01:203:405:ffff::1234', packet, { type: 1, code: 5 });
      bed.dropsWithError(LAN, packet, 'SubnetNotMapped', LAN, error);
    },
  },
  {
    name: '6296-3.2a inbound the same subnet is discarded silently',
    run: (bed) => bed.drops(ISP_A, udp6(Q6, '2001:db8:1:ffff::1', PORTS), 'SubnetNotMapped'),
  },
  {
    name: '6296-3.7a a subnet beyond the shorter external space is discarded with Source Address Failed Policy',
    plan: UNEQUAL_PAIR,
    run: (bed) => {
      const packet = udp6('fd01:203:405:100::1', Q6, PORTS);
      const error = icmpError6(GATEWAY, 'fd01:203:405:100::1', packet, { type: 1, code: 5 });
      bed.dropsWithError(LAN, packet, 'SubnetNotMapped', LAN, error);
    },
  },
  {
    name: '6296-3.7b an all-ones interface identifier: Parameter Problem that points at the source',
    plan: LONG_PAIR,
    run: (bed) => {
      const source = 'fd01:203:405:ab01:ffff:ffff:ffff:ffff';
      const packet = udp6(source, Q6, PORTS);
      bed.dropsWithError(
        LAN,
        packet,
        'InterfaceIdAllOnes',
        LAN,
        icmpError6(GATEWAY, source, packet, { type: 4, word: 8 }),
      );
    },
  },
  {
    name: '6296-3.7b inbound it points at the destination, and goes to the uplink',
    plan: LONG_PAIR,
    run: (bed) => {
      const packet = udp6(Q6, '2001:db8:1:ff01:ffff:ffff:ffff:ffff', PORTS);
      const error = icmpError6('2001:db8:a::2', Q6, packet, { type: 4, word: 24 });
      bed.dropsWithError(ISP_A, packet, 'InterfaceIdAllOnes', ISP_A, error);
    },
  },
  {
    name: '6296-3.7b all zeros is dropped, unless configured to be translated',
    plan: LONG_PAIR,
    run: (bed) => {
      const packet = udp6('fd01:203:405:ab01::', Q6, PORTS);
      const error = icmpError6(GATEWAY, 'fd01:203:405:ab01::', packet, { type: 4, word: 8 });
      bed.dropsWithError(LAN, packet, 'InterfaceIdAllZeros', LAN, error);
      bed.plan({ ...LONG_PAIR, nptv6: { translateZeroInterfaceId: true } });
      // fd01 + 0203 + 0405 + ab00 = ae0a, 2001 + 0db8 + 0001 + ff00 = 2cbb (folded): the difference is 814f.
      bed.forwards(LAN, packet, ISP_A, translatedUdp('2001:db8:1:ff01:814f::', Q6, packet));
    },
  },
  {
    name: '6296-3.4a the rules on interface identifiers do not apply to prefixes of at most 48 bits',
    run: (bed) => {
      for (const id of ['ffff:ffff:ffff:ffff', '0:0:0:0']) {
        const packet = udp6(`fd01:203:405:1:${id}`, Q6, PORTS);
        bed.forwards(LAN, packet, ISP_A, translatedUdp(`2001:db8:1:d550:${id}`, Q6, packet));
      }
    },
  },
  {
    name: '6296-4.3a, 6296-4.3b hairpinning: both translations, back to the site',
    run: (bed) => {
      const packet = udp6(H1, H2_A, PORTS);
      bed.forwards(LAN, packet, OFFICE, translatedUdp(H1_A, H2, packet));
      const reply = udp6(H2, H1_A, PORTS);
      bed.forwards(OFFICE, reply, LAN, translatedUdp(H2_A, H1, reply));
    },
  },
  {
    name: 'MWAN-5 hairpinning by the prefix that was targeted, whatever uplink is preferred or down',
    plan: twoUplinks({ b6: { usable: false } }),
    run: (bed) => {
      const packet = udp6(H2, H1_B, PORTS);
      bed.forwards(OFFICE, packet, LAN, translatedUdp('2001:db8:5555:7ffd::5678', H1, packet));
    },
  },
  {
    name: '6296-4.3a a hairpinned packet whose second translation fails causes no error; one without a route does',
    run: (bed) => {
      bed.drops(LAN, udp6(H1, '2001:db8:1:ffff::1', PORTS), 'SubnetNotMapped');
      const nowhere = udp6(H1, '2001:db8:1:d55e::1', PORTS);
      bed.dropsWithError(LAN, nowhere, 'NoRoute', LAN, toHost(nowhere, 1, 0));
    },
  },
  {
    name: '6296-3.7b the same for an interface identifier that cannot be translated back',
    plan: LONG_PAIR,
    run: (bed) => {
      const source = 'fd01:203:405:ab01::1';
      bed.drops(LAN, udp6(source, '2001:db8:1:ff01:ffff:ffff:ffff:ffff', PORTS), 'InterfaceIdAllOnes');
    },
  },
  {
    name: '6296b-ICMP1 an error from outside: outer destination and quoted source become internal',
    run: (bed) => {
      const quote = hop(translatedUdp(H1_A, Q6, OUT));
      const restored = hop(OUT);
      for (const [type, code, word] of [
        [1, 4, 0],
        [2, 0, 1400],
        [3, 0, 0],
        [4, 1, 6],
      ] as const) {
        const error = icmpError6(ROUTER, H1_A, quote, { type, code, word });
        bed.forwards(ISP_A, error, LAN, icmpError6(ROUTER, H1, restored, { type, code, word }));
      }
    },
  },
  {
    name: '6296b-ICMP2 an error from inside: outer source and quoted destination become external',
    run: (bed) => {
      const received = hop(translatedUdp(Q6, H1, BACK));
      bed.forwards(
        LAN,
        icmpError6(H1, Q6, received, { type: 1, code: 4 }),
        ISP_A,
        icmpError6(H1_A, Q6, hop(BACK), { type: 1, code: 4 }),
      );
    },
  },
  {
    name: '6296b-ICMP3, 4890-4.1 a quote whose source is not the receiver, or with a foreign prefix, is dropped silently',
    run: (bed) => {
      bed.drops(ISP_A, icmpError6(ROUTER, H1_A, udp6(H2_A, Q6, PORTS), { type: 1 }), 'IcmpQuoteUnknown');
      bed.drops(LAN, icmpError6(H1, Q6, udp6(Q6, 'fd99::1', PORTS), { type: 1 }), 'IcmpQuoteUnknown');
      bed.drops(LAN, icmpError6(H1, Q6, udp6(Q6, 'fd01:203:405:ffff::1', PORTS), { type: 1 }), 'IcmpQuoteUnknown');
    },
  },
  {
    name: '6296b-ICMP4 a quote shorter than an IPv6 header, or of another version, is not processed',
    run: (bed) => {
      const quote = translatedUdp(H1_A, Q6, OUT);
      bed.drops(ISP_A, icmpError6(ROUTER, H1_A, quote.slice(0, 39), { type: 1 }), 'IcmpQuoteInvalid');
      bed.forwards(
        ISP_A,
        icmpError6(ROUTER, H1_A, quote.slice(0, 40), { type: 1 }),
        LAN,
        icmpError6(ROUTER, H1, OUT.slice(0, 40), { type: 1 }),
      );
      bed.drops(
        ISP_A,
        icmpError6(ROUTER, H1_A, Uint8Array.of(0x45, ...quote.slice(1)), { type: 1 }),
        'IcmpQuoteInvalid',
      );
    },
  },
  {
    name: '6296b-ICMP5 an error with a wrong checksum is dropped silently; other messages are not verified',
    run: (bed) => {
      const quote = translatedUdp(H1_A, Q6, OUT);
      bed.drops(ISP_A, icmpError6(ROUTER, H1_A, quote, { type: 1, checksum: 0x1234 }), 'IcmpChecksumWrong');
      const echo = echoRequest6(H1, Q6, 7, { checksum: 0x1234 });
      bed.forwards(LAN, echo, ISP_A, ip6(H1_A, Q6, 58, echo.slice(40)));
    },
  },
  {
    name: '6296b-ICMP1 an error in fragments is not processed',
    run: (bed) => {
      const error = icmpError6(ROUTER, H1_A, translatedUdp(H1_A, Q6, OUT), {
        type: 1,
        extensions: [fragmentHeader(0, true)],
      });
      bed.drops(ISP_A, error, 'IcmpQuoteInvalid');
    },
  },
  {
    name: '6296b-ICMP7 a hairpinned error: both outer addresses and both quoted ones',
    run: (bed) => {
      const sent = udp6(H1, H2_A, PORTS);
      const delivered = hop(translatedUdp(H1_A, H2, sent));
      bed.forwards(
        OFFICE,
        icmpError6(H2, H1_A, delivered, { type: 1, code: 4 }),
        LAN,
        icmpError6(H2_A, H1, hop(sent), { type: 1, code: 4 }),
      );
    },
  },
  {
    name: '6296-ROUT1 hop limit 1: Time Exceeded quotes the packet as it was sent',
    run: (bed) => {
      const packet = udp6(H1, Q6, PORTS, { hopLimit: 1 });
      bed.dropsWithError(LAN, packet, 'HopLimitExceeded', LAN, toHost(packet, 3, 0));
    },
  },
  {
    name: '6296-ROUT2, 6092-R5 a source outside every prefix of the site: Source Address Failed Policy',
    run: (bed) => {
      const packet = udp6('fd01:203:406::1', Q6, PORTS);
      const error = icmpError6(GATEWAY, 'fd01:203:406::1', packet, { type: 1, code: 5 });
      bed.dropsWithError(LAN, packet, 'SourceNotInternal', LAN, error);
    },
  },
  {
    name: '6092-R5 such a source reaches nobody inside either',
    run: (bed) => {
      const packet = udp6('fd99::1', 'fd01:203:405:2::9', PORTS);
      bed.dropsWithError(
        LAN,
        packet,
        'SourceNotInternal',
        LAN,
        icmpError6(GATEWAY, 'fd99::1', packet, { type: 1, code: 5 }),
      );
    },
  },
  {
    name: '6296-DYN a new external prefix counts at once',
    run: (bed) => {
      bed.plan(twoUplinks({ epochA: 1, a6: { pairs: [prefixPair('fd01:203:405::/48', '2001:db8:2::/48')] } }));
      bed.forwards(LAN, OUT, ISP_A, translatedUdp('2001:db8:2:d54f::1234', Q6, OUT));
      bed.drops(ISP_A, BACK, 'NotForThisUplink');
    },
  },
  {
    name: '4443-PTB, 8200-F3 too long for the uplink: Packet Too Big with its MTU, never a fragment',
    plan: twoUplinks({ mtu: { [ISP_A]: 1400 } }),
    run: (bed) => {
      const packet = udp6(H1, Q6, PORTS, { payload: new Uint8Array(1400) });
      bed.dropsWithError(LAN, packet, 'TooBig', LAN, toHost(packet, 2, 0, 1400));
    },
  },
  {
    name: '4443-PTB too long for the site: the error shows the external view and has a global source',
    plan: twoUplinks({ mtu: { [LAN]: 1280 } }),
    run: (bed) => {
      const packet = udp6(Q6, H1_A, PORTS, { payload: new Uint8Array(1400) });
      const error = icmpError6('2001:db8:a::2', Q6, packet.slice(0, 1232), { type: 2, word: 1280 });
      bed.dropsWithError(ISP_A, packet, 'TooBig', ISP_A, error);
    },
  },
  {
    name: "4890-T1 echo and errors of the gateway's neighbours pass in transit, link-scoped messages do not (4890-NPT)",
    run: (bed) => {
      bed.forwards(LAN, echoRequest6(H1, Q6, 7), ISP_A, echoRequest6(H1_A, Q6, 7));
      for (const type of [130, 131, 132, 133, 134, 135, 136, 137, 141, 142, 143, 148, 149, 151, 152, 153]) {
        bed.drops(LAN, icmp6(H1, Q6, type, 0, text('12345678')), 'IcmpTypeNotForwarded');
        bed.drops(ISP_A, icmp6(Q6, H1_A, type, 0, text('12345678')), 'IcmpTypeNotForwarded');
      }
    },
  },
  {
    name: '8305-2 without an uplink for IPv6: No Route at once',
    plan: twoUplinks({ plan: { policies: [{ prefer: [] }] } }),
    run: (bed) => bed.dropsWithError(LAN, OUT, 'NoUplink', LAN, toHost(OUT, 1, 0)),
  },
  {
    name: '6296-ROUT5 what comes for an unused subnet of the site is refused once and does not go back out',
    run: (bed) => {
      const packet = udp6('2001:db8:ffff::53', '2001:db8:1:d55e::1', [53, 40_000]);
      const error = icmpError6('2001:db8:a::2', '2001:db8:ffff::53', packet, { type: 1, code: 0 });
      bed.dropsWithError(ISP_A, packet, 'NoRoute', ISP_A, error);
    },
  },
];
