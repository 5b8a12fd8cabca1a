/** Which external address and port an endpoint gets, and what rests or is restored, in detail. */
import { expect } from 'vitest';
import type { PortRest } from '../../../src/reference/translator.ts';
import { echoRequest, icmpError, ipv4, split, tcp, udp } from '../../support/packet-builder.ts';
import { ISP_A, LAN, staticAddress, staticPorts, twoUplinks } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import { TRANSPORTS } from '../../support/transports.ts';
import type { Case } from '../case.ts';

const S1 = '192.0.2.10:53';
const A = '203.0.113.2';
const SECOND = '203.0.113.9';
const H2 = '10.0.0.12';
const reserved = (protocol: number, low: number, high: number) => ({ reserved: [{ protocol, low, high }] });
const rest = (internal: string, external: string, more: Partial<PortRest> = {}): PortRest => ({
  slot: 0,
  protocol: 17,
  internalAddress: ipv4(split(internal).address),
  internalPort: split(internal).port,
  externalAddress: ipv4(split(external).address),
  externalPort: split(external).port,
  restMs: 60_000,
  ...more,
});

/** The external port that UDP of an endpoint gets. */
function portOf(bed: TranslatorBed, internal: string): number {
  bed.send(LAN, udp(internal, S1));
  return Number(bed.externalOf('udp', internal).split(':')[1]);
}

/** External ports of what is restored. */
function restored(bed: TranslatorBed, ...rests: readonly PortRest[]): number[] {
  bed.restore(rests);
  return bed.portRests().map(({ externalPort }) => externalPort);
}

