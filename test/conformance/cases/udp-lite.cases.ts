/** UDP-Lite on the way of a packet (RFC 3828): its header, fragments, hairpins, quotes, lifetimes and uplinks (UDPL-1). */
import { expect } from 'vitest';
import { fragmentsOf } from '../../support/fragment-builder.ts';
import { concat, hop, icmpError, ip4, patched, udp } from '../../support/packet-builder.ts';
import { ISP_A, ISP_B, LAN, twoUplinks } from '../../support/plans.ts';
import { UDP_LITE, udpLite } from '../../support/udp-lite-builder.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const H2 = '10.0.0.12:5001';
const WA = '203.0.113.2:5000';
const WB = '198.51.100.2:5000';
const S1 = '192.0.2.10:80';

/** Changes of a datagram of 13 octets that make it none: the place in the packet and what stands there. */
const INVALID: readonly { readonly what: string; readonly at: number; readonly value: number }[] = [
  { what: 'a coverage of 1', at: 25, value: 1 },
  { what: 'a coverage of 7', at: 25, value: 7 },
  { what: 'a coverage of one more than there is', at: 25, value: 14 },
];

const parsing: readonly Case[] = [
  ...INVALID.map(
    ({ what, at, value }): Case => ({
      name: `UDPL-1 ${what}: no datagram`,
      run: (bed) => bed.drops(LAN, patched(udpLite(H1, S1), at, value), 'TransportInvalid'),
    }),
  ),
  ...[8, 13].map(
    (coverage): Case => ({
      name: `UDPL-1 a coverage of ${coverage} of 13 octets is one`,
      run: (bed) => bed.forwards(LAN, udpLite(H1, S1, { coverage }), ISP_A, udpLite(WA, S1, { coverage })),
    }),
  ),
  {
    name: 'UDPL-1 seven octets are no header; without a checksum there is no datagram, not even in a fragment',
    run: (bed) => {
      bed.drops(LAN, ip4('10.0.0.11', '192.0.2.10', UDP_LITE, udpLite(H1, S1).slice(20, 27)), 'TransportInvalid');
      bed.drops(LAN, udpLite(H1, S1, { checksum: 0 }), 'TransportInvalid');
      bed.drops(LAN, udpLite(H1, S1, { checksum: 0, moreFragments: true }), 'TransportInvalid');
    },
  },
  {
    name: 'UDPL-1, 4787-R14 the coverage of a first fragment may be more than it holds, and what follows is as in UDP',
    run: (bed) => {
      const fields = { coverage: 1500, payload: new Uint8Array(2000).fill(3) };
      const sent = fragmentsOf(udpLite(H1, S1, fields), 7, 1000);
      const expected = fragmentsOf(udpLite(WA, S1, fields), 7, 1000);
      for (const [index, fragment] of sent.entries()) {
        const left = bed.send(LAN, fragment).outgoing.map(({ octets }) => octets.slice(12));
        expect(left).toEqual([hop(expected[index] ?? new Uint8Array(20)).slice(12)]);
      }
      bed.drops(LAN, udpLite(H1, S1, { coverage: 7, moreFragments: true }), 'TransportInvalid');
    },
  },
];

