/** Port pools, resting ports and full tables: RFC 6888 section 3, RFC 7857. */
import { expect } from 'vitest';
import { echoRequest, icmpError, ipv4, tcp, udp } from '../../support/packet-builder.ts';
import { ISP_A, LAN, twoUplinks } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const S1 = '192.0.2.10:53';
const S2 = '192.0.2.20:53';

/** A UDP flow of a host is refused with host unreachable. */
function refused(bed: TranslatorBed, from: string, to: string, reason: string): void {
  const packet = udp(from, to);
  const error = icmpError('10.0.0.1', from.split(':')[0] ?? '', packet, { type: 3, code: 1, dontFragment: true });
  bed.dropsWithError(LAN, packet, reason, LAN, error);
}

export const poolCases: readonly Case[] = [
  {
    name: '6888-R11a, 6888-R11b an exhausted pool refuses the flow with host unreachable, once per packet',
    plan: twoUplinks({ a4: { portLow: 2000, portHigh: 2003 } }),
    run: (bed) => {
      for (let port = 2000; port < 2004; port += 1) {
        bed.forwards(LAN, udp(`10.0.0.11:${port}`, S1), ISP_A, udp(`203.0.113.2:${port}`, S1));
      }
      refused(bed, '10.0.0.12:5000', S1, 'PortPoolExhausted');
    },
  },
  {
    name: '5508-R8a, 6888-R11d no live mapping goes to make room',
    plan: twoUplinks({ a4: { portLow: 2000, portHigh: 2003 } }),
    run: (bed) => {
      for (let port = 2000; port < 2004; port += 1) {
        bed.send(LAN, udp(`10.0.0.11:${port}`, S1));
      }
      refused(bed, '10.0.0.12:5000', S1, 'PortPoolExhausted');
      for (let port = 2000; port < 2004; port += 1) {
        bed.forwards(ISP_A, udp(S1, `203.0.113.2:${port}`), LAN, udp(S1, `10.0.0.11:${port}`));
      }
    },
  },
  {
    name: '6888-R11a full mapping table: refused, live and resting mappings untouched',
    options: { mappingsMax: 2 },
    run: (bed) => {
      bed.send(LAN, udp('10.0.0.11:5000', S1));
      bed.send(LAN, udp('10.0.0.11:5001', S1));
      refused(bed, '10.0.0.11:5002', S1, 'MappingTableFull');
      bed.wait(300);
      refused(bed, '10.0.0.11:5002', S1, 'MappingTableFull');
      bed.wait(120);
      bed.forwards(LAN, udp('10.0.0.11:5002', S1), ISP_A, udp('203.0.113.2:5002', S1));
    },
  },
  {
    name: '6888-R11a full session table: refused, its sessions untouched, and free again when one ends',
    options: { sessionsMax: 2 },
    run: (bed) => {
      bed.send(LAN, udp('10.0.0.11:5000', S1));
      bed.wait(10);
      bed.send(LAN, udp('10.0.0.11:5000', S2));
      refused(bed, '10.0.0.12:5000', S1, 'SessionTableFull');
      bed.forwards(LAN, udp('10.0.0.11:5000', S1), ISP_A, udp('203.0.113.2:5000', S1));
      bed.wait(299);
      refused(bed, '10.0.0.12:5001', S1, 'SessionTableFull');
      bed.wait(1);
      bed.forwards(LAN, udp('10.0.0.12:5001', S1), ISP_A, udp('203.0.113.2:5001', S1));
    },
  },
  {
    // Worked out apart from both implementations: the highest SipHash-2-4(secret, host ‖ address) of the four.
    name: '6888-R2, 6056-5 the secret pairs hosts with addresses',
    plan: twoUplinks({ a4: { pool: ['203.0.113.2', '203.0.113.9', '203.0.113.10', '203.0.113.11'].map(ipv4) } }),
    run: (bed) => {
      const last = [2, 9, 10, 11, 2, 2, 11, 2, 9];
      for (const [index, octet] of last.entries()) {
        const from = `10.0.0.${11 + index}:5000`;
        bed.send(LAN, udp(from, S1));
        expect(bed.externalOf('udp', from).split(':')[0]).toBe(`203.0.113.${octet}`);
      }
    },
  },
  {
    name: '6888-R3, 6888-R13 every port of the pool is handed out before it is exhausted',
    plan: twoUplinks({ a4: { portLow: 2000, portHigh: 2199 } }),
    run: (bed) => {
      for (let host = 1; host <= 200; host += 1) {
        bed.send(LAN, udp(`10.0.9.${host}:5000`, S1));
      }
      const ports = bed.mappings().map((row) => Number(row.external.split(':')[1]));
      expect(ports.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, index) => 2000 + index));
      refused(bed, '10.0.0.11:5000', S1, 'PortPoolExhausted');
    },
  },
  {
    name: '6888-R8 a freed port rests 120 s before another endpoint gets it',
    run: (bed) => {
      bed.send(LAN, udp('10.0.0.11:5000', S1));
      bed.wait(300 + 119.9);
      bed.send(LAN, udp('10.0.0.12:5000', S1));
      expect(bed.externalOf('udp', '10.0.0.12:5000')).not.toBe('203.0.113.2:5000');
      bed.wait(0.1);
      bed.send(LAN, udp('10.0.0.13:5000', S1));
      expect(bed.externalOf('udp', '10.0.0.13:5000')).toBe('203.0.113.2:5000');
    },
  },
  {
    name: '6888-R8 the rest is counted from the end of the last session of the mapping',
    run: (bed) => {
      bed.send(LAN, udp('10.0.0.11:5000', S1));
      bed.wait(200);
      bed.send(LAN, udp('10.0.0.11:5000', S2));
      bed.wait(300 + 119.9);
      bed.send(LAN, udp('10.0.0.12:5000', S1));
      expect(bed.externalOf('udp', '10.0.0.12:5000')).not.toBe('203.0.113.2:5000');
      bed.wait(0.1);
      bed.send(LAN, udp('10.0.0.13:5000', S1));
      expect(bed.externalOf('udp', '10.0.0.13:5000')).toBe('203.0.113.2:5000');
    },
  },
  {
    name: '6888-R8 the endpoint it belonged to gets it back at once, also a port that was not preserved',
    run: (bed) => {
      bed.send(LAN, udp('10.0.0.11:5000', S1));
      bed.send(LAN, udp('10.0.0.12:5000', S1));
      const external = bed.externalOf('udp', '10.0.0.12:5000');
      bed.wait(310);
      expect(bed.mappings(), 'a resting mapping is not listed').toEqual([]);
      bed.drops(ISP_A, udp(S1, external), 'NoMapping');
      bed.forwards(LAN, udp('10.0.0.12:5000', S2), ISP_A, udp(external, S2));
    },
  },
  {
    name: '7857-S5 mappings of one endpoint are per protocol',
    run: (bed) => {
      bed.forwards(LAN, udp('10.0.0.11:5000', S1), ISP_A, udp('203.0.113.2:5000', S1));
      bed.forwards(LAN, tcp('10.0.0.12:5000', S1, 'SYN'), ISP_A, tcp('203.0.113.2:5000', S1, 'SYN'));
      bed.forwards(
        LAN,
        echoRequest('10.0.0.13', '192.0.2.10', 5000),
        ISP_A,
        echoRequest('203.0.113.2', '192.0.2.10', 5000),
      );
    },
  },
  {
    name: '7857-S6 a UDP mapping opens nothing for TCP',
    plan: twoUplinks({ nat44: { filteringTcp: 'endpoint-independent' } }),
    run: (bed) => {
      bed.send(LAN, udp('10.0.0.11:5000', S1));
      bed.drops(ISP_A, tcp(S1, '203.0.113.2:5000', 'SYN'), 'NoMapping');
    },
  },
  {
    name: '6888-R11b, 1812-RATE, 5508-R10f errors of refused flows are limited: the burst, then one per interval',
    plan: twoUplinks({ a4: { portLow: 2000, portHigh: 2000 }, plan: { errorRate: { perSecond: 10, burst: 3 } } }),
    run: (bed) => {
      bed.send(LAN, udp('10.0.0.11:2000', S1));
      for (let sent = 0; sent < 3; sent += 1) {
        refused(bed, '10.0.0.12:5000', S1, 'PortPoolExhausted');
      }
      bed.drops(LAN, udp('10.0.0.12:5000', S1), 'PortPoolExhausted');
      bed.wait(0.099);
      bed.drops(LAN, udp('10.0.0.12:5000', S1), 'PortPoolExhausted');
      bed.wait(0.001);
      refused(bed, '10.0.0.12:5000', S1, 'PortPoolExhausted');
      bed.drops(LAN, udp('10.0.0.12:5000', S1), 'PortPoolExhausted');
    },
  },
];
