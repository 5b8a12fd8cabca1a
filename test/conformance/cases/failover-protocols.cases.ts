/** Uplinks that die, and hairpins by them, for every protocol: section 13 of the catalogue beside TCP and UDP. */
import { expect } from 'vitest';
import { dccp } from '../../support/dccp-builder.ts';
import { echoRequest, icmpError, ipv4, tcp, udp } from '../../support/packet-builder.ts';
import { ISP_A, ISP_B, LAN, twoUplinks } from '../../support/plans.ts';
import { esp, gre, sctp } from '../../support/portless-builder.ts';
import { TRANSPORTS, type Transport, UDP, UDP_LITE } from '../../support/transports.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const WA = '203.0.113.2:5000';
const WB = '198.51.100.2:5000';
const S1 = '192.0.2.10:7000';
const S2 = '192.0.2.20:7000';
const A_DOWN = twoUplinks({ a4: { usable: false } });
const OPEN_FILTERS = {
  filteringUdp: 'endpoint-independent',
  filteringTcp: 'endpoint-independent',
  filteringDccp: 'endpoint-independent',
} as const;

const PORTLESS = [
  { name: 'ESP', packet: (from: string, to: string) => esp(from, to, 0x1001) },
  { name: 'GRE', packet: (from: string, to: string) => gre(from, to, 9) },
  { name: 'SCTP', packet: (from: string, to: string) => sctp(from, to, [5000, 80]) },
];

/** What is no connection moves, all of its endpoint together. */
const moves = (transport: Transport): Case => ({
  name: `MWAN-2, MWAN-3 ${transport.name}: an endpoint of a dead uplink moves with its sessions, and stays when A is back`,
  run: (bed) => {
    for (const server of [S1, S2]) bed.forwards(LAN, transport.open(H1, server), ISP_A, transport.open(WA, server));
    bed.plan(A_DOWN);
    bed.forwards(LAN, transport.data(H1, S1), ISP_B, transport.data(WB, S1));
    bed.drops(ISP_A, transport.answer(S2, WA), 'NoMapping');
    bed.plan(twoUplinks());
    bed.forwards(LAN, transport.data(H1, S1), ISP_B, transport.data(WB, S1));
    bed.forwards(LAN, transport.data(H1, S2), ISP_B, transport.data(WB, S2));
    expect(bed.mappings().map(({ uplinkSlot }) => uplinkSlot)).toEqual([1]);
  },
});

const hairpins = ({ name, open, answer, data }: Transport): Case => ({
  name: `MWAN-5, 4787-R9a, 6888-R1 ${name}: hosts reach each other by an address of B while B is down`,
  plan: twoUplinks({ a4: { usable: false }, nat44: OPEN_FILTERS }),
  run: (bed) => {
    const [other, otherExternal] = ['10.0.0.12:6000', '198.51.100.2:6000'];
    bed.forwards(LAN, open(other, S1), ISP_B, open(otherExternal, S1));
    bed.plan(twoUplinks({ b4: { usable: false }, nat44: OPEN_FILTERS }));
    bed.forwards(LAN, open(H1, otherExternal), LAN, open(WB, other));
    bed.forwards(LAN, answer(other, WB), LAN, answer(otherExternal, H1));
    bed.forwards(LAN, data(H1, otherExternal), LAN, data(WB, other));
    bed.forwards(LAN, data(other, WB), LAN, data(otherExternal, H1));
  },
});