const translation: readonly Case[] = [
  {
    name: 'UDPL-1, 3022-4.1c a checksum that comes to zero is sent as all ones',
    run: (bed) => {
      // The word that makes the sum after translation all ones.
      const word = [...Array(65_536).keys()].find(
        (value) => checksumOf(udpLite(WA, S1, { payload: Uint8Array.of(value >> 8, value & 0xff) })) === 0xffff,
      );
      const payload = Uint8Array.of((word ?? 0) >> 8, (word ?? 0) & 0xff);
      bed.forwards(LAN, udpLite(H1, S1, { payload }), ISP_A, udpLite(WA, S1, { payload }));
    },
  },
  {
    name: 'UDPL-1, 3022-4.2 a wrong checksum stays wrong by the same amount',
    run: (bed) => {
      const wrong = (packet: Uint8Array) => patched(packet, 28, (packet[28] ?? 0) ^ 0x40);
      bed.forwards(LAN, wrong(udpLite(H1, S1)), ISP_A, wrong(udpLite(WA, S1)));
    },
  },
  {
    name: 'UDPL-1, 3022-4.1a a port that is not preserved is under the checksum too, whatever it covers',
    run: (bed) => {
      bed.send(LAN, udpLite(H1, S1));
      const other = '10.0.0.12:5000';
      bed.send(LAN, udpLite(other, S1));
      const external = bed.externalOf('udp-lite', other);
      for (const coverage of [0, 8, 11]) {
        bed.forwards(LAN, udpLite(other, S1, { coverage }), ISP_A, udpLite(external, S1, { coverage }));
        bed.forwards(ISP_A, udpLite(S1, external, { coverage }), LAN, udpLite(S1, other, { coverage }));
      }
    },
  },
  {
    name: 'UDPL-1, 4787-R9 hairpinned both endpoints change, as in UDP',
    run: (bed) => {
      bed.send(LAN, udpLite(H2, S1));
      bed.drops(LAN, udpLite(H1, '203.0.113.2:5001'), 'FilteredInbound');
      bed.send(LAN, udpLite(H2, '203.0.113.2:9'));
      bed.forwards(LAN, udpLite(H1, '203.0.113.2:5001'), LAN, udpLite(WA, H2));
      bed.forwards(LAN, udpLite(H2, WA), LAN, udpLite('203.0.113.2:5001', H1));
    },
  },
  {
    name: 'UDPL-1, 5508-R4, 5508-R5 quotes both ways: port and checksum as the reader knows them',
    run: (bed) => {
      bed.send(LAN, udpLite(H1, S1));
      const error = (to: string, quote: Uint8Array) => icmpError('192.0.2.1', to, quote, { type: 3, code: 3 });
      for (const length of [28, 33]) {
        const [theirs, ours] = [udpLite(WA, S1).slice(0, length), udpLite(H1, S1).slice(0, length)];
        bed.forwards(ISP_A, error('203.0.113.2', theirs), LAN, error('10.0.0.11', ours));
      }
      const refused = (from: string, quote: Uint8Array) => icmpError(from, '192.0.2.10', quote, { type: 3, code: 3 });
      bed.forwards(LAN, refused('10.0.0.11', udpLite(S1, H1)), ISP_A, refused('203.0.113.2', udpLite(S1, WA)));
      bed.drops(ISP_A, error('203.0.113.2', udp(WA, S1)), 'IcmpQuoteUnknown');
    },
  },
  {
    name: 'UDPL-1, MWAN-2 when its uplink fails the endpoint moves with all its sessions, and comes out of the other',
    run: (bed) => {
      bed.forwards(LAN, udpLite(H1, S1), ISP_A, udpLite(WA, S1));
      bed.plan(twoUplinks({ a4: { usable: false } }));
      bed.forwards(LAN, udpLite(H1, S1), ISP_B, udpLite(WB, S1));
      bed.drops(ISP_A, udpLite(S1, WA), 'NoMapping');
      bed.plan(twoUplinks());
      bed.forwards(LAN, udpLite(H1, '192.0.2.99:80'), ISP_B, udpLite(WB, '192.0.2.99:80'));
    },
  },
  {
    name: 'UDPL-1, 4787-R8a it is filtered as UDP is, and by none of its mappings',
    plan: twoUplinks({ nat44: { filteringUdp: 'endpoint-independent', filteringTcp: 'address-and-port-dependent' } }),
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      bed.drops(ISP_A, udpLite('192.0.2.77:7', WA), 'NoMapping');
      bed.send(LAN, udpLite(H1, S1));
      bed.forwards(ISP_A, udpLite('192.0.2.77:7', WA), LAN, udpLite('192.0.2.77:7', H1));
      expect(
        bed
          .sessions()
          .map(({ protocol }) => protocol)
          .toSorted(),
      ).toEqual(['udp', 'udp-lite']);
    },
  },
  {
    name: 'UDPL-1, 3022-6.3 what may be cut leaves with an identification of ours',
    run: (bed) => {
      const left = [1, 2].map((id) => {
        const { outgoing } = bed.send(LAN, udpLite(H1, S1, { id, dontFragment: false }));
        return new DataView(outgoing[0]?.octets.buffer ?? new ArrayBuffer(20)).getUint16(4);
      });
      expect(left[1]).toBe(((left[0] ?? 0) + 1) % 65_536);
    },
  },
  {
    name: 'UDPL-1, 6888-R6 without NAT44 it is routed as it is, whatever stands in it',
    plan: twoUplinks({ a4: { nat44: false } }),
    run: (bed) => {
      const packet = udpLite(H1, S1, { coverage: 8, payload: concat(new Uint8Array(3)) });
      bed.forwards(LAN, packet, ISP_A, packet);
    },
  },
];

function checksumOf(packet: Uint8Array): number {
  return new DataView(packet.buffer, packet.byteOffset).getUint16(26);
}

export const udpLiteCases: readonly Case[] = [...parsing, ...translation];
