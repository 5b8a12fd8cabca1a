/** Limits of what one internal address may hold: what counts, in which order they are asked, and who has an entry. */
import { expect } from 'vitest';
import type { PlanHostLimits } from '../../../src/plan/plan.ts';
import { echoRequest, icmpError, tcp, udp } from '../../support/packet-builder.ts';
import { ISP_A, ISP_B, LAN, NAT44, type PlanChanges, staticPorts, twoUplinks } from '../../support/plans.ts';
import { esp, gre } from '../../support/portless-builder.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const S1 = '192.0.2.10:53';
const H1 = '10.0.0.11';
const ONE_A_SECOND = { flows: { perSecond: 1, burst: 1 } };

const limited = (limits: Partial<PlanHostLimits>, changes: PlanChanges = {}) =>
  twoUplinks({ ...changes, nat44: { ...changes.nat44, hostLimits: { ...NAT44.hostLimits, ...limits } } });

/** The packet of a host is refused with host unreachable. */
function refused(bed: TranslatorBed, packet: Uint8Array, host: string, reason: string): void {
  const error = icmpError('10.0.0.1', host, packet, { type: 3, code: 1, dontFragment: true });
  bed.dropsWithError(LAN, packet, reason, LAN, error);
}

export const hostLimitCases: readonly Case[] = [
  {
    name: '6888-R4, 6888-R4b mappings are counted with those that rest, on all uplinks, by protocol',
    plan: limited({ mappingsPerProtocol: 2 }),
    run: (bed) => {
      bed.send(LAN, udp(`${H1}:5001`, S1));
      bed.plan(limited({ mappingsPerProtocol: 2 }, { a4: { usable: false } }));
      bed.forwards(LAN, udp(`${H1}:5002`, S1), ISP_B, udp('198.51.100.2:5002', S1));
      refused(bed, udp(`${H1}:5003`, S1), H1, 'HostMappingLimit');
      bed.wait(310);
      refused(bed, udp(`${H1}:5003`, S1), H1, 'HostMappingLimit');
      bed.forwards(LAN, udp(`${H1}:5002`, S1), ISP_B, udp('198.51.100.2:5002', S1));
      bed.wait(120);
      bed.forwards(LAN, udp(`${H1}:5003`, S1), ISP_B, udp('198.51.100.2:5003', S1));
    },
  },
  {
    name: '6888-R4b, OTHER-2 all protocols without ports are one',
    plan: limited({ mappingsPerProtocol: 1 }),
    run: (bed) => {
      bed.forwards(LAN, gre(H1, '192.0.2.10', 1), ISP_A, gre('203.0.113.2', '192.0.2.10', 1));
      refused(bed, esp(H1, '192.0.2.10', 1), H1, 'HostMappingLimit');
      bed.forwards(LAN, gre(H1, '192.0.2.20', 1), ISP_A, gre('203.0.113.2', '192.0.2.20', 1));
      bed.forwards(LAN, esp('10.0.0.12', '192.0.2.10', 1), ISP_A, esp('203.0.113.2', '192.0.2.10', 1));
    },
  },
  {
    name: '6888-R5 sessions are counted whoever opened them, and only while they live',
    plan: limited({ sessions: 2 }, { nat44: { filteringTcp: 'endpoint-independent' } }),
    run: (bed) => {
      bed.send(LAN, tcp(`${H1}:5000`, S1, 'SYN'));
      bed.forwards(
        ISP_A,
        tcp('192.0.2.20:1', '203.0.113.2:5000', 'SYN'),
        LAN,
        tcp('192.0.2.20:1', `${H1}:5000`, 'SYN'),
      );
      bed.drops(ISP_A, tcp('192.0.2.20:2', '203.0.113.2:5000', 'SYN'), 'HostSessionLimit');
      refused(bed, udp(`${H1}:5000`, S1), H1, 'HostSessionLimit');
      bed.wait(240);
      bed.forwards(LAN, udp(`${H1}:5000`, S1), ISP_A, udp('203.0.113.2:5000', S1));
    },
  },
  {
    name: '6888-R5 sessions of one mapping, from both sides; an unasked one is refused without an error',
    plan: limited({ sessionsPerMapping: 1 }, { nat44: { filteringTcp: 'endpoint-independent' } }),
    run: (bed) => {
      bed.send(LAN, tcp(`${H1}:5000`, S1, 'SYN'));
      bed.drops(ISP_A, tcp('192.0.2.20:2', '203.0.113.2:5000', 'SYN'), 'MappingSessionLimit');
      refused(bed, tcp(`${H1}:5000`, '192.0.2.20:2', 'SYN'), H1, 'MappingSessionLimit');
      bed.forwards(LAN, tcp(`${H1}:5001`, S1, 'SYN'), ISP_A, tcp('203.0.113.2:5001', S1, 'SYN'));
    },
  },
  {
    name: '6888-R4c the rate is asked for flows from inside only, also hairpinned ones, each once',
    plan: limited(ONE_A_SECOND, {
      nat44: { staticMappings: [staticPorts(17, '203.0.113.2:80', '10.0.0.12:80')] },
    }),
    run: (bed) => {
      for (const port of [1, 2, 3]) {
        const client = `192.0.2.20:${port}`;
        bed.forwards(ISP_A, udp(client, '203.0.113.2:80'), LAN, udp(client, '10.0.0.12:80'));
      }
      bed.forwards(LAN, udp(`${H1}:5000`, '203.0.113.2:80'), LAN, udp('203.0.113.2:5000', '10.0.0.12:80'));
      refused(bed, udp(`${H1}:5001`, '203.0.113.2:80'), H1, 'HostFlowRate');
      bed.forwards(LAN, udp('10.0.0.12:80', S1), ISP_A, udp('203.0.113.2:80', S1));
      refused(bed, udp('10.0.0.12:80', '192.0.2.30:1'), '10.0.0.12', 'HostFlowRate');
    },
  },
  {
    name: '6888-R4c a host that holds nothing has no entry, and begins with a full bucket each time',
    plan: limited({ ...ONE_A_SECOND, mappingsPerProtocol: 0 }),
    run: (bed) => {
      for (let sent = 0; sent < 5; sent += 1) refused(bed, udp(`${H1}:5000`, S1), H1, 'HostMappingLimit');
      bed.plan(limited({ ...ONE_A_SECOND, mappingsPerProtocol: 1 }));
      bed.send(LAN, udp(`${H1}:5000`, S1));
      refused(bed, udp(`${H1}:5001`, S1), H1, 'HostFlowRate');
      bed.wait(1);
      refused(bed, udp(`${H1}:5001`, S1), H1, 'HostMappingLimit');
      refused(bed, udp(`${H1}:5001`, S1), H1, 'HostFlowRate');
    },
  },
  {
    name: '6888-R4c a move keeps the bucket of its host, though everything else ends',
    plan: limited(ONE_A_SECOND, { nat44: { restingPortsMax: 0 } }),
    run: (bed) => {
      bed.send(LAN, udp(`${H1}:5000`, S1));
      bed.plan(limited(ONE_A_SECOND, { a4: { usable: false }, nat44: { restingPortsMax: 0 } }));
      refused(bed, udp(`${H1}:5000`, S1), H1, 'HostFlowRate');
      expect(bed.sessions()).toEqual([]);
      bed.forwards(LAN, udp(`${H1}:5000`, S1), ISP_B, udp('198.51.100.2:5000', S1));
    },
  },
  {
    name: '6888-R11a with as many hosts as there is room for another one is refused, also as a published server',
    plan: twoUplinks({ nat44: { staticMappings: [staticPorts(17, '203.0.113.2:80', '10.0.0.12:80')] } }),
    options: { hostsMax: 1 },
    run: (bed) => {
      bed.send(LAN, udp(`${H1}:5000`, S1));
      refused(bed, udp('10.0.0.12:5000', S1), '10.0.0.12', 'HostTableFull');
      bed.drops(ISP_A, udp(S1, '203.0.113.2:80'), 'HostTableFull');
      bed.forwards(LAN, udp(`${H1}:5001`, S1), ISP_A, udp('203.0.113.2:5001', S1));
      bed.wait(310);
      refused(bed, udp('10.0.0.12:5000', S1), '10.0.0.12', 'HostTableFull');
      bed.wait(120);
      bed.forwards(ISP_A, udp(S1, '203.0.113.2:80'), LAN, udp(S1, '10.0.0.12:80'));
    },
  },
  {
    name: '6888-R11a in a hairpin both hosts need an entry, and what the first leg made stands',
    plan: twoUplinks({ nat44: { staticMappings: [staticPorts(17, '203.0.113.2:80', '10.0.0.12:80')] } }),
    options: { hostsMax: 1 },
    run: (bed) => {
      bed.drops(LAN, udp(`${H1}:5000`, '203.0.113.2:80'), 'HostTableFull');
      expect(bed.sessions()).toMatchObject([{ internal: `${H1}:5000` }]);
      refused(bed, udp('10.0.0.12:5000', S1), '10.0.0.12', 'HostTableFull');
    },
  },
  {
    name: '6888-R11a an entry ends with the epoch of its uplink',
    options: { hostsMax: 1 },
    run: (bed) => {
      bed.send(LAN, udp(`${H1}:5000`, S1));
      bed.plan(twoUplinks({ epochA: 1 }));
      bed.forwards(LAN, udp('10.0.0.12:5000', S1), ISP_A, udp('203.0.113.2:5000', S1));
    },
  },
  {
    name: '6888-R4, 6888-R5 the order: hosts, rate, sessions of the host, all sessions, of the mapping, mappings of the host, all mappings',
    options: { hostsMax: 1, sessionsMax: 1, mappingsMax: 1 },
    run: (bed) => {
      bed.send(LAN, udp(`${H1}:5000`, S1));
      const tight = { mappingsPerProtocol: 1, sessions: 1, sessionsPerMapping: 1 };
      const stopped = { perSecond: 0, burst: 0 };
      const other = () => udp(`${H1}:5000`, '192.0.2.20:53');
      bed.plan(limited({ ...tight, flows: stopped }));
      refused(bed, udp('10.0.0.12:5000', S1), '10.0.0.12', 'HostTableFull');
      refused(bed, other(), H1, 'HostFlowRate');
      bed.plan(limited(tight));
      refused(bed, other(), H1, 'HostSessionLimit');
      bed.plan(limited({ ...tight, sessions: 9 }));
      refused(bed, other(), H1, 'SessionTableFull');
    },
  },
  {
    name: '6888-R4, 6888-R5 the order of what comes after the sessions',
    options: { mappingsMax: 1 },
    plan: limited({ mappingsPerProtocol: 1, sessionsPerMapping: 1 }),
    run: (bed) => {
      bed.send(LAN, udp(`${H1}:5000`, S1));
      refused(bed, udp(`${H1}:5000`, '192.0.2.20:53'), H1, 'MappingSessionLimit');
      refused(bed, udp(`${H1}:5001`, S1), H1, 'HostMappingLimit');
      refused(bed, tcp(`${H1}:5001`, S1, 'SYN'), H1, 'MappingTableFull');
      refused(bed, echoRequest(H1, '192.0.2.10', 7), H1, 'MappingTableFull');
    },
  },
];
