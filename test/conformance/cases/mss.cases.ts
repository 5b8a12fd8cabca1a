/** The clamp of TCP maximum segment sizes: RFC 9293 section 3.7.1, RFC 6691. */

import { expect } from 'vitest';
import { fragmentsOf, identificationOf } from '../../support/fragment-builder.ts';
import { tcp } from '../../support/packet-builder.ts';
import { ISP_A, ISP_B, LAN, OFFICE, twoUplinks } from '../../support/plans.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const WA = '203.0.113.2:5000';
const S1 = '192.0.2.10:80';
const CLAMPED = twoUplinks({ a4: { mssClamp: 1360 } });

const options = (...octets: readonly number[]) => ({ tcpOptions: Uint8Array.from(octets) });
const mss = (octets: number) => [2, 4, octets >> 8, octets & 0xff];

/** A SYN with options leaves uplink A with others, and a right checksum. */
function clamps(name: string, before: readonly number[], after: readonly number[]): Case {
  return {
    name: `RFC 9293 3.7.1: ${name}`,
    plan: CLAMPED,
    run: (bed) =>
      bed.forwards(LAN, tcp(H1, S1, 'SYN', options(...before)), ISP_A, tcp(WA, S1, 'SYN', options(...after))),
  };
}

function leavesAlone(name: string, ...before: readonly number[]): Case {
  return clamps(name, before, before);
}

export const mssCases: readonly Case[] = [
  clamps('a SYN that promises more than the uplink takes promises less', mss(1460), mss(1360)),
  clamps('also behind other options', [3, 3, 7, 1, ...mss(1460)], [3, 3, 7, 1, ...mss(1360)]),
  clamps('at an odd place', [1, ...mss(1460), 3, 3, 7], [1, ...mss(1360), 3, 3, 7]),
  clamps(
    'at an odd place at the end',
    [3, 3, 7, 1, 1, 1, 1, ...mss(65_535), 0],
    [3, 3, 7, 1, 1, 1, 1, ...mss(1360), 0],
  ),
  clamps('of two only the first', [...mss(1460), ...mss(1460)], [...mss(1360), ...mss(1460)]),
  leavesAlone('as much as the limit', ...mss(1360)),
  leavesAlone('less than the limit', ...mss(536)),
  leavesAlone('none'),
  leavesAlone('behind the end of the options', 0, 2, ...mss(1460), 0, 0),
  leavesAlone('of another length', 2, 3, 0xff, 1, ...mss(1460)),
  leavesAlone('behind an option without a length', 8, 0, ...mss(1460), 0, 0),
  leavesAlone('behind an option shorter than itself', 8, 1, ...mss(1460), 0, 0),
  leavesAlone('behind an option that runs past the header', 8, 11, ...mss(1460), 0, 0),
  leavesAlone('cut off by the end of the header', 1, 1, 2, 4),
  leavesAlone('whose kind is the last octet', 1, 1, 1, 2),
  {
    name: 'RFC 9293 3.7.1: answers from outside are clamped as well, other segments are not',
    plan: CLAMPED,
    run: (bed) => {
      bed.send(LAN, tcp(H1, S1, 'SYN'));
      bed.forwards(
        ISP_A,
        tcp(S1, WA, 'SYN,ACK', options(...mss(1460))),
        LAN,
        tcp(S1, H1, 'SYN,ACK', options(...mss(1360))),
      );
      bed.forwards(LAN, tcp(H1, S1, 'ACK', options(...mss(1460))), ISP_A, tcp(WA, S1, 'ACK', options(...mss(1460))));
    },
  },
  {
    name: 'RFC 9293 3.7.1: each uplink has a limit of its own, or none',
    plan: twoUplinks({ a4: { mssClamp: 1360, usable: false } }),
    run: (bed) => {
      const syn = options(...mss(1460));
      bed.forwards(LAN, tcp(H1, S1, 'SYN', syn), ISP_B, tcp('198.51.100.2:5000', S1, 'SYN', syn));
    },
  },
  {
    name: 'RFC 9293 3.7.1: neither between internal networks, nor in a hairpin, nor without translation',
    plan: CLAMPED,
    run: (bed) => {
      const syn = options(...mss(1460));
      bed.forwards(LAN, tcp(H1, '10.0.1.5:80', 'SYN', syn), OFFICE, tcp(H1, '10.0.1.5:80', 'SYN', syn));
      bed.send(LAN, tcp(H1, S1, 'SYN'));
      bed.send(LAN, tcp(H1, '203.0.113.2:6000', 'SYN'));
      bed.forwards(LAN, tcp('10.0.0.12:6000', WA, 'SYN', syn), LAN, tcp('203.0.113.2:6000', H1, 'SYN', syn));
      bed.plan(twoUplinks({ a4: { mssClamp: 1360, nat44: false } }));
      bed.forwards(LAN, tcp(H1, S1, 'SYN', syn), ISP_A, tcp(H1, S1, 'SYN', syn));
    },
  },
  {
    name: 'RFC 9293 3.7.1: also of a SYN in fragments, whose data the checksum covers',
    plan: CLAMPED,
    run: (bed) => {
      const fields = (octets: number) => ({ ...options(...mss(octets)), payload: new Uint8Array(800).fill(7) });
      const [first, second] = fragmentsOf(tcp(H1, S1, 'SYN', fields(1460)), 3, 400);
      const left = bed.send(LAN, first ?? new Uint8Array()).outgoing[0]?.octets ?? new Uint8Array(20);
      const expected = fragmentsOf(tcp(WA, S1, 'SYN', { ...fields(1360), ttl: 63 }), identificationOf(left), 400);
      expect([...left]).toEqual([...(expected[0] ?? [])]);
      bed.ends(LAN, second ?? new Uint8Array(), 'Forward', { device: ISP_A, packet: expected[1] ?? new Uint8Array() });
    },
  },
];
