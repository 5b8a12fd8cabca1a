/** IPv4 identifications after translation: RFC 6864, RFC 3022 section 6.3. */
import { expect } from 'vitest';
import { fragmentsOf, identificationOf } from '../../support/fragment-builder.ts';
import { hop, icmpError, text, udp } from '../../support/packet-builder.ts';
import { ISP_A, LAN } from '../../support/plans.ts';
import { hex, type TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const H2 = '10.0.0.12:5001';
const WA = '203.0.113.2:5000';
const S1 = '192.0.2.10:53';
const LONG = { payload: new Uint8Array(2000).fill(0x5a) };
/** h >> 48 of the bed's secret for UDP from 203.0.113.2 to 192.0.2.10 and 192.0.2.20, by another program. */
const TO_S1 = 20753;
const TO_S2 = 25343;
const IN_HAIRPIN = 40516;
/** Where it is 65535. */
const AT_THE_END = '198.18.0.194:53';

/** The packet that leaves, of one that is forwarded. */
function sent(bed: TranslatorBed, device: number, packet: Uint8Array): Uint8Array {
  const { verdict, outgoing } = bed.send(device, packet);
  expect(verdict).toBe('Forward');
  return outgoing[0]?.octets ?? new Uint8Array(20);
}

export const identificationCases: readonly Case[] = [
  {
    name: '3022-6.3, 6864-5.3.1 equal identifications of two hosts to one destination become different ones',
    run: (bed) => {
      const [a0, a1] = fragmentsOf(udp(H1, S1, LONG), 4711, 1480);
      const [b0, b1] = fragmentsOf(udp(H2, S1, LONG), 4711, 1480);
      const left = [a0, b0, b1, a1].map((packet) => sent(bed, LAN, packet ?? new Uint8Array()));
      const [firstA, firstB, secondB, secondA] = left.map(identificationOf);
      expect(firstA).not.toBe(firstB);
      expect([secondA, secondB]).toEqual([firstA, firstB]);
    },
  },
  {
    name: '6864-5.3.1, 7857-S10 identifications count up from a start that the secret makes of addresses and protocol',
    run: (bed) => {
      const packet = (to: string) => udp(H1, to, { id: 4711, dontFragment: false });
      const ids = [S1, S1, '192.0.2.20:53', S1].map((to) => identificationOf(sent(bed, LAN, packet(to))));
      expect(ids).toEqual([TO_S1, TO_S1 + 1, TO_S2, TO_S1 + 2]);
      bed.forwards(LAN, packet(S1), ISP_A, udp(WA, S1, { id: TO_S1 + 3, dontFragment: false }));
    },
  },
  {
    name: '6864-5.3.1 after the largest identification comes zero',
    run: (bed) => {
      const packet = udp(H1, AT_THE_END, { id: 4711, dontFragment: false });
      expect([packet, packet].map((again) => identificationOf(sent(bed, LAN, again)))).toEqual([65_535, 0]);
    },
  },
  {
    name: '6864-4.1 atomic packets keep theirs, whatever it is, and take none from the others',
    run: (bed) => {
      for (const id of [4711, 4711, 0]) {
        bed.forwards(LAN, udp(H1, S1, { id }), ISP_A, udp(WA, S1, { id }));
      }
      expect(identificationOf(sent(bed, LAN, udp(H1, S1, { id: 9, dontFragment: false })))).toBe(TO_S1);
    },
  },
  {
    name: '6864-5.3.1 a fragment with DF is not atomic, and keeps DF',
    run: (bed) => {
      const fragments = fragmentsOf(udp(H1, S1, LONG), 9, 1480, { dontFragment: true });
      const expected = fragmentsOf(udp(WA, S1, LONG), TO_S1, 1480, { dontFragment: true }).map(hop);
      expect(fragments.map((packet) => hex(sent(bed, LAN, packet)))).toEqual(expected.map(hex));
    },
  },
  {
    name: '6864-5.3.1 inbound identifications are those of the sender',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      const fields = { id: 4711, dontFragment: false };
      bed.forwards(ISP_A, udp(S1, WA, fields), LAN, udp(S1, H1, fields));
    },
  },
  {
    name: '6864-5.3.1 an error from inside that is not atomic gets one, too',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      const about = (from: string, to: string, id: number) =>
        icmpError(from, '192.0.2.10', udp(S1, to, { payload: text('late') }), {
          type: 3,
          code: 3,
          id,
          dontFragment: false,
        });
      const left = sent(bed, LAN, about('10.0.0.11', H1, 4711));
      expect(identificationOf(left)).not.toBe(4711);
      expect(hex(left)).toBe(hex(hop(about('203.0.113.2', WA, identificationOf(left)))));
    },
  },
  {
    name: '6864-5.3.1 a hairpinned packet has an identification of the external sender; a refused one takes none',
    run: (bed) => {
      bed.send(LAN, udp(H2, S1));
      const external = bed.externalOf('udp', H2);
      const packet = udp(H1, external, { id: 4711, dontFragment: false });
      expect(bed.send(LAN, packet).verdict).toBe('FilteredInbound');
      bed.send(LAN, udp(H2, WA));
      for (const id of [IN_HAIRPIN, IN_HAIRPIN + 1]) {
        bed.forwards(LAN, packet, LAN, udp(WA, H2, { id, dontFragment: false }));
      }
    },
  },
];
