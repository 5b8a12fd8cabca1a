/** How long own errors are, and how many of them go to either side ("Own errors"; 1812-LEN, 1812-RATE, 4443-2.4f). */
import { echoRequest, icmpError, tcp, udp } from '../../support/packet-builder.ts';
import { icmpError6, udp6 } from '../../support/packet-builder-ipv6.ts';
import { ISP_A, ISP_B, LAN, twoUplinks } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:6000';
const WA = '203.0.113.2:6000';
const S1 = '192.0.2.10:80';
const H1V6 = 'fd01:203:405:1::11';
const ONE = { perSecond: 1, burst: 1 };

/** A packet of the site that has no hop left is told so. */
function toldToSite(bed: TranslatorBed): void {
  const late = udp(H1, S1, { ttl: 1 });
  const error = icmpError('10.0.0.1', '10.0.0.11', late, { type: 11, dontFragment: true });
  bed.dropsWithError(LAN, late, 'HopLimitExceeded', LAN, error);
}

/** The same to a remote host, by an uplink. */
function toldToRemote(bed: TranslatorBed): void {
  const late = udp(S1, WA, { ttl: 1 });
  const error = icmpError('203.0.113.2', '192.0.2.10', late, { type: 11, dontFragment: true });
  bed.dropsWithError(ISP_A, late, 'HopLimitExceeded', ISP_A, error);
}

export const ownErrorCases: readonly Case[] = [
  ...[576, 575, 300, 68].map(
    (mtu): Case => ({
      name: `1812-LEN an error by a link of ${mtu} octets is no longer than that`,
      plan: twoUplinks({ mtu: { [LAN]: mtu, [ISP_A]: 1400 } }),
      run: (bed) => {
        const long = echoRequest('10.0.0.11', '192.0.2.10', 7, { payload: new Uint8Array(1000), ttl: 1 });
        const quote = long.slice(0, mtu - 28);
        const error = icmpError('10.0.0.1', '10.0.0.11', quote, { type: 11, dontFragment: true });
        bed.dropsWithError(LAN, long, 'HopLimitExceeded', LAN, error);
      },
    }),
  ),
  {
    name: '1812-LEN what is held is quoted no longer than the link takes',
    plan: twoUplinks({ mtu: { [ISP_A]: 300 } }),
    run: (bed) => {
      const syn = tcp(S1, WA, 'SYN', { payload: new Uint8Array(700) });
      bed.drops(ISP_A, syn, 'NoMapping');
      bed.wait(6);
      const error = icmpError('203.0.113.2', '192.0.2.10', syn.slice(0, 272), { type: 3, code: 3, dontFragment: true });
      bed.ticks({ device: ISP_A, packet: error });
    },
  },
  {
    name: '1812-RATE, 2663-9 errors to the site, errors to uplinks and resets: none uses up the share of another',
    plan: twoUplinks({ plan: { errorRate: ONE } }),
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      toldToRemote(bed);
      bed.drops(ISP_A, udp(S1, WA, { ttl: 1 }), 'HopLimitExceeded');
      toldToSite(bed);
      bed.drops(LAN, udp(H1, S1, { ttl: 1 }), 'HopLimitExceeded');
      const stray = tcp(H1, S1, 'ACK', { acknowledgement: 77 });
      const reset = tcp(S1, H1, 'RST', { sequence: 77, ttl: 64 });
      bed.ends(LAN, stray, 'TcpWithoutSession', { device: LAN, packet: reset, kind: 'TcpReset' });
      bed.drops(LAN, stray, 'TcpWithoutSession');
      bed.wait(1);
      toldToRemote(bed);
      toldToSite(bed);
    },
  },
  {
    name: '1812-RATE, 4443-2.4f both families and all uplinks share the bucket of their side',
    plan: twoUplinks({ plan: { errorRate: ONE } }),
    run: (bed) => {
      const late = udp6(H1V6, '2001:db8:ffff::1', [5000, 53], { hopLimit: 1 });
      const error = icmpError6('fd01:203:405:1::1', H1V6, late, { type: 3 });
      bed.dropsWithError(LAN, late, 'HopLimitExceeded', LAN, error);
      bed.drops(LAN, udp(H1, S1, { ttl: 1 }), 'HopLimitExceeded');
      bed.send(LAN, udp(H1, S1));
      toldToRemote(bed);
      const lateToSite = udp6('2001:db8:ffff::1', '2001:db8:5555:d550::11', [53, 5000], { hopLimit: 1 });
      bed.drops(ISP_B, lateToSite, 'HopLimitExceeded');
    },
  },
];
