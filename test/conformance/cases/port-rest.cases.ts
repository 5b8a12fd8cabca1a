/** RFC 6888 REQ-8 by the check of the catalogue: how long, how many, and what a restart leaves of it. */
import { expect } from 'vitest';
import { udp } from '../../support/packet-builder.ts';
import { ISP_A, LAN, twoUplinks } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import { TCP, type Transport, UDP } from '../../support/transports.ts';
import type { Case } from '../case.ts';

const S1 = '192.0.2.10:53';
const TEN_PORTS = { a4: { portLow: 2000, portHigh: 2009 } };
const UDP_LIFE = 300;

/** Hosts 1 to `count` behind the inner router take a port of the ten each: host n port 1999 + n. */
function take(bed: TranslatorBed, count: number, first = 1): void {
  for (let host = first; host < first + count; host += 1) {
    const [from, external] = [`10.0.9.${host}:${1999 + host}`, `203.0.113.2:${1999 + host}`];
    bed.forwards(LAN, udp(from, S1), ISP_A, udp(external, S1));
  }
}

/** The port that another host gets now, or why it gets none. */
function portNow(bed: TranslatorBed, host: string, transport: Transport = UDP): string {
  const { verdict } = bed.send(LAN, transport.open(`${host}:9999`, S1));
  return verdict === 'Forward' ? (bed.externalOf(transport.name, `${host}:9999`).split(':')[1] ?? '') : verdict;
}

export const portRestCases: readonly Case[] = [
  {
    name: '6888-R8 of ten ports one is freed: at 119 s nobody else gets it, at 121 s somebody does',
    plan: twoUplinks(TEN_PORTS),
    run: (bed) => {
      take(bed, 1, 5);
      bed.wait(100);
      take(bed, 4);
      take(bed, 5, 6);
      bed.wait(UDP_LIFE - 100);
      take(bed, 4);
      take(bed, 5, 6);
      bed.wait(119);
      expect(portNow(bed, '10.0.0.11')).toBe('PortPoolExhausted');
      bed.wait(2);
      expect(portNow(bed, '10.0.0.11')).toBe('2004');
    },
  },
  {
    name: '6888-R8 its own endpoint gets it back meanwhile',
    plan: twoUplinks(TEN_PORTS),
    run: (bed) => {
      take(bed, 10);
      bed.wait(UDP_LIFE + 60);
      expect(portNow(bed, '10.0.0.11')).toBe('PortPoolExhausted');
      take(bed, 10);
    },
  },
  {
    name: '6888-R8 the time is a setting',
    plan: twoUplinks({ ...TEN_PORTS, nat44: { portRestMs: 10_000 } }),
    run: (bed) => {
      take(bed, 10);
      bed.wait(UDP_LIFE + 9);
      expect(portNow(bed, '10.0.0.11')).toBe('PortPoolExhausted');
      bed.wait(1);
      expect(Number(portNow(bed, '10.0.0.11'))).toBeGreaterThanOrEqual(2000);
    },
  },
  {
    name: '6888-R8 the number of resting ports is a setting: none may rest',
    plan: twoUplinks({ ...TEN_PORTS, nat44: { restingPortsMax: 0 } }),
    run: (bed) => {
      take(bed, 10);
      bed.wait(UDP_LIFE);
      for (let host = 11; host < 21; host += 1) {
        expect(Number(portNow(bed, `10.0.0.${host}`))).toBeGreaterThanOrEqual(2000);
      }
    },
  },
  {
    name: '6888-R8 the number of resting ports is a setting: of ten three rest, in each pool',
    plan: twoUplinks({ ...TEN_PORTS, nat44: { restingPortsMax: 3 } }),
    run: (bed) => {
      for (let host = 1; host <= 10; host += 1) {
        take(bed, 1, host);
        bed.wait(1);
      }
      bed.wait(UDP_LIFE);
      for (let host = 11; host < 18; host += 1) {
        expect(Number(portNow(bed, `10.0.0.${host}`)), `host ${host}`).toBeGreaterThan(2002);
      }
      expect(portNow(bed, '10.0.0.18')).toBe('PortPoolExhausted');
      expect(Number(portNow(bed, '10.0.0.18', TCP)), 'the pool of TCP is another one').toBeGreaterThanOrEqual(2000);
    },
  },
  {
    name: '6888-R8 a restart: what lived rests its whole time, what rested the remainder, for others only',
    plan: twoUplinks(TEN_PORTS),
    run: (bed) => {
      take(bed, 5);
      bed.wait(UDP_LIFE + 50);
      take(bed, 5, 6);
      const rests = bed.portRests();
      expect(rests.map(({ externalPort, restMs }) => [externalPort, restMs])).toEqual([
        ...[2000, 2001, 2002, 2003, 2004].map((port) => [port, 70_000]),
        ...[2005, 2006, 2007, 2008, 2009].map((port) => [port, 120_000]),
      ]);
      bed.restart(twoUplinks(TEN_PORTS), rests);
      expect(bed.mappings()).toEqual([]);
      bed.wait(69);
      expect(portNow(bed, '10.0.0.11')).toBe('PortPoolExhausted');
      take(bed, 1, 6);
      bed.wait(1);
      expect(Number(portNow(bed, '10.0.0.11'))).toBeLessThan(2005);
      bed.wait(50);
      expect(Number(portNow(bed, '10.0.0.12'))).toBeGreaterThanOrEqual(2000);
    },
  },
  {
    name: '6888-R8 a restart without what rested: any port',
    plan: twoUplinks(TEN_PORTS),
    run: (bed) => {
      take(bed, 10);
      bed.restart();
      bed.forwards(LAN, udp('10.0.0.11:2003', S1), ISP_A, udp('203.0.113.2:2003', S1));
    },
  },
  {
    name: '6888-R8 what does not fit the plan is not restored: a port beyond the range, an uplink or address that is gone',
    plan: twoUplinks(),
    run: (bed) => {
      for (const port of [2000, 3000]) bed.send(LAN, udp(`10.0.0.11:${port}`, S1));
      bed.plan(twoUplinks({ a4: { usable: false } }));
      bed.send(LAN, udp('10.0.0.11:2001', S1));
      const rests = bed.portRests();
      expect(rests.map(({ slot, externalPort }) => [slot, externalPort])).toEqual([
        [0, 2000],
        [1, 2001],
        [0, 3000],
      ]);
      bed.restart(twoUplinks({ ...TEN_PORTS, b4: { nat44: false } }), rests);
      expect(bed.portRests().map(({ externalPort }) => externalPort)).toEqual([2000]);
    },
  },
];
