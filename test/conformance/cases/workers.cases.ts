/** Several workers ("Workers" in docs/decisions.md): what becomes of packets shows how many there are only where ports and tables run out. */
import { expect } from 'vitest';
import { fragmentsOf, identificationOf } from '../../support/fragment-builder.ts';
import { echoReply, echoRequest, icmpError, udp } from '../../support/packet-builder.ts';
import { ISP_A, LAN, staticPorts, twoUplinks } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const S1 = '192.0.2.10:53';
const A = '203.0.113.2';
const TWO = { workers: 2 };
/** Ports of 2000 to 2009 by their owner of two, by another program. */
const OF_FIRST = [2002, 2003, 2004, 2005, 2008, 2009];
const OF_SECOND = [2000, 2001, 2006, 2007];
/** Some more, each with the second one. */
const SECOND = [5008, 5010, 5014];
/** And some with the first. */
const FIRST = [5000, 5002, 5004];
const NARROW = { a4: { portLow: 2000, portHigh: 2009 } };

/** External ports that hosts get, each for the same internal one. */
function portsOf(bed: TranslatorBed, port: number, hosts: number): number[] {
  return Array.from({ length: hosts }, (_, index) => {
    const internal = `10.0.0.${11 + index}:${port}`;
    expect(bed.send(LAN, udp(internal, S1)).verdict).toBe('Forward');
    return Number(bed.externalOf('udp', internal).split(':')[1]);
  });
}

