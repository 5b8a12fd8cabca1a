/** Published servers that see their clients as the gateway. */
import { expect } from 'vitest';
import { fragmentsOf, identificationOf } from '../../support/fragment-builder.ts';
import { echoReply, echoRequest, icmpError, tcp, udp } from '../../support/packet-builder.ts';
import {
  DEVICES,
  device,
  ISP_A,
  ISP_B,
  LAN,
  type PlanChanges,
  prefix4,
  staticPorts,
  twoUplinks,
} from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import { TRANSPORTS } from '../../support/transports.ts';
import type { Case } from '../case.ts';

const SERVER = '10.0.0.12:8080';
const PUBLIC = '203.0.113.2:80';
const PUBLIC_B = '198.51.100.2:80';
const CLIENT = '192.0.2.10:4000';
const OTHER = '192.0.2.20:4000';
const APPARENT = '10.0.0.1:4000';
/** The first candidate for UDP from OTHER, by another program. */
const APPARENT_OTHER = '10.0.0.1:6051';
/** h >> 48 of the bed's secret for UDP from 10.0.0.1 to 203.0.113.2 and back, by another program. */
const TO_SERVER = 49_604;
const TO_CLIENT = 46_142;

const server = (protocol: number) => staticPorts(protocol, PUBLIC, SERVER, { gatewaySource: true });
const published = (protocol: number, changes: PlanChanges = {}) =>
  twoUplinks({ ...changes, nat44: { ...changes.nat44, staticMappings: [server(protocol)] } });
const serverB = staticPorts(17, PUBLIC_B, SERVER, { slot: 1, gatewaySource: true });

function udpError(bed: TranslatorBed): void {
  bed.forwards(
    LAN,
    icmpError('10.0.0.12', '10.0.0.1', udp(APPARENT, SERVER), { type: 3, code: 3 }),
    ISP_A,
    icmpError('203.0.113.2', '192.0.2.10', udp(CLIENT, PUBLIC), { type: 3, code: 3 }),
  );
}