export const portChoiceCases: readonly Case[] = [
  {
    name: '4787-R4, 7857-S8 with parity the list holds the even or the odd ports of the range, in the order of the secret',
    plan: twoUplinks({ a4: { portLow: 2000, portHigh: 2009 }, nat44: { preserveParity: true } }),
    run: (bed) => {
      expect(portOf(bed, '10.0.0.11:2000')).toBe(2000);
      expect([1, 2, 3].map((n) => portOf(bed, `10.0.0.${11 + n}:2000`))[0]).toBe(2006);
      expect(portOf(bed, '10.0.0.15:2000') % 2).toBe(0);
      expect(bed.send(LAN, udp('10.0.0.16:2000', S1)).verdict).toBe('PortPoolExhausted');
      expect(portOf(bed, '10.0.0.16:2001')).toBe(2001);
    },
  },
  {
    name: '4787-R4, 7857-S8 also where the range begins and ends with the other parity, and where it has none of it',
    plan: twoUplinks({ a4: { portLow: 2001, portHigh: 2003 }, nat44: { preserveParity: true } }),
    run: (bed) => {
      expect(portOf(bed, '10.0.0.11:4000')).toBe(2002);
      expect(bed.send(LAN, udp('10.0.0.12:4000', S1)).verdict).toBe('PortPoolExhausted');
      expect([1, 2].map((n) => portOf(bed, `10.0.0.${20 + n}:4001`)).toSorted()).toEqual([2001, 2003]);
      bed.plan(twoUplinks({ a4: { portLow: 3001, portHigh: 3001 }, nat44: { preserveParity: true } }));
      expect(portOf(bed, '10.0.0.12:4000')).toBe(3001);
    },
  },
  {
    name: '7857-S8 identifiers have no parity to keep',
    plan: twoUplinks({ nat44: { preserveParity: true } }),
    run: (bed) => {
      for (let host = 1; host <= 40; host += 1) bed.send(LAN, echoRequest(`10.0.9.${host}`, '192.0.2.10', 6));
      const odd = bed.mappings().filter(({ external }) => Number(external.split(':')[1]) % 2 === 1);
      expect(odd.length).toBeGreaterThan(5);
    },
  },
  ...TRANSPORTS.map(
    (transport): Case => ({
      name: `3022-2.2, 6056-4 ${transport.name}: a reserved port is handed out to nobody, and its packets are the gateway's own`,
      plan: twoUplinks({ a4: { portLow: 2000, portHigh: 2002, ...reserved(transport.protocol, 2000, 2001) } }),
      run: (bed) => {
        bed.forwards(LAN, transport.open('10.0.0.11:2000', S1), ISP_A, transport.open(`${A}:2002`, S1));
        expect(bed.send(LAN, transport.open('10.0.0.12:2000', S1)).verdict).toBe('PortPoolExhausted');
        for (const port of [2000, 2001]) bed.ends(ISP_A, transport.data(S1, `${A}:${port}`), 'Pass');
        bed.forwards(ISP_A, transport.answer(S1, `${A}:2002`), LAN, transport.answer(S1, '10.0.0.11:2000'));
      },
    }),
  ),
  {
    name: '3022-2.2 a port is reserved for one protocol, and at the own address of the device',
    plan: twoUplinks({ a4: { pool: [ipv4(A), ipv4(SECOND)], ...reserved(17, 5000, 5000) } }),
    run: (bed) => {
      bed.drops(ISP_A, udp(S1, `${SECOND}:5000`), 'NoMapping');
      bed.drops(ISP_A, tcp(S1, `${A}:5000`, 'SYN'), 'NoMapping');
      bed.ends(ISP_A, udp(S1, `${A}:5000`), 'Pass');
    },
  },
  {
    name: '3022-2.2 a port that is reserved later goes to the gateway at once, and back to nobody afterwards',
    run: (bed) => {
      bed.send(LAN, udp('10.0.0.11:5000', S1));
      bed.plan(twoUplinks({ a4: reserved(17, 5000, 5000) }));
      bed.ends(ISP_A, udp(S1, `${A}:5000`), 'Pass');
      bed.forwards(LAN, udp('10.0.0.11:5000', S1), ISP_A, udp(`${A}:5000`, S1));
    },
  },
  {
    name: '4787-R2 a published host is known by the address that it is published at, the others by the one they are paired with',
    plan: twoUplinks({
      a4: { pool: [ipv4(A), ipv4(SECOND), ipv4('203.0.113.10'), ipv4('203.0.113.11')] },
      nat44: {
        staticMappings: [
          staticPorts(6, `${SECOND}:80`, `${H2}:80`),
          staticPorts(6, `${A}:25`, `${H2}:25`),
          staticPorts(6, '203.0.113.77:25', '10.0.0.13:25'),
          staticPorts(6, `${A}:26`, '10.0.0.13:26'),
        ],
      },
    }),
    run: (bed) => {
      bed.forwards(LAN, udp(`${H2}:5000`, S1), ISP_A, udp(`${SECOND}:5000`, S1));
      bed.forwards(LAN, echoRequest(H2, '192.0.2.10', 7), ISP_A, echoRequest(SECOND, '192.0.2.10', 7));
      bed.forwards(LAN, tcp(`${H2}:25`, S1, 'SYN'), ISP_A, tcp(`${A}:25`, S1, 'SYN'));
      const published = bed.mappings();
      bed.send(LAN, udp('10.0.0.13:5000', S1));
      const paired = bed.externalOf('udp', '10.0.0.13:5000');
      bed.restart(twoUplinks({ a4: { pool: [ipv4(A), ipv4(SECOND), ipv4('203.0.113.10'), ipv4('203.0.113.11')] } }));
      bed.send(LAN, udp('10.0.0.13:5000', S1));
      expect(bed.externalOf('udp', '10.0.0.13:5000'), 'its first one is not in the pool').toBe(paired);
      expect(published).toHaveLength(3);
    },
  },
  {
    name: '6056-1 the mapping of a published endpoint is no allocation: the order of the secret goes on as it would',
    plan: twoUplinks({ nat44: { staticMappings: [staticPorts(17, `${A}:8080`, `${H2}:9090`)] } }),
    run: (bed) => {
      bed.send(LAN, udp(`${H2}:9090`, S1));
      expect(portOf(bed, '10.0.0.13:8080')).toBe(8689);
    },
  },
  {
    name: '6888-R8 ports come to rest and back in the order of their ends, however late anybody looks',
    plan: twoUplinks({ nat44: { restingPortsMax: 1, portRestMs: 10_000 } }),
    run: (bed) => {
      bed.send(LAN, udp('10.0.0.11:5001', S1));
      bed.wait(5);
      bed.send(LAN, udp('10.0.0.11:5002', S1));
      bed.wait(5);
      bed.send(LAN, udp('10.0.0.11:5003', S1));
      bed.wait(300);
      expect(bed.portRests()).toMatchObject([{ externalPort: 5003, restMs: 10_000 }]);
    },
  },
  {
    name: '6888-R8 the number is counted by pool: address and protocol',
    plan: twoUplinks({ a4: { pool: [ipv4(A), ipv4(SECOND)] }, nat44: { restingPortsMax: 1 } }),
    run: (bed) => {
      for (let host = 1; host <= 20; host += 1) {
        bed.send(LAN, udp(`10.0.9.${host}:5000`, S1));
        bed.send(LAN, tcp(`10.0.9.${host}:5000`, S1, 'SYN'));
        bed.wait(0.1);
      }
      bed.wait(310);
      const pools = bed.portRests().map(({ protocol, externalAddress }) => `${protocol} ${externalAddress}`);
      expect(pools.toSorted()).toEqual(
        [17, 6].flatMap((protocol) => [ipv4(A), ipv4(SECOND)].map((address) => `${protocol} ${address}`)),
      );
    },
  },
  {
    name: '6888-R8 a move makes ports rest too, and one that may not rest is free at once',
    plan: twoUplinks({ nat44: { restingPortsMax: 1 } }),
    run: (bed) => {
      for (const port of [5001, 5002]) bed.send(LAN, udp(`10.0.0.11:${port}`, S1));
      bed.plan(twoUplinks({ a4: { usable: false }, nat44: { restingPortsMax: 1 } }));
      for (const port of [5001, 5002]) bed.send(LAN, udp(`10.0.0.11:${port}`, S1));
      const ofA = bed.portRests().filter(({ slot }) => slot === 0);
      expect(ofA).toMatchObject([{ externalPort: 5001, restMs: 120_000 }]);
    },
  },
  {
    name: '6888-R8 what is restored rests for its own endpoint only, and not longer than it had left',
    run: (bed) => {
      expect(restored(bed, rest('10.0.0.11:5000', `${A}:6000`))).toEqual([6000]);
      bed.drops(ISP_A, udp(S1, `${A}:6000`), 'NoMapping');
      expect(portOf(bed, '10.0.0.12:6000')).not.toBe(6000);
      bed.forwards(LAN, udp('10.0.0.11:5000', S1), ISP_A, udp(`${A}:6000`, S1));
      bed.restart(twoUplinks(), [rest('10.0.0.11:5000', `${A}:6000`)]);
      bed.wait(59.9);
      expect(bed.portRests()).toHaveLength(1);
      bed.wait(0.1);
      expect(bed.portRests()).toEqual([]);
    },
  },
  {
    name: '6888-R8 what cannot be restored is left out',
    plan: twoUplinks({
      a4: { portLow: 1000, portHigh: 9000, ...reserved(17, 7000, 7000) },
      nat44: {
        staticMappings: [staticPorts(17, `${A}:7001`, `${H2}:80`), staticAddress('203.0.113.7', '10.0.0.13')],
      },
    }),
    run: (bed) => {
      bed.send(LAN, udp('10.0.0.11:5000', S1));
      const left = [
        rest('10.0.0.11:1', `${A}:2000`, { slot: 7 }),
        rest('10.0.0.11:2', `${SECOND}:2000`),
        rest('10.0.0.11:3', '203.0.113.7:2000'),
        rest('10.0.0.11:4', `${A}:0`, { protocol: 1 }),
        rest('10.0.0.11:5', `${A}:5000`),
        rest('10.0.0.11:5000', `${A}:2000`),
        rest('10.0.0.11:6', `${A}:7000`),
        rest('10.0.0.11:7', `${A}:7001`),
        rest('10.0.0.11:8', `${A}:999`),
        rest('10.0.0.11:9', `${A}:9001`),
        rest('10.0.0.11:0', `${A}:2000`, { protocol: 47 }),
        rest('10.0.0.11:10', `${A}:2000`, { restMs: 0 }),
      ];
      expect(restored(bed, ...left)).toEqual([5000]);
      const kept = [
        rest('10.0.0.11:5000', `${A}:7000`, { protocol: 6 }),
        rest('10.0.0.11:11', `${A}:9000`),
        rest('10.0.0.11:12', `${A}:65535`, { protocol: 1 }),
      ];
      expect(restored(bed, ...kept)).toEqual([5000, 7000, 9000, 65_535]);
      expect(restored(bed, rest('10.0.0.12:11', `${A}:9000`), rest('10.0.0.11:11', `${A}:9001`))).toHaveLength(4);
    },
  },
  {
    name: '6888-R8 what finds no room is left out: resting ports, mappings, hosts',
    plan: twoUplinks({ nat44: { restingPortsMax: 2 } }),
    options: { mappingsMax: 4, hostsMax: 2 },
    run: (bed) => {
      const udpRests = [1, 2, 3].map((port) => rest(`10.0.0.11:${port}`, `${A}:${2000 + port}`));
      expect(restored(bed, ...udpRests)).toEqual([2001, 2002]);
      const of = (host: string, port: number) => rest(`${host}:${port}`, `${A}:${port}`, { protocol: 6 });
      expect(restored(bed, of('10.0.0.12', 3001), of('10.0.0.13', 3002))).toEqual([2001, 2002, 3001]);
      expect(restored(bed, of('10.0.0.12', 3003), rest('10.0.0.11:4', `${A}:3004`, { protocol: 33 }))).toEqual([
        2001, 2002, 3001, 3003,
      ]);
      const packet = udp('10.0.0.13:5000', S1);
      const error = icmpError('10.0.0.1', '10.0.0.13', packet, { type: 3, code: 1, dontFragment: true });
      bed.dropsWithError(LAN, packet, 'HostTableFull', LAN, error);
    },
  },
];
