/** Attacks on the gateway, and what live flows notice of them: nothing (2663-9, 4787-R14a, 1812-RATE). */
import { expect } from 'vitest';
import { fragmentsOf } from '../../support/fragment-builder.ts';
import { echoRequest, hop, icmpError, ip4, tcp, udp } from '../../support/packet-builder.ts';
import { ISP_A, LAN } from '../../support/plans.ts';
import { hex, type TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const WA = '203.0.113.2:5000';
const S1 = '192.0.2.10:53';
const FLOOD = 100_000;
const ROUNDS = 100;

/** UDP, TCP and a datagram in fragments of one host, both ways; all of it gets through. */
function liveFlows(bed: TranslatorBed, round: number): void {
  bed.forwards(LAN, udp(H1, S1), ISP_A, udp(WA, S1));
  bed.forwards(ISP_A, udp(S1, WA), LAN, udp(S1, H1));
  const flags = round === 0 ? 'SYN' : 'PSH,ACK';
  bed.forwards(LAN, tcp(H1, S1, flags), ISP_A, tcp(WA, S1, flags));
  bed.forwards(ISP_A, tcp(S1, WA, round === 0 ? 'SYN,ACK' : 'ACK'), LAN, tcp(S1, H1, round === 0 ? 'SYN,ACK' : 'ACK'));
  const payload = new Uint8Array(2000).fill(round);
  const expected = fragmentsOf(udp(S1, H1, { payload }), 100 + round, 1480).map((one) => hex(hop(one)));
  const left = fragmentsOf(udp(S1, WA, { payload }), 100 + round, 1480).flatMap((one) => bed.send(ISP_A, one).outgoing);
  expect(left.map(({ octets }) => hex(octets))).toEqual(expected);
}

/** A hundred times a thousandth of the flood, then the live flows; ten seconds in all. */
function flooded(bed: TranslatorBed, packetAt: (index: number) => Uint8Array): Map<string, number> {
  const verdicts = new Map<string, number>();
  const each = FLOOD / ROUNDS;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let index = round * each; index < (round + 1) * each; index += 1) {
      const { verdict } = bed.send(ISP_A, packetAt(index));
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    }
    liveFlows(bed, round);
    bed.wait(0.1);
  }
  return verdicts;
}

const address = (index: number): string => `198.18.${(index >> 8) & 0xff}.${index & 0xff}`;

export const floodCases: readonly Case[] = [
  {
    name: '4787-R14a, 6146-F1 100,000 lone fragments in ten seconds: 256 are kept, and whole and ordered packets lose nothing',
    run: (bed) => {
      const lone = new Uint8Array(8);
      const verdicts = flooded(bed, (index) =>
        ip4(address(index), '203.0.113.2', 17, lone, { id: index & 0xffff, fragmentOffset: 1480 }),
      );
      expect([...verdicts.keys()].toSorted()).toEqual(['FragmentStoreFull', 'Queued']);
      expect(verdicts.get('Queued'), 'a store of 256 that comes free every five seconds').toBeLessThanOrEqual(3 * 256);
      expect(bed.mappings()).toHaveLength(2);
    },
  },
  {
    name: '2663-9 100,000 SYNs to closed ports in ten seconds: no state, few errors later, and live flows lose nothing',
    run: (bed) => {
      const verdicts = flooded(bed, (index) =>
        tcp(`${address(index)}:${1024 + (index % 60_000)}`, `203.0.113.2:${1 + (index % 4000)}`, 'SYN'),
      );
      expect(verdicts).toEqual(new Map([['NoMapping', FLOOD]]));
      expect(bed.sessions()).toHaveLength(2);
      bed.wait(6);
      let errors = 0;
      for (let asked = 0; asked < 100; asked += 1) {
        const sent = bed.tick();
        expect(sent.length, 'bounded at each tick').toBeLessThanOrEqual(16);
        errors += sent.length;
      }
      expect(errors, 'as many as the bucket has room for').toBe(100);
      liveFlows(bed, ROUNDS);
    },
  },
  {
    name: '2663-9, 1812-RATE 100,000 packets that die on the way from outside: errors as the bucket has them, live flows lose nothing',
    run: (bed) => {
      bed.send(LAN, udp(H1, '198.18.0.0:53'));
      let errors = 0;
      for (let round = 0; round < ROUNDS; round += 1) {
        for (let index = 0; index < FLOOD / ROUNDS; index += 1) {
          errors += bed.send(ISP_A, udp('198.18.0.0:53', WA, { ttl: 1 })).outgoing.length;
        }
        liveFlows(bed, round);
        bed.wait(0.1);
      }
      expect(errors).toBeGreaterThan(1000);
      expect(errors, '100 a second for ten seconds, after a burst of 100').toBeLessThanOrEqual(1100);
    },
  },
  {
    name: '1812-RATE, 5508-S7.2 after 10,000 packets with TTL 1 in a second a traceroute of 30 probes is answered in full',
    run: (bed) => {
      for (let index = 0; index < 10_000; index += 1) {
        bed.send(LAN, udp('10.0.0.12:5000', S1, { ttl: 1 }));
        bed.wait(0.0001);
      }
      bed.wait(0.3);
      for (let probe = 0; probe < 30; probe += 1) {
        const packet = echoRequest('10.0.0.11', '192.0.2.10', 7, { ttl: 1, sequence: probe });
        const error = icmpError('10.0.0.1', '10.0.0.11', packet, { type: 11, dontFragment: true });
        bed.dropsWithError(LAN, packet, 'HopLimitExceeded', LAN, error);
      }
    },
  },
  {
    name: '2663-9 100,000 pings of the gateway are answered, and live flows lose nothing',
    run: (bed) => {
      const verdicts = flooded(bed, (index) => echoRequest(address(index), '203.0.113.2', index & 0xffff));
      expect(verdicts).toEqual(new Map([['Reply', FLOOD]]));
      expect(bed.sessions()).toHaveLength(2);
    },
  },
];
