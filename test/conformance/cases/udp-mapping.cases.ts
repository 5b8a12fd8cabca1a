/** RFC 4787 sections 4 and 5: mapping, port choice, filtering, lifetimes. */
import { expect } from 'vitest';
import { ipv4, udp } from '../../support/packet-builder.ts';
import { ISP_A, LAN, twoUplinks } from '../../support/plans.ts';
import { SECRET, type TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const S1 = '192.0.2.10:53';
const S1_OTHER_PORT = '192.0.2.10:5353';
const S2 = '192.0.2.20:53';
const H1 = '10.0.0.11:5000';
const WA = '203.0.113.2:5000';

/** H1 opens a session to S1. */
function open(bed: TranslatorBed): void {
  bed.forwards(LAN, udp(H1, S1), ISP_A, udp(WA, S1));
}

/** Whether an inbound datagram of S1 still reaches H1. */
function delivered(bed: TranslatorBed): void {
  bed.forwards(ISP_A, udp(S1, WA), LAN, udp(S1, H1));
}

export const udpMappingCases: readonly Case[] = [
  {
    name: '4787-R1 one internal endpoint keeps one external endpoint for every destination',
    run: (bed) => {
      for (const destination of [S1, S1_OTHER_PORT, S2]) {
        bed.forwards(LAN, udp(H1, destination), ISP_A, udp(WA, destination));
      }
      expect(bed.mappings()).toEqual([{ protocol: 'udp', internal: H1, external: WA, uplinkSlot: 0, sessions: 3 }]);
    },
  },
  {
    name: '4787-R1 also when its port was taken: the collision case',
    run: (bed) => {
      open(bed);
      bed.send(LAN, udp('10.0.0.12:5000', S1));
      const external = bed.externalOf('udp', '10.0.0.12:5000');
      expect(external).not.toBe(WA);
      for (const destination of [S1, S1_OTHER_PORT, S2]) {
        bed.forwards(LAN, udp('10.0.0.12:5000', destination), ISP_A, udp(external, destination));
      }
    },
  },
  {
    name: '4787-R2 a host is paired with one address of the pool, over all protocols (6888-R2, 6888-R3)',
    plan: twoUplinks({ a4: { pool: ['203.0.113.2', '203.0.113.9', '203.0.113.10', '203.0.113.11'].map(ipv4) } }),
    run: (bed) => {
      const addresses = new Map<string, Set<string>>();
      for (let host = 11; host < 31; host += 1) {
        for (let port = 4000; port < 4010; port += 1) {
          bed.send(LAN, udp(`10.0.0.${host}:${port}`, S1));
        }
      }
      for (const row of bed.mappings()) {
        const host = row.internal.split(':')[0] ?? '';
        const used = addresses.get(host) ?? new Set();
        addresses.set(host, used.add(row.external.split(':')[0] ?? ''));
      }
      expect(addresses.size).toBe(20);
      expect([...addresses.values()].every((used) => used.size === 1)).toBe(true);
      expect(new Set([...addresses.values()].flatMap((used) => [...used])).size, 'all are used').toBe(4);
    },
  },
  {
    name: '4787-R3 two internal endpoints never share an external one, and replies reach the right host',
    run: (bed) => {
      open(bed);
      bed.send(LAN, udp('10.0.0.12:5000', S1));
      const second = bed.externalOf('udp', '10.0.0.12:5000');
      delivered(bed);
      bed.forwards(ISP_A, udp(S1, second), LAN, udp(S1, '10.0.0.12:5000'));
    },
  },
  ...[
    { port: 123, low: 1, high: 1023 },
    { port: 40000, low: 1024, high: 65535 },
  ].map(
    ({ port, low, high }): Case => ({
      name: `4787-R3a port ${port} and its collisions stay in the class ${low}-${high}`,
      run: (bed) => {
        for (let host = 11; host < 41; host += 1) {
          bed.send(LAN, udp(`10.0.0.${host}:${port}`, S1));
        }
        const ports = bed.mappings().map((row) => Number(row.external.split(':')[1]));
        expect(new Set(ports).size).toBe(30);
        expect(ports.every((external) => external >= low && external <= high)).toBe(true);
      },
    }),
  ),
  {
    name: '4787-R3b source port 0 harms nobody',
    run: (bed) => {
      bed.send(LAN, udp('10.0.0.11:0', S1));
      const external = bed.externalOf('udp', '10.0.0.11:0');
      expect(external).not.toBe('203.0.113.2:0');
      bed.forwards(ISP_A, udp(S1, external), LAN, udp(S1, '10.0.0.11:0'));
      open(bed);
    },
  },
  {
    name: '4787-R5c a mapping is alive after 299 s and gone after 300 s',
    run: (bed) => {
      open(bed);
      bed.wait(299.9);
      delivered(bed);
      bed.wait(0.1);
      bed.drops(ISP_A, udp(S1, WA), 'NoMapping');
    },
  },
  {
    name: '4787-R5b the timer is configurable',
    plan: twoUplinks({ nat44: { udpMs: 17_000 } }),
    run: (bed) => {
      open(bed);
      bed.wait(16.9);
      delivered(bed);
      bed.wait(0.1);
      bed.drops(ISP_A, udp(S1, WA), 'NoMapping');
    },
  },
  {
    name: '4787-R6 outbound packets refresh the mapping',
    run: (bed) => {
      for (let sent = 0; sent < 6; sent += 1) {
        open(bed);
        bed.wait(250);
      }
      delivered(bed);
    },
  },
  {
    name: '4787-R6a inbound packets do not refresh it',
    run: (bed) => {
      open(bed);
      for (const seconds of [100, 100, 99]) {
        bed.wait(seconds);
        delivered(bed);
      }
      bed.wait(1);
      bed.drops(ISP_A, udp(S1, WA), 'NoMapping');
    },
  },
  {
    name: '4787-R8, 6888-R7 address-dependent filtering admits every port of a known address, and no other address',
    run: (bed) => {
      open(bed);
      bed.forwards(ISP_A, udp(S1_OTHER_PORT, WA), LAN, udp(S1_OTHER_PORT, H1));
      bed.drops(ISP_A, udp(S2, WA), 'FilteredInbound');
    },
  },
  {
    name: '4787-R8a endpoint-independent filtering admits everybody',
    plan: twoUplinks({ nat44: { filteringUdp: 'endpoint-independent' } }),
    run: (bed) => {
      open(bed);
      bed.forwards(ISP_A, udp(S2, WA), LAN, udp(S2, H1));
      expect(bed.sessions(), 'and makes no session of it').toHaveLength(1);
    },
  },
  {
    name: '4787-R8a address-and-port-dependent filtering admits sessions only',
    plan: twoUplinks({ nat44: { filteringUdp: 'address-and-port-dependent' } }),
    run: (bed) => {
      open(bed);
      delivered(bed);
      bed.drops(ISP_A, udp(S1_OTHER_PORT, WA), 'FilteredInbound');
    },
  },
  {
    name: '6056-2 the port is preserved when free, and another one otherwise',
    run: (bed) => {
      open(bed);
      bed.send(LAN, udp('10.0.0.12:5000', S1));
      expect(bed.externalOf('udp', '10.0.0.12:5000')).not.toBe(WA);
    },
  },
  {
    name: '6056-1, 6056-4, 7857-S9 chosen ports are neither serial nor crowded',
    run: (bed) => {
      for (let host = 1; host <= 64; host += 1) {
        bed.send(LAN, udp(`10.0.9.${host}:5000`, S1));
      }
      const ports = bed.mappings().map((row) => Number(row.external.split(':')[1]));
      const steps = ports.slice(1).map((port, index) => port - (ports[index] ?? 0));
      expect(steps.filter((step) => Math.abs(step) < 64).length).toBeLessThan(4);
      expect(new Set(ports.map((port) => Math.floor(port / 8192))).size, 'of eight parts of the range').toBe(8);
    },
  },
  ...[
    { secret: SECRET, external: '203.0.113.2:12431' },
    { secret: SECRET.map((octet) => octet ^ 0xa5), external: '203.0.113.2:60054' },
  ].map(
    ({ secret, external }): Case => ({
      // Worked out apart from both implementations: 1024 + SipHash-2-4(secret, 17 ‖ 10.0.0.12 ‖ 5000 ‖ 203.0.113.2 ‖ 1 ‖ 0) mod 64512.
      name: `6056-5 the secret chooses the port: ${external}`,
      options: { secret },
      run: (bed) => {
        open(bed);
        bed.send(LAN, udp('10.0.0.12:5000', S1));
        expect(bed.externalOf('udp', '10.0.0.12:5000')).toBe(external);
      },
    }),
  ),
];
