/** RFC 6056 by numbers: what 10,000 collisions look like from outside. */
import { expect } from 'vitest';
import type { Plan } from '../../../src/plan/plan.ts';
import { icmpError, ipv4, tcp, udp } from '../../support/packet-builder.ts';
import { ISP_A, LAN, type PlanChanges, twoUplinks } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const S1 = '192.0.2.10:53';
const COLLISIONS = 10_000;
const LARGE = { mappingsMax: 16_384, sessionsMax: 16_384, hostsMax: 16_384 };

/** The site has 10.64.0.0/16 behind a router. */
function large(changes: PlanChanges = {}): Plan {
  const route = { prefix: ipv4('10.64.0.0'), prefixLength: 16, via: ipv4('10.0.0.254') };
  return twoUplinks({ ...changes, plan: { routes: [{ device: LAN, ipv4: route }] } });
}

/** External ports of so many hosts with one source port, in the order in which they came. */
function collide(bed: TranslatorBed, port: number): number[] {
  const at = new DataView(new ArrayBuffer(2));
  return Array.from({ length: COLLISIONS + 1 }, (_, index) => {
    const host = `10.64.${Math.floor(index / 250)}.${1 + (index % 250)}`;
    const left = bed.send(LAN, udp(`${host}:${port}`, S1)).outgoing[0]?.octets ?? new Uint8Array(40);
    at.setUint16(0, (left[20] ?? 0) * 256 + (left[21] ?? 0));
    return at.getUint16(0);
  }).slice(1);
}

/** Chi-square of so many buckets of equal width from `low` to 65535. */
function chiSquare(ports: readonly number[], low: number, buckets: number): number {
  const counts = new Array<number>(buckets).fill(0);
  for (const port of ports) {
    const bucket = Math.floor(((port - low) * buckets) / (65536 - low));
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  const expected = ports.length / buckets;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** Of each value with the next: 0 for unrelated ones, 1 or -1 for those that follow a line. */
function serialCorrelation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const around = values.map((value) => value - mean);
  const variance = around.reduce((sum, value) => sum + value * value, 0);
  return around.slice(1).reduce((sum, value, index) => sum + value * (around[index] ?? 0), 0) / variance;
}

export const portRandomnessCases: readonly Case[] = [
  {
    name: '6056-1, 6056-4, 6888-R15 the ports of 10,000 collisions cover the range evenly and do not follow one another',
    plan: large(),
    options: LARGE,
    run: (bed) => {
      const ports = collide(bed, 5000);
      expect(new Set(ports).size).toBe(COLLISIONS);
      expect(Math.min(...ports)).toBeGreaterThanOrEqual(1024);
      expect(Math.min(...ports)).toBeLessThan(1100);
      expect(Math.max(...ports)).toBeGreaterThan(65_460);
      // 63 degrees of freedom: 103 is passed by one in a thousand, 34 is not reached by as many.
      expect(chiSquare(ports, 1024, 64)).toBeLessThan(103);
      // Three standard deviations of 1 / sqrt(n).
      expect(Math.abs(serialCorrelation(ports))).toBeLessThan(0.03);
      expect(Math.abs(serialCorrelation(ports.map((port) => port % 256)))).toBeLessThan(0.03);
    },
  },
  ...[5000, 5001].map(
    (port): Case => ({
      name: `6056-3, 7857-S8, 4787-R4 with parity asked for, 10,000 collisions of port ${port} keep its lowest bit`,
      plan: large({ nat44: { preserveParity: true } }),
      options: LARGE,
      run: (bed) => {
        const ports = collide(bed, port);
        expect(new Set(ports).size).toBe(COLLISIONS);
        expect(ports.every((external) => external % 2 === port % 2)).toBe(true);
        expect(chiSquare(ports, 1024, 64)).toBeLessThan(103);
      },
    }),
  ),
  {
    name: '4787-R4, 7857-S8 100 even and 100 odd ports of two hosts keep their parity where it is asked for',
    plan: twoUplinks({ nat44: { preserveParity: true } }),
    run: (bed) => {
      for (let port = 5000; port < 5200; port += 1) {
        for (const host of ['10.0.0.11', '10.0.0.12']) bed.send(LAN, udp(`${host}:${port}`, S1));
      }
      const rows = bed.mappings();
      expect(rows).toHaveLength(400);
      const parity = (endpoint: string) => Number(endpoint.split(':')[1]) % 2;
      expect(rows.filter(({ internal, external }) => parity(internal) !== parity(external))).toEqual([]);
    },
  },
  {
    name: '7857-S8, 6056-2 otherwise a port that is taken may become one of the other parity',
    run: (bed) => {
      for (let port = 5000; port < 5100; port += 2) {
        for (const host of ['10.0.0.11', '10.0.0.12']) bed.send(LAN, udp(`${host}:${port}`, S1));
      }
      expect(bed.mappings().some(({ external }) => Number(external.split(':')[1]) % 2 === 1)).toBe(true);
    },
  },
  {
    name: '3022-2.2, 6056-4 ports of the gateway itself are never chosen, neither preserved nor by chance, of their protocol',
    plan: twoUplinks({
      a4: {
        portLow: 2000,
        portHigh: 2049,
        reserved: [
          { protocol: 17, low: 2010, high: 2019 },
          { protocol: 17, low: 2049, high: 3000 },
        ],
      },
    }),
    run: (bed) => {
      for (let port = 2000; port < 2050; port += 1) bed.send(LAN, udp(`10.0.0.11:${port}`, S1));
      const ports = bed.mappings().map(({ external }) => Number(external.split(':')[1]));
      const free = Array.from({ length: 50 }, (_, index) => 2000 + index).filter(
        (port) => (port < 2010 || port > 2019) && port !== 2049,
      );
      expect(ports.toSorted((a, b) => a - b)).toEqual(free);
      const packet = udp('10.0.0.12:2010', S1);
      const error = icmpError('10.0.0.1', '10.0.0.12', packet, { type: 3, code: 1, dontFragment: true });
      bed.dropsWithError(LAN, packet, 'PortPoolExhausted', LAN, error);
      bed.forwards(LAN, tcp('10.0.0.11:2010', S1, 'SYN'), ISP_A, tcp('203.0.113.2:2010', S1, 'SYN'));
    },
  },
  {
    name: '3022-2.2 what comes to a port of the gateway itself is handed to it, and not to a host that once had the port',
    run: (bed) => {
      bed.send(LAN, udp('10.0.0.11:5000', S1));
      bed.plan(twoUplinks({ a4: { reserved: [{ protocol: 17, low: 5000, high: 5000 }] } }));
      bed.drops(ISP_A, udp(S1, '203.0.113.2:5000'), 'Pass');
      bed.drops(ISP_A, tcp(S1, '203.0.113.2:5000', 'ACK'), 'NoMapping');
    },
  },
];
