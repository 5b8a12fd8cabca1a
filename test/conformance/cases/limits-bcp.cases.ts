/** RFC 6888 REQ-4 and 5 by the checks of the catalogue, RFC 8305 races within the default limits; details in host-limits.cases.ts. */
import { expect } from 'vitest';
import type { PlanHostLimits } from '../../../src/plan/plan.ts';
import { echoRequest, icmpError, tcp, udp } from '../../support/packet-builder.ts';
import { ISP_A, LAN, NAT44, type PlanChanges, twoUplinks } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import { DCCP, TCP, TRANSPORTS, UDP, UDP_LITE } from '../../support/transports.ts';
import type { Case } from '../case.ts';

const S1 = '192.0.2.10:53';

const limited = (limits: Partial<PlanHostLimits>, changes: PlanChanges = {}) =>
  twoUplinks({ ...changes, nat44: { hostLimits: { ...NAT44.hostLimits, ...limits } } });

/** The packet of a host is refused with host unreachable. */
function refused(bed: TranslatorBed, packet: Uint8Array, host: string, reason: string): void {
  const error = icmpError('10.0.0.1', host, packet.slice(0, 548), { type: 3, code: 1, dontFragment: true });
  bed.dropsWithError(LAN, packet, reason, LAN, error);
}

export const limitsBcpCases: readonly Case[] = [
  ...TRANSPORTS.map(
    (transport): Case => ({
      name: `6888-R4, 5508-R8a ${transport.name}: with 20 ports a host gets no other one, keeps them, and others do not notice`,
      plan: limited({ mappingsPerProtocol: 20 }),
      run: (bed) => {
        for (let port = 5000; port < 5020; port += 1) bed.send(LAN, transport.open(`10.0.0.11:${port}`, S1));
        refused(bed, transport.open('10.0.0.11:5020', S1), '10.0.0.11', 'HostMappingLimit');
        for (let port = 6000; port < 6020; port += 1) {
          bed.forwards(LAN, transport.open(`10.0.0.12:${port}`, S1), ISP_A, transport.open(`203.0.113.2:${port}`, S1));
        }
        expect(bed.mappings()).toHaveLength(40);
        for (let port = 5000; port < 5020; port += 1) {
          const [host, external] = [`10.0.0.11:${port}`, `203.0.113.2:${port}`];
          bed.forwards(LAN, transport.open(host, '192.0.2.20:53'), ISP_A, transport.open(external, '192.0.2.20:53'));
        }
      },
    }),
  ),
  {
    name: '6888-R4, 6888-R4b identifiers of queries count too, and each protocol for itself',
    plan: limited({ mappingsPerProtocol: 20 }),
    run: (bed) => {
      for (let number = 5000; number < 5020; number += 1) {
        expect(bed.passes(LAN, echoRequest('10.0.0.11', '192.0.2.10', number))).toBe(true);
        for (const transport of [UDP, TCP, UDP_LITE, DCCP]) {
          expect(bed.passes(LAN, transport.open(`10.0.0.11:${number}`, S1))).toBe(true);
        }
      }
      refused(bed, echoRequest('10.0.0.11', '192.0.2.10', 5020), '10.0.0.11', 'HostMappingLimit');
      expect(bed.mappings()).toHaveLength(100);
    },
  },
  {
    name: '6888-R4a the limit is configurable: it grows and shrinks with the plan, and takes nothing away',
    plan: limited({ mappingsPerProtocol: 2 }),
    run: (bed) => {
      for (const port of [1, 2]) bed.send(LAN, udp(`10.0.0.11:500${port}`, S1));
      refused(bed, udp('10.0.0.11:5003', S1), '10.0.0.11', 'HostMappingLimit');
      bed.plan(limited({ mappingsPerProtocol: 3 }));
      bed.forwards(LAN, udp('10.0.0.11:5003', S1), ISP_A, udp('203.0.113.2:5003', S1));
      bed.plan(limited({ mappingsPerProtocol: 1 }));
      refused(bed, udp('10.0.0.11:5004', S1), '10.0.0.11', 'HostMappingLimit');
      for (const port of [1, 2, 3]) {
        bed.forwards(ISP_A, udp(S1, `203.0.113.2:500${port}`), LAN, udp(S1, `10.0.0.11:500${port}`));
      }
    },
  },
  {
    name: '6888-R4c, 6888-R5b of 1,000 new flows in a second at 100 a second about 100 pass, and another host loses none',
    plan: limited({ flows: { perSecond: 100, burst: 10 } }),
    run: (bed) => {
      let admitted = 0;
      for (let sent = 0; sent < 1000; sent += 1) {
        const { verdict } = bed.send(LAN, udp(`10.0.0.11:${2000 + sent}`, S1));
        expect(['Forward', 'HostFlowRate']).toContain(verdict);
        admitted += verdict === 'Forward' ? 1 : 0;
        if (sent % 50 === 0) expect(bed.passes(LAN, udp(`10.0.0.12:${2000 + sent}`, S1))).toBe(true);
        bed.wait(0.001);
      }
      expect(admitted).toBeGreaterThanOrEqual(100);
      expect(admitted).toBeLessThanOrEqual(110);
    },
  },
  {
    name: '6888-R4c what belongs to a live session is not limited, and a second later there is room again',
    plan: limited({ flows: { perSecond: 1, burst: 1 } }),
    run: (bed) => {
      bed.send(LAN, udp('10.0.0.11:5000', S1));
      refused(bed, udp('10.0.0.11:5001', S1), '10.0.0.11', 'HostFlowRate');
      for (let sent = 0; sent < 100; sent += 1) {
        bed.forwards(LAN, udp('10.0.0.11:5000', S1), ISP_A, udp('203.0.113.2:5000', S1));
      }
      bed.wait(1);
      bed.forwards(LAN, udp('10.0.0.11:5001', S1), ISP_A, udp('203.0.113.2:5001', S1));
    },
  },
  {
    name: '6888-R5 with 100 sessions a mapping gets no other one, and lives',
    plan: limited({ sessionsPerMapping: 100 }),
    run: (bed) => {
      for (let port = 1; port <= 100; port += 1) bed.send(LAN, udp('10.0.0.11:5000', `192.0.2.10:${port}`));
      refused(bed, udp('10.0.0.11:5000', '192.0.2.10:101'), '10.0.0.11', 'MappingSessionLimit');
      expect(bed.mappings()[0]?.sessions).toBe(100);
      for (const port of [1, 100]) {
        const server = `192.0.2.10:${port}`;
        bed.forwards(ISP_A, udp(server, '203.0.113.2:5000'), LAN, udp(server, '10.0.0.11:5000'));
      }
      bed.forwards(LAN, udp('10.0.0.11:5001', S1), ISP_A, udp('203.0.113.2:5001', S1));
    },
  },
  {
    name: '6888-R5, 6888-R5a sessions of a host are limited over all its mappings, by the plan',
    plan: limited({ sessions: 10 }),
    run: (bed) => {
      for (let port = 0; port < 5; port += 1) {
        bed.send(LAN, udp(`10.0.0.11:${5000 + port}`, S1));
        bed.send(LAN, tcp(`10.0.0.11:${5000 + port}`, S1, 'SYN'));
      }
      refused(bed, udp('10.0.0.11:5000', '192.0.2.20:53'), '10.0.0.11', 'HostSessionLimit');
      expect(bed.passes(LAN, udp('10.0.0.12:5000', S1))).toBe(true);
      bed.plan(limited({ sessions: 11 }));
      expect(bed.passes(LAN, udp('10.0.0.11:5000', '192.0.2.20:53'))).toBe(true);
      refused(bed, udp('10.0.0.11:5000', '192.0.2.21:53'), '10.0.0.11', 'HostSessionLimit');
    },
  },
  {
    name: '8305-3 50 races of connections a second from one host, the loser reset, are within the default limits',
    options: { mappingsMax: 20_000, sessionsMax: 20_000 },
    run: (bed) => {
      for (let race = 0; race < 3000; race += 1) {
        const host = `10.0.0.11:${20_000 + race}`;
        expect(bed.passes(LAN, tcp(host, '192.0.2.10:443', 'SYN', { sequence: race }))).toBe(true);
        expect(bed.passes(LAN, tcp(host, '192.0.2.20:443', 'SYN', { sequence: race }))).toBe(true);
        expect(bed.passes(LAN, tcp(host, '192.0.2.20:443', 'RST', { sequence: race + 1 }))).toBe(true);
        bed.wait(0.02);
      }
      expect(bed.sessions()).toHaveLength(6000);
    },
  },
];