export const workerCases: readonly Case[] = [
  {
    name: '4787-R3, 6888-R13 a taken port is replaced by those of the same owner, until there are no more of them',
    plan: twoUplinks(NARROW),
    options: TWO,
    run: (bed) => {
      expect(portsOf(bed, 2004, 6).toSorted()).toEqual(OF_FIRST);
      expect(bed.send(LAN, udp('10.0.0.99:2004', S1)).verdict).toBe('PortPoolExhausted');
      expect(portsOf(bed, 2000, 4).toSorted()).toEqual(OF_SECOND);
      expect(bed.send(LAN, udp('10.0.0.99:2000', S1)).verdict).toBe('PortPoolExhausted');
    },
  },
  {
    name: '4787-R4 the owner of a port is also that of its neighbour, so that parity is preserved',
    plan: twoUplinks({ ...NARROW, nat44: { preserveParity: true } }),
    options: TWO,
    run: (bed) => {
      expect(portsOf(bed, 2005, 3).toSorted()).toEqual([2003, 2005, 2009]);
      expect(bed.send(LAN, udp('10.0.0.99:2005', S1)).verdict).toBe('PortPoolExhausted');
      expect(portsOf(bed, 2000, 2).toSorted()).toEqual([2000, 2006]);
    },
  },
  {
    name: '6888-R11a each worker has its share of the tables',
    options: { ...TWO, sessionsMax: 4, mappingsMax: 6 },
    run: (bed) => {
      const send = (port: number | undefined, to: string) => bed.send(LAN, udp(`10.0.0.11:${port}`, to)).verdict;
      expect(['192.0.2.1:53', '192.0.2.2:53', '192.0.2.3:53'].map((to) => send(SECOND[0], to))).toEqual([
        'Forward',
        'Forward',
        'SessionTableFull',
      ]);
      expect(FIRST.map((port) => send(port, S1))).toEqual(['Forward', 'Forward', 'SessionTableFull']);
    },
  },
  {
    name: '6888-R4, 6888-R5 what a host may have it has of all workers together',
    plan: twoUplinks({
      nat44: {
        hostLimits: {
          mappingsPerProtocol: 3,
          sessions: 100,
          sessionsPerMapping: 100,
          flows: { perSecond: 100, burst: 100 },
        },
      },
    }),
    options: TWO,
    run: (bed) => {
      const verdicts = [...SECOND.slice(0, 2), ...FIRST].map(
        (port) => bed.send(LAN, udp(`10.0.0.11:${port}`, S1)).verdict,
      );
      expect(verdicts).toEqual(['Forward', 'Forward', 'Forward', 'HostMappingLimit', 'HostMappingLimit']);
    },
  },
  {
    name: '6864-5.3.1 the identifications of one worker are none of the other',
    options: TWO,
    run: (bed) => {
      const idOf = (port: number) => {
        const { outgoing } = bed.send(LAN, udp(`10.0.0.11:${port}`, S1, { dontFragment: false }));
        return identificationOf(outgoing[0]?.octets ?? new Uint8Array(20));
      };
      expect(FIRST.map(idOf).every((id) => id < 32_768)).toBe(true);
      expect(SECOND.map(idOf).every((id) => id >= 32_768)).toBe(true);
    },
  },
  ...[2, 3, 5].map(
    (workers): Case => ({
      name: `4787-R14 fragments find each other wherever they come in, of ${workers} workers`,
      options: { workers },
      run: (bed) => {
        for (let port = 6000; port < 6020; port += 1) {
          const sent = fragmentsOf(udp(`10.0.0.11:${port}`, S1, { payload: new Uint8Array(2000) }), port, 1480);
          const [first, second] = [sent[0] ?? new Uint8Array(), sent[1] ?? new Uint8Array()];
          expect(bed.send(LAN, second).verdict).toBe('Queued');
          const { outgoing } = bed.send(LAN, first);
          expect(outgoing.map(({ kind }) => kind)).toEqual(['Forward', 'ReleasedFragment']);
          const [one, other] = outgoing.map(({ octets }) => identificationOf(octets));
          expect(one).toBe(other);
        }
      },
    }),
  ),
  {
    name: '4787-R9 a hairpin between the flows of two workers is translated twice, and errors about it too (5508-R7)',
    plan: twoUplinks({ nat44: { filteringUdp: 'endpoint-independent' } }),
    options: TWO,
    run: (bed) => {
      const [caller, called] = ['10.0.0.11:5000', '10.0.0.12:5008'];
      bed.send(LAN, udp(called, S1));
      bed.forwards(LAN, udp(caller, `${A}:5008`), LAN, udp(`${A}:5000`, called));
      bed.forwards(LAN, udp(called, `${A}:5000`), LAN, udp(`${A}:5008`, caller));
      const about = icmpError('10.0.0.12', A, udp(`${A}:5000`, called), { type: 3, code: 3 });
      expect(bed.send(LAN, about).verdict).toBe('Forward');
    },
  },
  {
    name: 'echoes and errors about them go back to whoever asked (5508-R1, 5508-R4)',
    options: { workers: 3 },
    run: (bed) => {
      for (let id = 1; id <= 30; id += 1) {
        bed.forwards(LAN, echoRequest('10.0.0.11', '192.0.2.10', id), ISP_A, echoRequest(A, '192.0.2.10', id));
        bed.forwards(ISP_A, echoReply('192.0.2.10', A, id), LAN, echoReply('192.0.2.10', '10.0.0.11', id));
        const error = icmpError('192.0.2.1', A, echoRequest(A, '192.0.2.10', id), { type: 11 });
        expect(bed.send(ISP_A, error).verdict).toBe('Forward');
      }
    },
  },
  {
    name: 'what a static mapping with ports of two owners carries ends when it leaves the plan, and its port does not rest',
    plan: twoUplinks({ nat44: { staticMappings: [staticPorts(17, `${A}:5000`, '10.0.0.12:5008')] } }),
    options: TWO,
    run: (bed) => {
      bed.forwards(ISP_A, udp('192.0.2.20:4000', `${A}:5000`), LAN, udp('192.0.2.20:4000', '10.0.0.12:5008'));
      bed.forwards(LAN, udp('10.0.0.12:5008', '192.0.2.20:4000'), ISP_A, udp(`${A}:5000`, '192.0.2.20:4000'));
      bed.plan(twoUplinks());
      expect(bed.sessions()).toEqual([]);
      bed.forwards(LAN, udp('10.0.0.13:5000', S1), ISP_A, udp(`${A}:5000`, S1));
    },
  },
  {
    name: 'a port that rests over a restart with another number of workers is left out where its ends have two owners',
    options: TWO,
    run: (bed) => {
      const rest = (internal: number, external: number) => ({
        slot: 0,
        protocol: 17,
        internalAddress: 0x0a_00_00_0b,
        internalPort: internal,
        externalAddress: 0xcb_00_71_02,
        externalPort: external,
        restMs: 60_000,
      });
      bed.restore([rest(5000, 5008), rest(5008, 5010), rest(5004, 5006)]);
      expect(bed.portRests().map(({ externalPort }) => externalPort)).toEqual([5006, 5010]);
    },
  },
];
