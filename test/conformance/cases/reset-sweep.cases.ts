/** Connections that a plan leaves without their uplink: hosts that only receive are told as well. */
import { expect } from 'vitest';
import type { Plan } from '../../../src/plan/plan.ts';
import { filtered, H1 as H1_6, H1_A, H2 as H2_6, H2_A, published6, Q6 } from '../../support/filtered-plan.ts';
import { type TcpFields, tcp, text, udp } from '../../support/packet-builder.ts';
import { type Tcp6Fields, tcp6, udp6 } from '../../support/packet-builder-ipv6.ts';
import { ISP_A, ISP_B, LAN, OFFICE, type PlanChanges, staticPorts, twoUplinks } from '../../support/plans.ts';
import { BACK, DOWN, H1, OUT, PUBLIC, S1, SERVER, WA } from '../../support/reset-endpoints.ts';
import { hex, type TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const A_DOWN = twoUplinks({ a4: DOWN, a6: DOWN });
/** More than an engine needs that looks at some hundred sessions at a time. */
const TICKS = 40;

interface Sent {
  readonly device?: number;
  readonly packet: Uint8Array;
}

/** Time alone sends exactly these resets, in whatever order, and then nothing. */
function tells(bed: TranslatorBed, ...expected: readonly Sent[]): void {
  const sent = Array.from({ length: TICKS }, () => bed.tick()).flat();
  const shown = sent.map(({ device, kind, octets }) => `${kind} on ${device}: ${hex(octets)}`);
  const wanted = expected.map(({ device = LAN, packet }) => `TcpReset on ${device}: ${hex(packet)}`);
  expect(shown.toSorted()).toEqual(wanted.toSorted());
}

/** From a remote endpoint to an internal one that has acknowledged up to a sequence number. */
function rst(from: string, to: string, sequence: number): Uint8Array {
  return tcp(from, to, 'RST', { sequence, dontFragment: true });
}

/** To an internal endpoint that has acknowledged nothing. */
function refusal(from: string, to: string, acknowledgement: number): Uint8Array {
  return tcp(from, to, 'RST,ACK', { sequence: 0, acknowledgement, dontFragment: true });
}

function states(bed: TranslatorBed): unknown[] {
  return bed.sessions().map(({ tcpState, expiresInMs }) => [tcpState, expiresInMs]);
}

/** A connection of a host below 10.0.0.0/16 that the server has accepted, and that the host has not confirmed yet. */
function connect(bed: TranslatorBed, from: string, options: TcpFields = {}, device = LAN): void {
  bed.send(device, tcp(from, S1, 'SYN', options));
  const sequence = (options.sequence ?? 1000) + 1 + (options.payload?.length ?? 0);
  bed.send(
    ISP_A,
    tcp(S1, `203.0.113.2:${portOf(from)}`, 'SYN,ACK', { sequence: 1, acknowledgement: sequence % 2 ** 32 }),
  );
}

function connect6(bed: TranslatorBed, ports: readonly [number, number], options: Tcp6Fields = {}): void {
  bed.send(LAN, tcp6(H1_6, Q6, ports, 'SYN', options));
  bed.send(ISP_A, tcp6(Q6, H1_A, [ports[1], ports[0]], 'SYN,ACK', { sequence: 1 }));
}

function portOf(endpoint: string): string {
  return endpoint.split(':')[1] ?? '';
}

const contents: readonly Case[] = [
  {
    name: 'MWAN-2 a host that only receives is told: the reset has the sequence number that it expects',
    run: (bed) => {
      bed.send(LAN, tcp(H1, S1, 'SYN'));
      bed.send(ISP_A, tcp(S1, WA, 'SYN,ACK', { sequence: 5000, acknowledgement: 1001 }));
      bed.send(LAN, tcp(H1, S1, 'ACK', { sequence: 1001, acknowledgement: 5001, tos: 0xb8 }));
      bed.send(ISP_A, tcp(S1, WA, 'PSH,ACK', { sequence: 5001, payload: new Uint8Array(1000) }));
      bed.send(LAN, tcp(H1, S1, 'ACK', { sequence: 1001, acknowledgement: 6001 }));
      bed.plan(A_DOWN);
      bed.wait(1);
      tells(bed, { packet: rst(S1, H1, 6001) });
      expect(states(bed)).toEqual([['RESET', 240_000]]);
      bed.drops(ISP_A, tcp(S1, WA, 'PSH,ACK', { sequence: 6001 }), 'UplinkDown');
    },
  },
  {
    name: 'MWAN-2 before its first acknowledgement a caller gets what a closed port would answer, data of the SYN included',
    run: (bed) => {
      connect(bed, H1);
      connect(bed, '10.0.0.11:5001', { payload: text('data') });
      connect(bed, '10.0.0.11:5002', { sequence: 0xffff_ffff });
      bed.plan(A_DOWN);
      tells(
        bed,
        { packet: refusal(S1, H1, 1001) },
        { packet: refusal(S1, '10.0.0.11:5001', 1005) },
        { packet: refusal(S1, '10.0.0.11:5002', 0) },
      );
    },
  },
  {
    name: 'MWAN-2, MWAN-4 a published server that has not answered yet expects what follows the SYN',
    plan: twoUplinks({ nat44: { staticMappings: [staticPorts(6, PUBLIC, SERVER)] } }),
    run: (bed) => {
      bed.send(ISP_A, tcp(S1, PUBLIC, 'SYN', { sequence: 70_000, payload: text('early') }));
      bed.plan(twoUplinks({ a4: DOWN, nat44: { staticMappings: [staticPorts(6, PUBLIC, SERVER)] } }));
      tells(bed, { packet: rst(S1, SERVER, 70_006) });
    },
  },
  {
    name: 'MWAN-2 of a gateway-sourced connection it comes from the gateway, as the server knows it',
    run: (bed) => {
      const sourced = { nat44: { staticMappings: [staticPorts(6, PUBLIC, SERVER, { gatewaySource: true })] } };
      bed.restart(twoUplinks(sourced));
      bed.send(ISP_A, tcp(S1, PUBLIC, 'SYN'));
      bed.plan(twoUplinks({ ...sourced, a4: DOWN }));
      tells(bed, { packet: rst('10.0.0.1:7000', SERVER, 1001) });
    },
  },
  {
    name: 'MWAN-2 in every state: half closed, closed, and after a RST that was heeded',
    run: (bed) => {
      const ports = [5000, 5001, 5002];
      for (const port of ports) {
        connect(bed, `10.0.0.11:${port}`);
        bed.send(ISP_A, tcp(S1, `203.0.113.2:${port}`, 'SYN,ACK', { sequence: 1, acknowledgement: 1001 }));
        bed.send(LAN, tcp(`10.0.0.11:${port}`, S1, 'FIN,ACK', { sequence: 1001, acknowledgement: 2 }));
      }
      bed.send(ISP_A, tcp(S1, '203.0.113.2:5001', 'FIN,ACK', { sequence: 2 }));
      bed.send(ISP_A, tcp(S1, '203.0.113.2:5002', 'RST', { sequence: 2 }));
      bed.plan(A_DOWN);
      tells(bed, ...ports.map((port) => ({ packet: rst(S1, `10.0.0.11:${port}`, 2) })));
    },
  },
  {
    name: 'MWAN-2 it takes the route of the internal address; without one the session is reset in silence',
    run: (bed) => {
      const hosts = ['10.0.1.5:1', '10.0.9.7:2', H1];
      for (const host of hosts) connect(bed, host, {}, host === '10.0.1.5:1' ? OFFICE : LAN);
      bed.plan({ ...A_DOWN, routes: [] });
      const office = { device: OFFICE, packet: refusal(S1, '10.0.1.5:1', 1001) };
      tells(bed, office, { packet: refusal(S1, H1, 1001) });
      expect(states(bed)).toEqual(hosts.map(() => ['RESET', 240_000]));
    },
  },
  {
    name: 'MWAN-2 the same with the IPv6 filter, for both families at once',
    plan: filtered({ published: [published6(H2_6)] }),
    run: (bed) => {
      connect(bed, H1);
      connect6(bed, OUT, { trafficClass: 0xb8, flowLabel: 5 });
      bed.send(LAN, tcp6(H1_6, Q6, [40001, 80], 'ACK', { acknowledgement: 900 }));
      bed.send(LAN, tcp6(H1_6, Q6, [40002, 80], 'FIN', { acknowledgement: 900 }));
      bed.send(ISP_A, tcp6(Q6, H2_A, [9, 22], 'SYN', { sequence: 41 }));
      bed.plan(filtered({ published: [published6(H2_6)] }, { a4: DOWN, a6: DOWN }));
      tells(
        bed,
        { packet: refusal(S1, H1, 1001) },
        { packet: tcp6(Q6, H1_6, BACK, 'RST,ACK', { sequence: 0, acknowledgement: 1001 }) },
        { packet: tcp6(Q6, H1_6, [80, 40001], 'RST', { sequence: 900 }) },
        { packet: tcp6(Q6, H1_6, [80, 40002], 'RST,ACK', { sequence: 0, acknowledgement: 0 }) },
        { device: OFFICE, packet: tcp6(Q6, H2_6, [9, 22], 'RST', { sequence: 42 }) },
      );
      expect(states(bed)).toEqual(Array.from({ length: 5 }, () => ['RESET', 240_000]));
      bed.drops(ISP_A, tcp6(Q6, H1_A, BACK, 'SYN,ACK'), 'UplinkDown');
    },
  },
];

/** What each plan leaves alone: sessions of A, and one of UDP. */
function leavesAlone(name: string, plan: Plan, before: PlanChanges = {}): Case {
  return {
    name: `MWAN-1 nobody is told ${name}`,
    plan: filtered({}, before),
    run: (bed) => {
      connect(bed, H1);
      connect6(bed, OUT);
      bed.send(LAN, udp(H1, S1));
      bed.send(LAN, udp6(H1_6, Q6, OUT));
      const sessions = bed.sessions();
      bed.plan(plan);
      tells(bed);
      expect(bed.sessions()).toEqual(sessions);
    },
  };
}

const BOTH_DOWN = { a4: DOWN, b4: DOWN, a6: DOWN, b6: DOWN };
const A6_DOWN = { a4: DOWN, a6: DOWN };
const keep = { tcp: 'keep', udp: 'keep', other: 'keep' } as const;

const exceptions: readonly Case[] = [
  leavesAlone('while the uplink is usable', filtered()),
  leavesAlone('while no other uplink is usable', filtered({}, BOTH_DOWN)),
  leavesAlone(
    'where the policy has no other uplink',
    filtered({}, { ...A6_DOWN, plan: { policies: [{ prefer: [0] }] } }),
  ),
  leavesAlone(
    'where the other uplink is shunned',
    filtered({}, { ...A6_DOWN, plan: { policies: [{ prefer: [0, 1], shun4: [1], shun6: [1] }] } }),
  ),
  leavesAlone(
    'where the other uplink is to be left too',
    filtered({}, { ...A6_DOWN, plan: { policies: [{ prefer: [0, 1], leave4: [1], leave6: [1] }] } }),
  ),
  leavesAlone(
    'where the policy keeps',
    filtered({}, { ...A6_DOWN, plan: { policies: [{ prefer: [0, 1], onFailure: keep }] } }),
  ),
  leavesAlone('because another uplink is preferred now', filtered({}, { plan: { policies: [{ prefer: [1, 0] }] } })),
  {
    name: 'MWAN-5 nobody is told of hairpins',
    plan: filtered({ published: [published6(H2_6)] }, { nat44: { staticMappings: [staticPorts(6, PUBLIC, SERVER)] } }),
    run: (bed) => {
      bed.send(LAN, tcp(H1, PUBLIC, 'SYN'));
      bed.send(LAN, tcp6(H1_6, H2_A, OUT, 'SYN'));
      expect(bed.sessions()).toHaveLength(4);
      const sessions = bed.sessions();
      bed.plan(
        filtered(
          { published: [published6(H2_6)] },
          { ...A6_DOWN, nat44: { staticMappings: [staticPorts(6, PUBLIC, SERVER)] } },
        ),
      );
      tells(bed);
      expect(bed.sessions()).toEqual(sessions);
    },
  },
  {
    name: 'MWAN-2 each is told once, by a packet of its own or by time, and not again by later plans',
    run: (bed) => {
      connect(bed, H1);
      connect(bed, '10.0.0.11:5001');
      bed.plan(A_DOWN);
      expect(bed.send(LAN, tcp(H1, S1, 'ACK')).outgoing).toHaveLength(1);
      bed.wait(10);
      tells(bed, { packet: refusal(S1, '10.0.0.11:5001', 1001) });
      expect(states(bed)).toEqual([
        ['RESET', 230_000],
        ['RESET', 240_000],
      ]);
      bed.plan({ ...A_DOWN, generation: 2 });
      bed.wait(10);
      tells(bed);
      expect(states(bed)).toEqual([
        ['RESET', 220_000],
        ['RESET', 230_000],
      ]);
    },
  },
  {
    name: 'MWAN-2 of two plans before the tick the later one counts',
    run: (bed) => {
      connect(bed, H1);
      bed.plan(A_DOWN);
      bed.plan(twoUplinks());
      tells(bed);
      expect(states(bed)).toEqual([['ESTABLISHED', 7_440_000]]);
      bed.forwards(ISP_A, tcp(S1, WA, 'ACK'), LAN, tcp(S1, H1, 'ACK'));
    },
  },
  {
    name: 'MWAN-2, MWAN-4 only the tick after a plan looks: what opens later is left to its packets',
    plan: twoUplinks({ a4: DOWN, nat44: { staticMappings: [staticPorts(6, PUBLIC, SERVER)] } }),
    run: (bed) => {
      tells(bed);
      expect(bed.passes(ISP_A, tcp(S1, PUBLIC, 'SYN'))).toBe(true);
      bed.wait(1);
      tells(bed);
      const answer = tcp(SERVER, S1, 'SYN,ACK', { acknowledgement: 1001 });
      const reset = { device: LAN, packet: rst(S1, SERVER, 1001), kind: 'TcpReset' };
      bed.ends(LAN, answer, 'UplinkDown', reset);
    },
  },
  {
    name: 'MWAN-1 a caller who was not answered yet is told nothing: the SYN that he sends again opens the connection elsewhere',
    plan: filtered(),
    run: (bed) => {
      bed.send(LAN, tcp(H1, S1, 'SYN'));
      bed.send(LAN, tcp6(H1_6, Q6, OUT, 'SYN'));
      bed.plan(filtered({}, { a4: DOWN, a6: DOWN }));
      tells(bed);
      expect(bed.sessions().map(({ tcpState, uplinkSlot }) => [tcpState, uplinkSlot])).toEqual([
        ['INIT', 0],
        ['INIT', 0],
      ]);
      bed.forwards(LAN, tcp(H1, S1, 'SYN'), ISP_B, tcp('198.51.100.2:5000', S1, 'SYN'));
      expect(bed.passes(LAN, tcp6(H1_6, Q6, OUT, 'SYN'))).toBe(true);
      expect(bed.sessions().map(({ tcpState, uplinkSlot }) => [tcpState, uplinkSlot])).toEqual([
        ['INIT', 1],
        ['INIT', 1],
      ]);
    },
  },
  {
    name: 'MWAN-2 what has ended by then is told nothing',
    run: (bed) => {
      connect(bed, H1);
      bed.plan(A_DOWN);
      bed.wait(7440);
      tells(bed);
    },
  },
  {
    name: 'MWAN-2 only those of the dead uplink, and of the policy that leaves it',
    plan: twoUplinks({
      plan: { policies: [{ number: 4, prefer: [0, 1], matches: [{ dscp: 46 }] }, { prefer: [0, 1] }] },
    }),
    run: (bed) => {
      connect(bed, H1);
      connect(bed, '10.0.0.11:5001', { tos: 0xb8 });
      const leaving = { number: 4, prefer: [0, 1], matches: [{ dscp: 46 }], leave4: [0], shun4: [0] };
      bed.plan(twoUplinks({ plan: { policies: [leaving, { prefer: [0, 1] }] } }));
      bed.send(LAN, tcp('10.0.0.11:5002', S1, 'SYN', { tos: 0xb8 }));
      tells(bed, { packet: refusal(S1, '10.0.0.11:5001', 1001) });
      expect(bed.sessions().map(({ tcpState, uplinkSlot }) => [tcpState, uplinkSlot])).toEqual([
        ['ESTABLISHED', 0],
        ['RESET', 0],
        ['INIT', 1],
      ]);
      bed.forwards(ISP_B, tcp(S1, '198.51.100.2:5002', 'SYN,ACK'), LAN, tcp(S1, '10.0.0.11:5002', 'SYN,ACK'));
    },
  },
  {
    name: 'MWAN-2, 1812-RATE many are told, each once, whatever the limit of resets is',
    options: { sessionsMax: 4000, mappingsMax: 4000 },
    run: (bed) => {
      const errorRate = { perSecond: 1, burst: 1 };
      bed.restart(filtered({}, { plan: { errorRate } }), [], { sessionsMax: 4000, mappingsMax: 4000 });
      const ports = Array.from({ length: 700 }, (_, index) => 10_000 + index);
      for (const port of ports) {
        connect(bed, `10.0.0.11:${port}`, { sequence: port });
        bed.send(LAN, udp(`10.0.0.11:${port}`, S1));
        connect6(bed, [port, 80], { sequence: port });
      }
      bed.plan(filtered({}, { a4: DOWN, a6: DOWN, plan: { errorRate } }));
      tells(
        bed,
        ...ports.map((port) => ({ packet: refusal(S1, `10.0.0.11:${port}`, port + 1) })),
        ...ports.map((port) => ({
          packet: tcp6(Q6, H1_6, [80, port], 'RST,ACK', { sequence: 0, acknowledgement: port + 1 }),
        })),
      );
      expect(bed.sessions().filter(({ tcpState }) => tcpState === 'RESET')).toHaveLength(1400);
    },
  },
];

export const resetSweepCases: readonly Case[] = [...contents, ...exceptions];
