/** RFC 4787 REQ-1, 3, 8 and 11 for every protocol with ports: one endpoint, one view, whatever else happens (6888-R1). */
import { expect } from 'vitest';
import type { PlanNat44 } from '../../../src/plan/plan.ts';
import { icmpError, ipv4, udp } from '../../support/packet-builder.ts';
import { ISP_A, ISP_B, LAN, twoUplinks } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import { TRANSPORTS, type Transport } from '../../support/transports.ts';
import type { Case } from '../case.ts';

const S1 = '192.0.2.10:7000';
const S1_OTHER_PORT = '192.0.2.10:7001';
const S2 = '192.0.2.20:7000';
/** With one source port. */
const HOSTS = ['10.0.0.11:5000', '10.0.0.12:5000', '10.0.0.13:5000'];
const SCATTERED = [2, 9, 10, 11]
  .map((last) => `203.0.113.${last}`)
  .concat([0, 1, 2, 3].map((last) => `198.18.7.${last}`));
const HUNDRED_PORTS = { portLow: 2000, portHigh: 2099 };
const REQUIREMENT: Readonly<Record<string, string>> = {
  udp: '4787-R1',
  tcp: '5382-R1',
  'udp-lite': 'UDPL-1',
  dccp: '5597-R1',
};
const NOT_OVERLOADED: Readonly<Record<string, string>> = {
  udp: '4787-R3',
  tcp: '5382-R7',
  'udp-lite': 'UDPL-1',
  dccp: '5597-R7',
};
const FILTERED: Readonly<Record<string, string>> = {
  udp: '4787-R8',
  tcp: '5382-R3',
  'udp-lite': 'UDPL-1',
  dccp: '5597-R3',
};

const CLASSES = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'] as const;
type Filtering = (typeof CLASSES)[number];

/** What of S1's other port, and of S2, each class admits. */
const ADMITTED: Readonly<Record<Filtering, readonly [boolean, boolean]>> = {
  'endpoint-independent': [true, true],
  'address-dependent': [true, false],
  'address-and-port-dependent': [false, false],
};

function filteringOf(transport: Transport, filtering: Filtering): Partial<PlanNat44> {
  if (transport.name === 'tcp') return { filteringTcp: filtering };
  return transport.name === 'dccp' ? { filteringDccp: filtering } : { filteringUdp: filtering };
}

/** A host sends to three destinations, and all of them see one external endpoint. */
function oneViewOf(bed: TranslatorBed, transport: Transport, host: string): string {
  bed.send(LAN, transport.open(host, S1));
  const external = bed.externalOf(transport.name, host);
  for (const destination of [S1, S1_OTHER_PORT, S2]) {
    bed.forwards(LAN, transport.open(host, destination), ISP_A, transport.open(external, destination));
  }
  return external;
}

/** What a server and a stranger get through to a host that has sent to the first port of the server alone. */
function verdictsOf(bed: TranslatorBed, transport: Transport, host: string): readonly string[] {
  bed.send(LAN, transport.open(host, S1));
  const external = bed.externalOf(transport.name, host);
  const calls = [S1, S1_OTHER_PORT, S2].map((from) => bed.send(ISP_A, transport.open(from, external)).verdict);
  return [bed.send(LAN, transport.open(host, S1)).verdict, ...calls, bed.externalOf(transport.name, host)];
}

/** So many other endpoints take a port of the pool each. */
function fill(bed: TranslatorBed, transport: Transport, from: number, to: number): void {
  for (let host = from; host < to; host += 1) {
    expect(bed.send(LAN, transport.open(`10.0.9.${host}:${5000 + host}`, S1)).verdict).toBe('Forward');
  }
}

