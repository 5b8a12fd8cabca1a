/** Published servers: ranges of ports, from both sides. Whole addresses and gateway-sourced sessions have files of their own. */
import { expect } from 'vitest';
import { icmpError, tcp, udp } from '../../support/packet-builder.ts';
import { ISP_A, ISP_B, LAN, NAT44, type PlanChanges, staticPorts, twoUplinks } from '../../support/plans.ts';
import { TCP, TRANSPORTS, UDP } from '../../support/transports.ts';
import type { Case } from '../case.ts';

const SERVER = '10.0.0.12:8080';
const PUBLIC = '203.0.113.2:80';
const PUBLIC_B = '198.51.100.2:80';
const CLIENT = '192.0.2.20:4000';
const S1 = '192.0.2.10:53';

const web = (protocol: number) => staticPorts(protocol, PUBLIC, SERVER);
const published = (protocol: number, changes: PlanChanges = {}) =>
  twoUplinks({ ...changes, nat44: { ...changes.nat44, staticMappings: [web(protocol)] } });
const both = (protocol: number) => [web(protocol), staticPorts(protocol, PUBLIC_B, SERVER, { slot: 1 })];
const strict: PlanChanges = {
  nat44: {
    filteringUdp: 'address-and-port-dependent',
    filteringTcp: 'address-and-port-dependent',
    filteringDccp: 'address-and-port-dependent',
  },
};