export const gatewaySourceCases: readonly Case[] = [
  ...TRANSPORTS.map(
    (transport): Case => ({
      name: `${transport.name}: the server sees the gateway, the client the external endpoint`,
      plan: published(transport.protocol),
      run: (bed) => {
        bed.forwards(ISP_A, transport.open(CLIENT, PUBLIC), LAN, transport.open(APPARENT, SERVER));
        bed.forwards(LAN, transport.answer(SERVER, APPARENT), ISP_A, transport.answer(PUBLIC, CLIENT));
        bed.forwards(ISP_A, transport.data(CLIENT, PUBLIC), LAN, transport.data(APPARENT, SERVER));
        bed.forwards(LAN, transport.data(SERVER, APPARENT), ISP_A, transport.data(PUBLIC, CLIENT));
        expect(bed.sessions()).toMatchObject([
          { internal: SERVER, external: PUBLIC, remote: CLIENT, apparent: APPARENT, uplinkSlot: 0 },
        ]);
      },
    }),
  ),
  {
    name: 'two clients with one port: the second one gets a port that the secret chooses',
    plan: published(17),
    run: (bed) => {
      bed.forwards(ISP_A, udp(CLIENT, PUBLIC), LAN, udp(APPARENT, SERVER));
      bed.forwards(ISP_A, udp(OTHER, PUBLIC), LAN, udp(APPARENT_OTHER, SERVER));
      bed.forwards(LAN, udp(SERVER, APPARENT_OTHER), ISP_A, udp(PUBLIC, OTHER));
      bed.forwards(LAN, udp(SERVER, APPARENT), ISP_A, udp(PUBLIC, CLIENT));
    },
  },
  {
    name: 'also where they come by different uplinks, and each is answered by its own',
    plan: twoUplinks({ nat44: { staticMappings: [server(17), serverB] } }),
    run: (bed) => {
      bed.forwards(ISP_B, udp(CLIENT, PUBLIC_B), LAN, udp(APPARENT, SERVER));
      bed.forwards(ISP_A, udp(OTHER, PUBLIC), LAN, udp(APPARENT_OTHER, SERVER));
      bed.forwards(LAN, udp(SERVER, APPARENT), ISP_B, udp(PUBLIC_B, CLIENT));
      bed.forwards(LAN, udp(SERVER, APPARENT_OTHER), ISP_A, udp(PUBLIC, OTHER));
    },
  },
  {
    name: 'the same client by both uplinks has two sessions: nothing is steered from one to the other',
    plan: twoUplinks({ nat44: { staticMappings: [server(17), serverB] } }),
    run: (bed) => {
      bed.send(ISP_A, udp(CLIENT, PUBLIC));
      bed.send(ISP_B, udp(CLIENT, PUBLIC_B));
      const sessions = bed.sessions();
      expect(sessions.map(({ remote, uplinkSlot }) => [remote, uplinkSlot])).toEqual([
        [CLIENT, 0],
        [CLIENT, 1],
      ]);
      expect(sessions[0]?.apparent).not.toBe(sessions[1]?.apparent);
    },
  },
  {
    name: 'a packet of no session, or of one that has ended, is for the gateway itself',
    plan: published(17),
    run: (bed) => {
      bed.ends(LAN, udp(SERVER, APPARENT), 'Pass');
      bed.send(ISP_A, udp(CLIENT, PUBLIC));
      bed.ends(LAN, udp('10.0.0.13:8080', APPARENT), 'Pass');
      bed.ends(LAN, udp(SERVER, '10.0.0.1:4001'), 'Pass');
      bed.replies(LAN, echoRequest('10.0.0.12', '10.0.0.1', 5), echoReply('10.0.0.1', '10.0.0.12', 5));
      bed.wait(300);
      bed.ends(LAN, udp(SERVER, APPARENT), 'Pass');
    },
  },
  {
    name: 'OTHER-2 the server itself does not call a client that it serves: answers could not be told apart',
    plan: published(17),
    run: (bed) => {
      bed.send(ISP_A, udp(CLIENT, PUBLIC));
      const call = udp(SERVER, CLIENT);
      const error = icmpError('10.0.0.1', '10.0.0.12', call, { type: 3, code: 1, dontFragment: true });
      bed.dropsWithError(LAN, call, 'RemoteInUse', LAN, error);
      bed.forwards(LAN, udp(SERVER, OTHER), ISP_A, udp(PUBLIC, OTHER));
      bed.forwards(ISP_A, udp(OTHER, PUBLIC), LAN, udp(OTHER, SERVER));
    },
  },
  {
    name: 'a session that the server opened itself is not in the way of its client behind the same address',
    plan: twoUplinks({ nat44: { staticMappings: [server(17), serverB] } }),
    run: (bed) => {
      bed.forwards(LAN, udp(SERVER, CLIENT), ISP_A, udp(PUBLIC, CLIENT));
      bed.forwards(ISP_B, udp(CLIENT, PUBLIC_B), LAN, udp(APPARENT, SERVER));
      bed.forwards(LAN, udp(SERVER, CLIENT), ISP_A, udp(PUBLIC, CLIENT));
      bed.forwards(LAN, udp(SERVER, APPARENT), ISP_B, udp(PUBLIC_B, CLIENT));
    },
  },
  {
    name: '5508-R5 an error of the server names the real endpoints outside, one of the client the apparent one inside',
    plan: published(17),
    run: (bed) => {
      bed.send(ISP_A, udp(CLIENT, PUBLIC));
      udpError(bed);
      bed.forwards(
        ISP_A,
        icmpError('192.0.2.99', '203.0.113.2', udp(PUBLIC, CLIENT), { type: 11 }),
        LAN,
        icmpError('192.0.2.99', '10.0.0.12', udp(SERVER, APPARENT), { type: 11 }),
      );
    },
  },
  {
    name: '5508-R3 an error to the gateway that quotes none of these sessions, or badly, is for the gateway',
    plan: published(17),
    run: (bed) => {
      bed.send(ISP_A, udp(CLIENT, PUBLIC));
      const strange = [
        icmpError('10.0.0.12', '10.0.0.1', udp('10.0.0.1:4001', SERVER), { type: 3, code: 3 }),
        icmpError('10.0.0.12', '10.0.0.1', udp(CLIENT, SERVER), { type: 3, code: 3 }),
        icmpError('10.0.0.12', '10.0.1.1', udp(APPARENT, SERVER), { type: 3, code: 3 }),
        icmpError('10.0.0.12', '10.0.0.1', udp(APPARENT, SERVER), { type: 3, code: 3, checksum: 1 }),
        icmpError('10.0.0.12', '10.0.0.1', udp(APPARENT, SERVER).slice(0, 24), { type: 3, code: 3 }),
      ];
      for (const error of strange) bed.ends(LAN, error, 'Pass');
    },
  },
  {
    name: '4787-R9 a host of the site and its server see the gateway in each other, also in errors',
    plan: published(17),
    run: (bed) => {
      const host = '10.0.0.11:4000';
      bed.forwards(LAN, udp(host, PUBLIC), LAN, udp(APPARENT, SERVER));
      bed.forwards(LAN, udp(SERVER, APPARENT), LAN, udp(PUBLIC, host));
      bed.forwards(
        LAN,
        icmpError('10.0.0.12', '10.0.0.1', udp(APPARENT, SERVER), { type: 3, code: 3 }),
        LAN,
        icmpError('203.0.113.2', '10.0.0.11', udp(host, PUBLIC), { type: 3, code: 3 }),
      );
      bed.forwards(
        LAN,
        icmpError('10.0.0.11', '203.0.113.2', udp(PUBLIC, host), { type: 3, code: 3 }),
        LAN,
        icmpError('203.0.113.2', '10.0.0.12', udp(SERVER, APPARENT), { type: 3, code: 3 }),
      );
    },
  },
  {
    name: '6864-5.3.1 whatever leaves in the name of the gateway has an identification of its own, both ways',
    plan: published(17),
    run: (bed) => {
      const loose = { id: 4711, dontFragment: false };
      const sent = (from: number, packet: Uint8Array) =>
        identificationOf(bed.send(from, packet).outgoing[0]?.octets ?? new Uint8Array(20));
      expect(sent(ISP_A, udp(CLIENT, PUBLIC, loose))).toBe(TO_SERVER);
      expect(sent(ISP_A, udp(CLIENT, PUBLIC, loose))).toBe(TO_SERVER + 1);
      expect(sent(LAN, udp(SERVER, APPARENT, loose))).toBe(TO_CLIENT);
      expect(sent(LAN, udp('10.0.0.11:4000', PUBLIC, loose)), 'in a hairpin once').toBe(TO_SERVER + 2);
    },
  },
  {
    name: '8900-1, 4787-R14 fragments of both directions, also ahead of the first one from outside',
    plan: published(17),
    run: (bed) => {
      const payload = new Uint8Array(100).fill(1);
      const request = fragmentsOf(udp(CLIENT, PUBLIC, { payload }), 5, 56);
      expect(bed.send(ISP_A, request[1] ?? payload).verdict).toBe('Queued');
      const { outgoing } = bed.send(ISP_A, request[0] ?? payload);
      const expected = fragmentsOf(udp(APPARENT, SERVER, { payload }), TO_SERVER, 56, { ttl: 63 });
      expect(outgoing.map(({ octets, kind }) => [kind, [...octets]])).toEqual([
        ['Forward', [...(expected[0] ?? [])]],
        ['ReleasedFragment', [...(expected[1] ?? [])]],
      ]);
      const answer = fragmentsOf(udp(SERVER, APPARENT, { payload }), 6, 56);
      bed.ends(LAN, answer[1] ?? payload, 'Pass');
      const left = fragmentsOf(udp(PUBLIC, CLIENT, { payload }), TO_CLIENT, 56);
      for (const [at, fragment] of answer.entries()) bed.forwards(LAN, fragment, ISP_A, left[at] ?? payload);
    },
  },
  {
    name: 'MWAN-4 when the uplink is down, datagrams end with their session and TCP is reset, also by a SYN',
    plan: twoUplinks({ nat44: { staticMappings: [server(17), server(6)] } }),
    run: (bed) => {
      bed.send(ISP_A, udp(CLIENT, PUBLIC));
      bed.send(ISP_A, tcp(CLIENT, PUBLIC, 'SYN'));
      bed.plan(twoUplinks({ a4: { usable: false }, nat44: { staticMappings: [server(17), server(6)] } }));
      bed.drops(LAN, udp(SERVER, APPARENT), 'UplinkDown');
      bed.ends(LAN, udp(SERVER, APPARENT), 'Pass');
      for (const flags of ['SYN', 'SYN,ACK']) {
        const reset = { verdict: 'UplinkDown', outgoing: [{ device: LAN, kind: 'TcpReset' }] };
        expect(bed.send(LAN, tcp(SERVER, APPARENT, flags))).toMatchObject(reset);
      }
      bed.drops(LAN, tcp(SERVER, APPARENT, 'RST'), 'UplinkDown');
      expect(bed.sessions()).toHaveLength(1);
    },
  },
  {
    name: '1812-TTL2 a packet to the gateway that goes on is a forwarded one: TTL and MTU',
    plan: published(17, { mtu: { [ISP_A]: 100 } }),
    run: (bed) => {
      bed.send(ISP_A, udp(CLIENT, PUBLIC));
      const late = udp(SERVER, APPARENT, { ttl: 1 });
      const error = icmpError('10.0.0.1', '10.0.0.12', late, { type: 11, dontFragment: true });
      bed.dropsWithError(LAN, late, 'HopLimitExceeded', LAN, error);
      expect(bed.send(LAN, udp(SERVER, APPARENT, { payload: new Uint8Array(100) })).verdict).toBe('TooBig');
    },
  },
  {
    name: '6888-R6 an exempt prefix that covers the gateway does not matter to them',
    plan: published(17, { nat44: { exempt: [prefix4('10.0.0.0/8')] } }),
    run: (bed) => {
      bed.send(ISP_A, udp(CLIENT, PUBLIC));
      bed.forwards(LAN, udp(SERVER, APPARENT), ISP_A, udp(PUBLIC, CLIENT));
    },
  },
  {
    name: 'the gateway has no address towards the server: there is no way',
    plan: published(17, { plan: { devices: DEVICES.map((one, at) => (at === LAN ? device({}) : one)) } }),
    run: (bed) => {
      bed.drops(ISP_A, udp(CLIENT, PUBLIC), 'NoRoute');
      bed.plan(
        published(17, {
          plan: {
            devices: DEVICES.map((one, at) => (at === LAN ? device({}) : one)),
            routes: [{ device: LAN, ipv4: { prefix: 0x0a000000, prefixLength: 24, via: 0x0a0000fe } }],
          },
        }),
      );
      bed.drops(ISP_A, udp(CLIENT, PUBLIC), 'NoRoute');
    },
  },
  {
    name: 'when the address of the gateway changes, its sessions are found no more; new ones are',
    plan: published(17),
    run: (bed) => {
      bed.send(ISP_A, udp(CLIENT, PUBLIC));
      const lan = device({ ipv4: ['10.0.0.2/24', '10.0.0.1/24'] });
      const moved = published(17, { plan: { devices: DEVICES.map((one, at) => (at === LAN ? lan : one)) } });
      bed.plan(moved);
      bed.forwards(LAN, udp(SERVER, APPARENT), ISP_A, udp(PUBLIC, CLIENT));
      bed.forwards(ISP_A, udp(OTHER, PUBLIC), LAN, udp('10.0.0.2:4000', SERVER));
      const gone = DEVICES.map((one, at) => (at === LAN ? device({ ipv4: ['10.0.0.2/24'] }) : one));
      bed.plan(published(17, { plan: { devices: gone } }));
      bed.forwards(LAN, udp(SERVER, APPARENT), LAN, udp(SERVER, APPARENT));
      bed.forwards(LAN, udp(SERVER, '10.0.0.2:4000'), ISP_A, udp(PUBLIC, OTHER));
    },
  },
];