function casesOf(transport: Transport): readonly Case[] {
  const { name } = transport;
  return [
    {
      name: `${REQUIREMENT[name]}, 6888-R1 ${name}: three hosts with one source port each have one view, collisions too`,
      run: (bed) => {
        const externals = HOSTS.map((host) => oneViewOf(bed, transport, host));
        expect(externals[0]).toBe('203.0.113.2:5000');
        expect(new Set(externals).size).toBe(3);
        expect(bed.mappings().map(({ sessions }) => sessions)).toEqual([3, 3, 3]);
      },
    },
    {
      name: `${NOT_OVERLOADED[name]}, 7857-S13 ${name}: two hosts to one server have two external ports, and each its own answers`,
      run: (bed) => {
        const hosts = HOSTS.slice(0, 2);
        for (const host of hosts) bed.send(LAN, transport.open(host, S1));
        for (const host of hosts.toReversed()) {
          const external = bed.externalOf(name, host);
          bed.forwards(ISP_A, transport.answer(S1, external), LAN, transport.answer(S1, host));
        }
      },
    },
    ...CLASSES.map(
      (filtering): Case => ({
        name: `${FILTERED[name]}, 4787-R8a ${name}: filtering ${filtering} admits what it says, and mappings are the same`,
        plan: twoUplinks({ nat44: filteringOf(transport, filtering) }),
        run: (bed) => {
          bed.send(LAN, transport.open('10.0.0.11:5000', S1));
          const passes = [S1_OTHER_PORT, S2].map((from) => bed.passes(ISP_A, transport.open(from, '203.0.113.2:5000')));
          expect(passes).toEqual(ADMITTED[filtering]);
          expect(oneViewOf(bed, transport, '10.0.0.11:5000')).toBe('203.0.113.2:5000');
        },
      }),
    ),
    ...CLASSES.map(
      (filtering): Case => ({
        name: `4787-R11 ${name}: verdicts with ${filtering} filtering are the same before, at and after 95 % use of the pool`,
        plan: twoUplinks({ a4: HUNDRED_PORTS, nat44: filteringOf(transport, filtering) }),
        run: (bed) => {
          const all = () => HOSTS.map((host) => verdictsOf(bed, transport, host));
          const before = all();
          expect(before.every(([own, answer]) => own === 'Forward' && answer === 'Forward')).toBe(true);
          expect(new Set(before.map((verdicts) => verdicts.slice(0, 4).join())).size, 'hosts are alike').toBe(1);
          fill(bed, transport, 1, 93);
          expect(all(), 'at 95 %').toEqual(before);
          fill(bed, transport, 93, 98);
          expect(bed.send(LAN, transport.open('10.0.9.99:9999', S1)).verdict).toBe('PortPoolExhausted');
          expect(all(), 'at 100 %').toEqual(before);
        },
      }),
    ),
    {
      name: `MWAN-3 ${name}: an endpoint has one view by each uplink`,
      run: (bed) => {
        const host = '10.0.0.11:5000';
        const [first, second] = [twoUplinks(), twoUplinks({ plan: { policies: [{ prefer: [1, 0] }] } })];
        const viewedBy = (slot: number, device: number, address: string) => {
          for (const destination of [`192.0.2.3${slot}:7000`, `192.0.2.3${slot}:7001`, `192.0.2.4${slot}:7000`]) {
            bed.forwards(LAN, transport.open(host, destination), device, transport.open(address, destination));
          }
        };
        viewedBy(0, ISP_A, '203.0.113.2:5000');
        bed.plan(twoUplinks({ a4: { usable: false } }));
        viewedBy(1, ISP_B, '198.51.100.2:5000');
        bed.plan(second);
        viewedBy(1, ISP_B, '198.51.100.2:5000');
        bed.plan(first);
        expect(new Set(bed.mappings().map(({ external }) => external))).toEqual(
          new Set(['203.0.113.2:5000', '198.51.100.2:5000']),
        );
      },
    },
    {
      name: `4787-R12, 5382-R10, 5597-R10 ${name}: no ICMP message ends a mapping or its session, and both ways go on`,
      run: (bed) => {
        const [host, external] = ['10.0.0.11:5000', '203.0.113.2:5000'];
        bed.send(LAN, transport.open(host, S1));
        bed.send(ISP_A, transport.answer(S1, external));
        const kinds = [
          ...Array.from({ length: 16 }, (_, code) => ({ type: 3, code })),
          ...[4, 5, 11, 12].map((type) => ({ type })),
        ];
        for (const kind of kinds) {
          for (const from of ['192.0.2.1', '192.0.2.10']) {
            bed.send(ISP_A, icmpError(from, '203.0.113.2', transport.data(external, S1), kind));
            bed.send(LAN, icmpError('10.0.0.11', '192.0.2.10', transport.data(S1, host), kind));
          }
          bed.forwards(ISP_A, transport.data(S1, external), LAN, transport.data(S1, host));
          bed.forwards(LAN, transport.data(host, S1), ISP_A, transport.data(external, S1));
        }
      },
    },
  ];
}

export const endpointIndependenceCases: readonly Case[] = [
  ...TRANSPORTS.flatMap(casesOf),
  {
    name: '4787-R2, 6888-R2 with a pool of four 200 sessions of one host have one external address',
    plan: twoUplinks({ a4: { pool: SCATTERED.slice(0, 4).map(ipv4) } }),
    run: (bed) => {
      for (let port = 4000; port < 4200; port += 1) bed.send(LAN, udp(`10.0.0.11:${port}`, S1));
      expect(bed.mappings()).toHaveLength(200);
      expect(new Set(bed.mappings().map(({ external }) => external.split(':')[0])).size).toBe(1);
    },
  },
  {
    name: '6888-R3 a pool of scattered addresses and of a whole prefix is used to the last address',
    plan: twoUplinks({ a4: { pool: SCATTERED.map(ipv4) } }),
    run: (bed) => {
      for (let host = 1; host < 255; host += 1) bed.send(LAN, udp(`10.0.9.${host}:5000`, S1));
      const used = new Set(bed.mappings().map(({ external }) => external.split(':')[0]));
      expect(used.size).toBe(8);
      for (const { internal, external } of bed.mappings()) {
        bed.forwards(ISP_A, udp(S1, external), LAN, udp(S1, internal));
      }
    },
  },
];