export const failoverProtocolCases: readonly Case[] = [
  moves(UDP),
  moves(UDP_LITE),
  ...TRANSPORTS.map(hairpins),
  {
    name: 'MWAN-2 dccp: a connection of a dead uplink goes nowhere, without a reset, and one that opens anew takes B',
    run: (bed) => {
      bed.forwards(LAN, dccp(H1, S1, 'Request'), ISP_A, dccp(WA, S1, 'Request'));
      bed.forwards(ISP_A, dccp(S1, WA, 'Response'), LAN, dccp(S1, H1, 'Response'));
      bed.plan(A_DOWN);
      bed.drops(LAN, dccp(H1, S1, 'DataAck'), 'UplinkDown');
      bed.forwards(ISP_A, dccp(S1, WA, 'DataAck'), LAN, dccp(S1, H1, 'DataAck'));
      bed.forwards(LAN, dccp(H1, S1, 'Request'), ISP_B, dccp(WB, S1, 'Request'));
      bed.forwards(LAN, dccp(H1, S1, 'DataAck'), ISP_B, dccp(WB, S1, 'DataAck'));
    },
  },
  ...PORTLESS.map(
    ({ name, packet }): Case => ({
      name: `MWAN-2 ${name} of a dead uplink moves, and what still comes by that is nobody's`,
      run: (bed) => {
        bed.forwards(LAN, packet('10.0.0.11', '192.0.2.10'), ISP_A, packet('203.0.113.2', '192.0.2.10'));
        bed.plan(A_DOWN);
        bed.forwards(LAN, packet('10.0.0.11', '192.0.2.10'), ISP_B, packet('198.51.100.2', '192.0.2.10'));
        bed.drops(ISP_A, packet('192.0.2.10', '203.0.113.2'), 'NoMapping');
        bed.forwards(ISP_B, packet('192.0.2.10', '198.51.100.2'), LAN, packet('192.0.2.10', '10.0.0.11'));
        bed.plan(twoUplinks());
        bed.forwards(LAN, packet('10.0.0.11', '192.0.2.10'), ISP_B, packet('198.51.100.2', '192.0.2.10'));
      },
    }),
  ),
  {
    name: 'MWAN-1, MWAN-7 no session changes its uplink by a plan alone, whatever it prefers, limits or filters',
    run: (bed) => {
      bed.send(LAN, tcp(H1, S1, 'SYN'));
      bed.send(LAN, udp(H1, S1));
      const plans = [
        twoUplinks({ plan: { policies: [{ prefer: [1, 0] }] } }),
        twoUplinks({ plan: { policies: [{ prefer: [1] }] } }),
        twoUplinks({ nat44: OPEN_FILTERS }),
        twoUplinks({ a4: { portLow: 20_000 }, b4: { usable: false } }),
        twoUplinks({ epochB: 1 }),
        twoUplinks({ a4: { reserved: [{ protocol: 6, low: 80, high: 80 }] } }),
      ];
      for (const plan of plans) {
        bed.plan(plan);
        bed.forwards(LAN, tcp(H1, S1, 'ACK'), ISP_A, tcp(WA, S1, 'ACK'));
        bed.forwards(LAN, udp(H1, S1), ISP_A, udp(WA, S1));
        bed.forwards(ISP_A, udp(S1, WA), LAN, udp(S1, H1));
      }
    },
  },
  ...TRANSPORTS.map(
    ({ name, open, data }): Case => ({
      name: `5508-R7, 5508-R7a, 6888-R1 ${name}: an error about a hairpinned packet comes back as from outside`,
      plan: twoUplinks({ nat44: OPEN_FILTERS }),
      run: (bed) => {
        const [other, otherExternal] = ['10.0.0.12:6000', '203.0.113.2:6000'];
        bed.send(LAN, open(other, S1));
        bed.forwards(LAN, open(H1, otherExternal), LAN, open(WA, other));
        for (const [type, code] of [
          [3, 3],
          [3, 4],
          [11, 0],
        ] as const) {
          bed.forwards(
            LAN,
            icmpError('10.0.0.12', '203.0.113.2', data(WA, other), { type, code, word: 1300 }),
            LAN,
            icmpError('203.0.113.2', '10.0.0.11', data(H1, otherExternal), { type, code, word: 1300 }),
          );
        }
      },
    }),
  ),
  {
    name: 'MWAN-6, 1812-SRC errors about what comes by B leave by B, from its address, though A is preferred',
    plan: twoUplinks({ a4: { usable: false }, mtu: { [LAN]: 1400 } }),
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      bed.plan(twoUplinks({ mtu: { [LAN]: 1400 } }));
      const late = udp(S1, WB, { ttl: 1 });
      const exceeded = icmpError('198.51.100.2', '192.0.2.10', late, { type: 11, dontFragment: true });
      bed.dropsWithError(ISP_B, late, 'HopLimitExceeded', ISP_B, exceeded);
      const long = udp(S1, WB, { payload: new Uint8Array(1472), dontFragment: true });
      const fields = { type: 3, code: 4, word: 1400, dontFragment: true };
      const tooBig = icmpError('198.51.100.2', '192.0.2.10', long.slice(0, 548), fields);
      bed.dropsWithError(ISP_B, long, 'TooBig', ISP_B, tooBig);
    },
  },
  {
    name: '6888-R2, 4787-R2 a host has one address of the pool for all protocols together, those without ports too',
    plan: twoUplinks({ a4: { pool: ['203.0.113.2', '203.0.113.9', '203.0.113.10', '203.0.113.11'].map(ipv4) } }),
    run: (bed) => {
      for (let last = 11; last < 27; last += 1) {
        const host = `10.0.0.${last}`;
        for (const { open } of TRANSPORTS) bed.send(LAN, open(`${host}:4000`, S1));
        bed.send(LAN, echoRequest(host, '192.0.2.10', 4000));
        for (const { packet } of PORTLESS) bed.send(LAN, packet(host, `192.0.2.${last}`));
        const rows = bed.mappings().filter(({ internal }) => internal.startsWith(`${host}:`));
        expect(rows).toHaveLength(8);
        expect(new Set(rows.map(({ external }) => external.split(':')[0])).size).toBe(1);
      }
      expect(new Set(bed.mappings().map(({ external }) => external.split(':')[0])).size, 'all are used').toBe(4);
    },
  },
];