export const staticMappingCases: readonly Case[] = [
  ...TRANSPORTS.map(
    (transport): Case => ({
      name: `MWAN-4 ${transport.name}: whoever calls reaches the server, past every filter, and is answered`,
      plan: published(transport.protocol, strict),
      run: (bed) => {
        bed.forwards(ISP_A, transport.open(CLIENT, PUBLIC), LAN, transport.open(CLIENT, SERVER));
        bed.forwards(LAN, transport.answer(SERVER, CLIENT), ISP_A, transport.answer(PUBLIC, CLIENT));
        bed.forwards(ISP_A, transport.data(CLIENT, PUBLIC), LAN, transport.data(CLIENT, SERVER));
        expect(bed.sessions()).toMatchObject([
          { protocol: transport.name, internal: SERVER, external: PUBLIC, remote: CLIENT, uplinkSlot: 0 },
        ]);
      },
    }),
  ),
  {
    name: '4787-R1 what the server begins itself leaves from its external endpoint',
    plan: published(17),
    run: (bed) => {
      bed.forwards(LAN, udp(SERVER, S1), ISP_A, udp(PUBLIC, S1));
      bed.forwards(LAN, udp('10.0.0.12:5000', S1), ISP_A, udp('203.0.113.2:5000', S1));
    },
  },
  {
    name: 'a range is published number by number, and nothing beside it',
    plan: twoUplinks({
      nat44: { staticMappings: [staticPorts(17, '203.0.113.2:80', '10.0.0.12:8080', { count: 10 })] },
    }),
    run: (bed) => {
      for (const offset of [0, 9]) {
        const [external, internal] = [`203.0.113.2:${80 + offset}`, `10.0.0.12:${8080 + offset}`];
        bed.forwards(ISP_A, udp(CLIENT, external), LAN, udp(CLIENT, internal));
      }
      for (const port of [79, 90]) bed.drops(ISP_A, udp(CLIENT, `203.0.113.2:${port}`), 'NoMapping');
      bed.drops(ISP_A, tcp(CLIENT, '203.0.113.2:80', 'SYN'), 'NoMapping');
      bed.drops(ISP_B, udp(CLIENT, PUBLIC_B), 'NoMapping');
    },
  },
  {
    name: 'an address beside the pool is external for its published ports only',
    plan: twoUplinks({ nat44: { staticMappings: [staticPorts(17, '203.0.113.7:80', SERVER)] } }),
    run: (bed) => {
      bed.forwards(ISP_A, udp(CLIENT, '203.0.113.7:80'), LAN, udp(CLIENT, SERVER));
      bed.drops(ISP_A, udp(CLIENT, '203.0.113.7:81'), 'NoMapping');
      bed.drops(ISP_A, udp(CLIENT, '203.0.113.8:80'), 'NotForThisUplink');
      bed.forwards(LAN, udp(SERVER, S1), ISP_A, udp('203.0.113.7:80', S1));
      bed.forwards(LAN, udp('10.0.0.12:5000', S1), ISP_A, udp('203.0.113.2:5000', S1));
    },
  },
  {
    name: '4787-R6a, 4787-R5 a session opened from outside by UDP lasts as long as the server answers',
    plan: published(17),
    run: (bed) => {
      bed.send(ISP_A, udp(CLIENT, PUBLIC));
      bed.wait(200);
      bed.send(ISP_A, udp(CLIENT, PUBLIC));
      expect(bed.sessions()[0]?.expiresInMs).toBe(100_000);
      bed.send(LAN, udp(SERVER, CLIENT));
      expect(bed.sessions()[0]?.expiresInMs).toBe(300_000);
    },
  },
  {
    name: 'a segment that opens nothing is refused without a session',
    plan: published(6),
    run: (bed) => {
      bed.drops(ISP_A, tcp(CLIENT, PUBLIC, 'ACK'), 'TcpWithoutSession');
      bed.drops(ISP_A, tcp(CLIENT, PUBLIC, 'SYN,ACK'), 'TcpWithoutSession');
      bed.drops(ISP_A, tcp(CLIENT, PUBLIC, 'RST'), 'TcpWithoutSession');
      expect(bed.mappings()).toEqual([]);
    },
  },
  {
    name: '4787-R9, 4787-R9a a host of the site reaches the server by its external endpoint, and the server itself',
    plan: published(17, strict),
    run: (bed) => {
      bed.forwards(LAN, udp('10.0.0.11:5000', PUBLIC), LAN, udp('203.0.113.2:5000', SERVER));
      bed.forwards(LAN, udp(SERVER, '203.0.113.2:5000'), LAN, udp(PUBLIC, '10.0.0.11:5000'));
      bed.forwards(LAN, udp('10.0.0.12:7000', PUBLIC), LAN, udp('203.0.113.2:7000', SERVER));
    },
  },
  {
    name: '4787-R3 a published port goes to nobody else',
    plan: published(17),
    run: (bed) => {
      bed.send(LAN, udp('10.0.0.11:80', S1));
      expect(bed.externalOf('udp', '10.0.0.11:80')).not.toBe(PUBLIC);
      bed.forwards(LAN, tcp('10.0.0.11:80', S1, 'SYN'), ISP_A, tcp('203.0.113.2:80', S1, 'SYN'));
    },
  },
  {
    name: 'MWAN-3 at two uplinks one server has an endpoint on each, and each session keeps its own',
    plan: twoUplinks({ nat44: { staticMappings: both(17) } }),
    run: (bed) => {
      bed.forwards(ISP_B, udp(CLIENT, PUBLIC_B), LAN, udp(CLIENT, SERVER));
      bed.forwards(LAN, udp(SERVER, CLIENT), ISP_B, udp(PUBLIC_B, CLIENT));
      bed.forwards(LAN, udp(SERVER, S1), ISP_B, udp(PUBLIC_B, S1));
      bed.forwards(ISP_A, udp('192.0.2.21:4000', PUBLIC), LAN, udp('192.0.2.21:4000', SERVER));
      bed.forwards(LAN, udp(SERVER, '192.0.2.21:4000'), ISP_A, udp(PUBLIC, '192.0.2.21:4000'));
    },
  },
  {
    name: 'a client that the server knows by another uplink: TCP is refused, datagrams pass and change nothing',
    plan: twoUplinks({ nat44: { staticMappings: [...both(17), ...both(6)] } }),
    run: (bed) => {
      for (const { open } of [UDP, TCP]) bed.send(ISP_A, open(CLIENT, PUBLIC));
      bed.wait(1);
      const before = bed.sessions();
      bed.drops(ISP_B, tcp(CLIENT, PUBLIC_B, 'SYN'), 'FilteredInbound');
      bed.forwards(ISP_B, udp(CLIENT, PUBLIC_B), LAN, udp(CLIENT, SERVER));
      expect(bed.sessions()).toEqual(before);
      bed.forwards(LAN, udp(SERVER, CLIENT), ISP_A, udp(PUBLIC, CLIENT));
    },
  },
  {
    name: 'MWAN-4 when its uplink is down, what a client opened by it ends alone; the rest moves',
    plan: twoUplinks({ nat44: { staticMappings: both(17) } }),
    run: (bed) => {
      bed.send(ISP_A, udp(CLIENT, PUBLIC));
      bed.send(ISP_A, udp('192.0.2.21:4000', PUBLIC));
      bed.send(LAN, udp(SERVER, S1));
      bed.plan(twoUplinks({ a4: { usable: false }, nat44: { staticMappings: both(17) } }));
      bed.drops(LAN, udp(SERVER, CLIENT), 'UplinkDown');
      expect(bed.sessions().map(({ remote }) => remote)).toEqual(['192.0.2.21:4000', S1]);
      bed.forwards(LAN, udp(SERVER, CLIENT), ISP_B, udp(PUBLIC_B, CLIENT));
      bed.forwards(LAN, udp(SERVER, S1), ISP_B, udp(PUBLIC_B, S1));
      expect(bed.mappings().map(({ external }) => external)).toEqual([PUBLIC_B]);
    },
  },
  {
    name: 'MWAN-2 a TCP session that a client opened by a dead uplink is reset, a new one goes by the other',
    plan: twoUplinks({ nat44: { staticMappings: both(6) } }),
    run: (bed) => {
      bed.send(ISP_A, tcp(CLIENT, PUBLIC, 'SYN'));
      bed.plan(twoUplinks({ a4: { usable: false }, nat44: { staticMappings: both(6) } }));
      const answer = tcp(SERVER, CLIENT, 'SYN,ACK', { acknowledgement: 1001 });
      expect(bed.send(LAN, answer)).toMatchObject({ verdict: 'UplinkDown', outgoing: [{ kind: 'TcpReset' }] });
      bed.forwards(LAN, tcp(SERVER, CLIENT, 'SYN'), ISP_B, tcp(PUBLIC_B, CLIENT, 'SYN'));
    },
  },
  {
    name: 'a mapping made before its endpoints were published ends when the static one is needed, and its port does not rest',
    run: (bed) => {
      bed.send(LAN, udp(SERVER, S1));
      bed.send(LAN, udp('10.0.0.13:80', S1));
      bed.plan(published(17));
      bed.forwards(ISP_A, udp(S1, '203.0.113.2:8080'), LAN, udp(S1, SERVER));
      bed.forwards(ISP_A, udp(S1, PUBLIC), LAN, udp(S1, '10.0.0.13:80'));
      bed.forwards(LAN, udp(SERVER, S1), ISP_A, udp('203.0.113.2:8080', S1));
      bed.forwards(LAN, udp(SERVER, '192.0.2.20:53'), ISP_A, udp(PUBLIC, '192.0.2.20:53'));
      expect(bed.mappings().map(({ internal, external }) => [internal, external])).toEqual([[SERVER, PUBLIC]]);
      bed.forwards(LAN, udp('10.0.0.14:8080', S1), ISP_A, udp('203.0.113.2:8080', S1));
      expect(bed.sessions()).toHaveLength(2);
    },
  },
  {
    name: 'what is in the way has gone even if the packet is refused; what is not needed stays',
    run: (bed) => {
      bed.send(LAN, udp(SERVER, S1));
      bed.send(LAN, udp('10.0.0.13:80', S1));
      const limits = { ...NAT44.hostLimits, mappingsPerProtocol: 0 };
      bed.plan(published(17, { nat44: { hostLimits: { ...limits, sessions: 0 } } }));
      bed.drops(ISP_A, udp(CLIENT, PUBLIC), 'HostSessionLimit');
      expect(bed.mappings()).toHaveLength(2);
      bed.plan(published(17, { nat44: { hostLimits: limits } }));
      bed.drops(ISP_A, udp(CLIENT, PUBLIC), 'HostMappingLimit');
      expect(bed.mappings()).toEqual([]);
      expect(bed.portRests()).toEqual([]);
    },
  },
  {
    name: 'a mapping, live or resting, that has both endpoints already is the static one',
    run: (bed) => {
      bed.send(LAN, udp('10.0.0.12:80', S1));
      const same = { nat44: { staticMappings: [staticPorts(17, PUBLIC, '10.0.0.12:80')] } };
      bed.wait(310);
      expect(bed.portRests()).toHaveLength(1);
      bed.plan(twoUplinks(same));
      bed.forwards(ISP_A, udp(CLIENT, PUBLIC), LAN, udp(CLIENT, '10.0.0.12:80'));
      bed.wait(310);
      expect(bed.portRests(), 'static mappings do not rest').toEqual([]);
    },
  },
  {
    name: '6888-R8 when it leaves the plan, what lives goes on as an ordinary mapping with filtering, and its port rests',
    plan: published(17),
    run: (bed) => {
      bed.send(ISP_A, udp(CLIENT, PUBLIC));
      expect(bed.portRests()).toEqual([]);
      bed.plan(twoUplinks());
      bed.forwards(ISP_A, udp('192.0.2.20:4001', PUBLIC), LAN, udp('192.0.2.20:4001', SERVER));
      bed.drops(ISP_A, udp('192.0.2.21:4000', PUBLIC), 'FilteredInbound');
      expect(bed.portRests()).toMatchObject([{ externalPort: 80, internalPort: 8080, restMs: 120_000 }]);
      bed.wait(310);
      expect(bed.portRests()).toMatchObject([{ externalPort: 80, restMs: 110_000 }]);
    },
  },
  {
    name: '5508-R4, 5508-R5 errors about both directions of a session that a client opened',
    plan: published(17),
    run: (bed) => {
      bed.send(ISP_A, udp(CLIENT, PUBLIC));
      bed.send(LAN, udp(SERVER, CLIENT));
      bed.forwards(
        LAN,
        icmpError('10.0.0.12', '192.0.2.20', udp(CLIENT, SERVER), { type: 3, code: 3 }),
        ISP_A,
        icmpError('203.0.113.2', '192.0.2.20', udp(CLIENT, PUBLIC), { type: 3, code: 3 }),
      );
      bed.forwards(
        ISP_A,
        icmpError('192.0.2.99', '203.0.113.2', udp(PUBLIC, CLIENT), { type: 3, code: 1 }),
        LAN,
        icmpError('192.0.2.99', '10.0.0.12', udp(SERVER, CLIENT), { type: 3, code: 1 }),
      );
    },
  },
  {
    name: 'without a route to the server, or too big for the way to it, no session is made',
    plan: twoUplinks({
      mtu: { [LAN]: 100 },
      nat44: { staticMappings: [web(17), staticPorts(17, '203.0.113.2:81', '172.16.0.1:80')] },
    }),
    run: (bed) => {
      bed.drops(ISP_A, udp(CLIENT, '203.0.113.2:81'), 'NoRoute');
      expect(bed.send(ISP_A, udp(CLIENT, PUBLIC, { payload: new Uint8Array(100) })).verdict).toBe('TooBig');
      expect(bed.send(ISP_A, udp(CLIENT, PUBLIC, { ttl: 1 })).verdict).toBe('HopLimitExceeded');
      expect(bed.mappings()).toEqual([]);
    },
  },
  {
    name: '5382-R4 a SYN that was held is forgotten when the port is published and the caller comes again',
    run: (bed) => {
      bed.drops(ISP_A, tcp(CLIENT, PUBLIC, 'SYN'), 'NoMapping');
      bed.plan(published(6));
      bed.forwards(ISP_A, tcp(CLIENT, PUBLIC, 'SYN'), LAN, tcp(CLIENT, SERVER, 'SYN'));
      bed.wait(7);
      bed.ticks();
    },
  },
  {
    name: 'where the uplink has no NAT44 a static mapping means nothing',
    plan: published(17, { a4: { nat44: false } }),
    run: (bed) => {
      expect(bed.send(ISP_A, udp(CLIENT, PUBLIC)).verdict).toBe('Pass');
      bed.forwards(LAN, udp(SERVER, S1), ISP_A, udp(SERVER, S1));
    },
  },
];
