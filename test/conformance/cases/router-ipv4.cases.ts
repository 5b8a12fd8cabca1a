/** What an IPv4 router owes: RFC 1812, RFC 1191, RFC 4787 section 11. */
import {
  echoReply,
  echoRequest,
  icmp,
  icmpError,
  ip4,
  ipv4,
  patched,
  tcp,
  text,
  udp,
} from '../../support/packet-builder.ts';
import { DEVICES, device, ISP_A, LAN, OFFICE, twoUplinks } from '../../support/plans.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const WA = '203.0.113.2:5000';
const S1 = '192.0.2.10:53';
/** The first identification to S1 (see identification.cases.ts). */
const TO_S1 = 20753;
const BIG = new Uint8Array(1472).map((_, index) => index & 0xff);

/** An error of the gateway towards the site. */
function toHost(packet: Uint8Array, error: { type: number; code?: number; word?: number }, tos = 0): Uint8Array {
  return icmpError('10.0.0.1', '10.0.0.11', packet.slice(0, 548), { ...error, dontFragment: true, tos });
}

export const routerIpv4Cases: readonly Case[] = [
  {
    name: '1812-TTL2, 1812-QUOTE TTL 1 from the site: Time Exceeded with the packet as it was sent',
    run: (bed) => {
      const packet = udp(H1, S1, { ttl: 1 });
      bed.dropsWithError(LAN, packet, 'HopLimitExceeded', LAN, toHost(packet, { type: 11 }));
    },
  },
  {
    name: '1812-TTL2 TTL 0 as well, and no state comes of it',
    run: (bed) => {
      const packet = udp(H1, S1, { ttl: 0 });
      bed.dropsWithError(LAN, packet, 'HopLimitExceeded', LAN, toHost(packet, { type: 11 }));
      bed.drops(ISP_A, udp(S1, WA), 'NoMapping');
    },
  },
  {
    name: '1812-TTL2, MWAN-6 TTL 1 from an uplink: Time Exceeded from its own address, with the external view',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      const packet = udp(S1, WA, { ttl: 1 });
      const error = icmpError('203.0.113.2', '192.0.2.10', packet, { type: 11, dontFragment: true });
      bed.dropsWithError(ISP_A, packet, 'HopLimitExceeded', ISP_A, error);
    },
  },
  {
    name: '1812-TTL3 an echo request to the gateway is answered whatever its TTL, data and DSCP kept',
    run: (bed) => {
      const payload = text('as it came');
      bed.replies(
        LAN,
        echoRequest('10.0.0.11', '10.0.0.1', 3, { ttl: 1, payload, tos: 0xb8, id: 77 }),
        echoReply('10.0.0.1', '10.0.0.11', 3, { payload, tos: 0xb8, dontFragment: true }),
      );
      bed.replies(
        ISP_A,
        echoRequest('192.0.2.10', '203.0.113.2', 3),
        echoReply('203.0.113.2', '192.0.2.10', 3, { dontFragment: true }),
      );
      bed.replies(
        LAN,
        echoRequest('10.0.0.11', '10.0.1.1', 3),
        echoReply('10.0.1.1', '10.0.0.11', 3, { dontFragment: true }),
      );
    },
  },
  {
    name: '5508-R10a an echo request with a wrong checksum is not answered',
    run: (bed) => {
      bed.drops(LAN, echoRequest('10.0.0.11', '10.0.0.1', 3, { checksum: 1 }), 'IcmpChecksumWrong');
    },
  },
  {
    name: '4787-R13, 1191-4, 5508-S7.1.1 too long with DF: Fragmentation Needed with the MTU, quoting the internal source',
    plan: twoUplinks({ mtu: { [ISP_A]: 1400 } }),
    run: (bed) => {
      const packet = udp(H1, S1, { payload: BIG, dontFragment: true });
      bed.dropsWithError(LAN, packet, 'TooBig', LAN, toHost(packet, { type: 3, code: 4, word: 1400 }));
    },
  },
  {
    name: '4787-R13 the same from an uplink, with the external view',
    plan: twoUplinks({ mtu: { [LAN]: 1400 } }),
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      const packet = udp(S1, WA, { payload: BIG, dontFragment: true });
      const error = icmpError('203.0.113.2', '192.0.2.10', packet.slice(0, 548), {
        type: 3,
        code: 4,
        word: 1400,
        dontFragment: true,
      });
      bed.dropsWithError(ISP_A, packet, 'TooBig', ISP_A, error);
    },
  },
  {
    name: '4787-R13a, 1812-FRAG too long without DF: fragments in order, the translated source in each',
    plan: twoUplinks({ mtu: { [ISP_A]: 700 } }),
    run: (bed) => {
      const whole = udp(WA, S1, { payload: BIG, ttl: 63 });
      const data = whole.slice(20);
      const piece = (start: number, end: number) =>
        ip4('203.0.113.2', '192.0.2.10', 17, data.slice(start, end), {
          id: TO_S1,
          ttl: 63,
          fragmentOffset: start,
          moreFragments: end < data.length,
        });
      bed.ends(
        LAN,
        udp(H1, S1, { payload: BIG, id: 4711, dontFragment: false }),
        'Forward',
        { device: ISP_A, packet: piece(0, 680) },
        { device: ISP_A, packet: piece(680, 1360), kind: 'Fragment' },
        { device: ISP_A, packet: piece(1360, 1480), kind: 'Fragment' },
      );
    },
  },
  {
    name: '1812-NOREASM a fragment between internal networks is cut again where it must be, keeping its place',
    plan: twoUplinks({ mtu: { [OFFICE]: 700 } }),
    run: (bed) => {
      const data = BIG.slice(0, 1000);
      const fields = { id: 5, fragmentOffset: 1480, moreFragments: true };
      const piece = (start: number, end: number) =>
        ip4('10.0.0.11', '10.0.1.5', 17, data.slice(start, end), { ...fields, ttl: 63, fragmentOffset: 1480 + start });
      bed.ends(
        LAN,
        ip4('10.0.0.11', '10.0.1.5', 17, data, fields),
        'Forward',
        { device: OFFICE, packet: piece(0, 680) },
        { device: OFFICE, packet: piece(680, 1000), kind: 'Fragment' },
      );
    },
  },
  {
    name: '1812-FRAG a packet with options that would need fragmentation is dropped',
    plan: twoUplinks({ mtu: { [ISP_A]: 700 } }),
    run: (bed) => {
      const options = Uint8Array.of(1, 1, 1, 1);
      bed.drops(LAN, udp(H1, S1, { payload: BIG.slice(0, 1000), options, dontFragment: false }), 'TooBig');
    },
  },
  {
    name: '6864-4.3 DF and identification pass unchanged',
    run: (bed) => {
      for (const fields of [{ dontFragment: true, id: 9 }, { dontFragment: true, id: 9 }, { id: 9 }]) {
        bed.forwards(LAN, udp(H1, S1, fields), ISP_A, udp(WA, S1, fields));
      }
    },
  },
  {
    name: '1812-TOS, 5508-R10d an error carries the DSCP of the offender, without its ECN bits',
    run: (bed) => {
      const packet = udp(H1, S1, { ttl: 1, tos: 0xbb });
      bed.dropsWithError(LAN, packet, 'HopLimitExceeded', LAN, toHost(packet, { type: 11 }, 0xb8));
    },
  },
  {
    name: '1812-LEN an error holds as much of the offender as fits into 576 octets',
    run: (bed) => {
      const packet = udp(H1, S1, { ttl: 1, payload: BIG });
      bed.dropsWithError(LAN, packet, 'HopLimitExceeded', LAN, toHost(packet, { type: 11 }));
    },
  },
  {
    name: '1812-WHEN, 5508-R10e no error about an ICMP error, a later fragment, or a source that is no host',
    run: (bed) => {
      bed.drops(LAN, icmpError('10.0.0.11', '10.0.1.5', udp(S1, H1), { type: 3, code: 3, ttl: 1 }), 'HopLimitExceeded');
      bed.drops(LAN, icmp('10.0.0.11', '10.0.1.5', 13, 0, text('12345678'), { ttl: 1 }), 'HopLimitExceeded');
      bed.drops(
        LAN,
        ip4('10.0.0.11', '10.0.1.5', 17, text('12345678'), { ttl: 1, fragmentOffset: 8 }),
        'HopLimitExceeded',
      );
      bed.drops(LAN, udp('10.0.0.255:5000', '10.0.1.5:53', { ttl: 1 }), 'MartianSource');
    },
  },
  {
    name: '1812-WHEN about an echo request there is one',
    run: (bed) => {
      const packet = echoRequest('10.0.0.11', '192.0.2.10', 7, { ttl: 1 });
      bed.dropsWithError(LAN, packet, 'HopLimitExceeded', LAN, toHost(packet, { type: 11 }));
    },
  },
  {
    name: '1812-SRC an error leaves by the route to the offender, from the address of that device',
    run: (bed) => {
      const packet = udp('10.0.9.7:5000', S1, { ttl: 1 });
      const error = icmpError('10.0.0.1', '10.0.9.7', packet, { type: 11, dontFragment: true });
      bed.dropsWithError(OFFICE, packet, 'HopLimitExceeded', LAN, error);
    },
  },
  {
    name: '1812-SRC and there is none from a device without an address',
    plan: twoUplinks({
      plan: {
        devices: [device({ ipv4: [] }), ...DEVICES.slice(1)],
        routes: [{ device: LAN, ipv4: { prefix: 0x0a000000, prefixLength: 24, via: 0x0a000002 } }],
      },
    }),
    run: (bed) => {
      bed.drops(LAN, udp(H1, S1, { ttl: 1 }), 'HopLimitExceeded');
    },
  },
  {
    name: '1812-RATE errors are limited by a bucket; forwarding is not',
    plan: twoUplinks({ plan: { errorRate: { perSecond: 10, burst: 2 } } }),
    run: (bed) => {
      const packet = udp(H1, S1, { ttl: 1 });
      bed.dropsWithError(LAN, packet, 'HopLimitExceeded', LAN, toHost(packet, { type: 11 }));
      bed.dropsWithError(LAN, packet, 'HopLimitExceeded', LAN, toHost(packet, { type: 11 }));
      bed.drops(LAN, packet, 'HopLimitExceeded');
      bed.forwards(LAN, udp(H1, S1), ISP_A, udp(WA, S1));
      bed.wait(0.1);
      bed.dropsWithError(LAN, packet, 'HopLimitExceeded', LAN, toHost(packet, { type: 11 }));
    },
  },
  {
    name: '1812-UNREACH without any uplink for the family: network unreachable',
    plan: twoUplinks({ plan: { policies: [{ prefer: [] }] } }),
    run: (bed) => {
      const packet = udp(H1, S1);
      bed.dropsWithError(LAN, packet, 'NoUplink', LAN, toHost(packet, { type: 3, code: 0 }));
    },
  },
  {
    name: '3022-4.6, 5508-S7.3 source routes are refused, record route passes untouched',
    run: (bed) => {
      for (const type of [131, 137]) {
        const options = Uint8Array.of(1, type, 7, 4, 10, 0, 0, 11);
        bed.drops(LAN, udp(H1, S1, { options }), 'Ipv4SourceRouted');
        bed.drops(LAN, echoRequest('10.0.0.11', '192.0.2.10', 7, { options }), 'Ipv4SourceRouted');
      }
      const recordRoute = Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0);
      bed.forwards(LAN, udp(H1, S1, { options: recordRoute }), ISP_A, udp(WA, S1, { options: recordRoute }));
    },
  },
  {
    name: '4787-R7 traffic between internal networks is routed untranslated, also behind an inner router',
    run: (bed) => {
      bed.forwards(LAN, udp(H1, '10.0.1.5:53'), OFFICE, udp(H1, '10.0.1.5:53'));
      bed.forwards(OFFICE, tcp('10.0.1.5:53', '10.0.9.7:80', 'ACK'), LAN, tcp('10.0.1.5:53', '10.0.9.7:80', 'ACK'));
      bed.forwards(
        LAN,
        ip4('10.0.0.11', '10.0.1.5', 253, text('experiment')),
        OFFICE,
        ip4('10.0.0.11', '10.0.1.5', 253, text('experiment')),
      );
    },
  },
  {
    name: '1812-FRAG a first fragment may announce a longer datagram than it holds',
    run: (bed) => {
      const first = udp(H1, '10.0.1.5:53', { moreFragments: true, length: 3000 });
      bed.forwards(LAN, first, OFFICE, first);
    },
  },
  {
    name: '1812-UNREACH the longest internal route wins',
    plan: twoUplinks({
      plan: {
        routes: [
          { device: OFFICE, ipv4: { prefix: ipv4('10.0.0.128'), prefixLength: 25, via: ipv4('10.0.1.9') } },
          { device: LAN, ipv4: { prefix: ipv4('10.0.0.0'), prefixLength: 8, via: ipv4('10.0.0.254') } },
        ],
      },
    }),
    run: (bed) => {
      for (const [to, egress] of [
        ['10.0.0.200', OFFICE],
        ['10.0.0.12', LAN],
        ['10.77.0.1', LAN],
        ['10.0.1.9', OFFICE],
      ] as const) {
        bed.forwards(LAN, udp(H1, `${to}:53`), egress, udp(H1, `${to}:53`));
      }
    },
  },
  {
    name: '1812-5.2.2 octets beyond the total length are cut off',
    run: (bed) => {
      const padded = new Uint8Array(60);
      padded.set(udp(H1, S1));
      bed.forwards(LAN, padded, ISP_A, udp(WA, S1));
    },
  },
  {
    name: '1812-SAV replies are accepted from the uplink that the session is on, whatever the preferred one is',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      bed.plan(twoUplinks({ plan: { policies: [{ prefer: [1, 0] }] } }));
      bed.forwards(ISP_A, udp(S1, WA), LAN, udp(S1, H1));
    },
  },
  {
    name: '5508-R4 an inbound packet to a host behind no route has nowhere to go',
    run: (bed) => {
      bed.send(LAN, udp('10.0.9.7:5000', S1));
      bed.plan(twoUplinks({ plan: { routes: [] } }));
      bed.drops(ISP_A, patched(udp(S1, WA), 8, 64), 'NoRoute');
    },
  },
];
