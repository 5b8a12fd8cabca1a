/** What is held of what comes unasked from outside, for how long, and what becomes of it (5382-R4, 5597-R4). */
import { expect } from 'vitest';
import { dccp } from '../../support/dccp-builder.ts';
import { echoReply, echoRequest, icmpError, tcp, udp } from '../../support/packet-builder.ts';
import { ISP_A, ISP_B, LAN, staticPorts, twoUplinks } from '../../support/plans.ts';
import type { ExpectedPacket, TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:6000';
const WA = '203.0.113.2:6000';
const S1 = '192.0.2.10:6000';
const S2 = '192.0.2.20:6000';
const ENDPOINT_INDEPENDENT = { filteringTcp: 'endpoint-independent', filteringDccp: 'endpoint-independent' } as const;

/** 3/3 about a packet of S1, by uplink A. */
function unreachable(held: Uint8Array, to = '192.0.2.10'): ExpectedPacket {
  const quote = held.slice(0, 548);
  return { device: ISP_A, packet: icmpError('203.0.113.2', to, quote, { type: 3, code: 3, dontFragment: true }) };
}

function prohibited(packet: Uint8Array, to = '192.0.2.10'): Uint8Array {
  return icmpError('203.0.113.2', to, packet, { type: 3, code: 13, dontFragment: true });
}

/** A SYN of the hundreds from different ports. */
const synNumber = (index: number): Uint8Array => tcp(`192.0.2.10:${10_000 + index}`, WA, 'SYN');

/** Nothing is held: no tick of the next minute says anything. */
function holdsNothing(bed: TranslatorBed): void {
  bed.wait(60);
  bed.ticks();
}

const whatIsHeld: readonly Case[] = [
  {
    name: '5382-R4 a SYN with RST is no SYN that is held, one with FIN is',
    run: (bed) => {
      bed.drops(ISP_A, tcp(S1, WA, 'SYN,RST'), 'NoMapping');
      const withFin = tcp(S1, '203.0.113.2:7', 'SYN,FIN');
      bed.drops(ISP_A, withFin, 'NoMapping');
      bed.wait(6);
      bed.ticks(unreachable(withFin));
    },
  },
  {
    name: '5382-R4 fragments are not held, neither first nor later ones',
    run: (bed) => {
      bed.drops(ISP_A, tcp(S1, WA, 'SYN', { moreFragments: true, payload: new Uint8Array(4) }), 'NoMapping');
      holdsNothing(bed);
    },
  },
  {
    name: '5382-R4 a packet between two hosts of the site is not held, and refused aloud where policy says so',
    plan: twoUplinks({ nat44: { refuseFiltered: true } }),
    run: (bed) => {
      bed.send(LAN, tcp('10.0.0.12:6001', S2, 'SYN'));
      const toSelf = tcp(H1, '203.0.113.2:6001', 'SYN');
      const error = icmpError('10.0.0.1', '10.0.0.11', toSelf, { type: 3, code: 13, dontFragment: true });
      bed.dropsWithError(LAN, toSelf, 'FilteredInbound', LAN, error);
      bed.drops(LAN, tcp(H1, '203.0.113.2:999', 'SYN'), 'NoMapping');
      holdsNothing(bed);
    },
  },
  {
    name: '5382-R4, MWAN-4 what is refused for its session on another uplink is not held, and answered by nothing',
    plan: twoUplinks({ nat44: { ...ENDPOINT_INDEPENDENT, refuseFiltered: true } }),
    run: (bed) => {
      bed.send(LAN, tcp(H1, S1, 'SYN'));
      const preferB = { plan: { policies: [{ prefer: [1, 0] }] } };
      bed.plan(twoUplinks({ nat44: { ...ENDPOINT_INDEPENDENT, refuseFiltered: true }, ...preferB }));
      bed.send(LAN, tcp(H1, S2, 'SYN'));
      bed.drops(ISP_B, tcp(S1, '198.51.100.2:6000', 'SYN'), 'FilteredInbound');
      holdsNothing(bed);
    },
  },
  {
    name: '5382-R4 what a published server refuses for its session is not held',
    plan: twoUplinks({
      nat44: {
        staticMappings: [staticPorts(6, '203.0.113.2:80', H1), staticPorts(6, '198.51.100.2:80', H1, { slot: 1 })],
      },
    }),
    run: (bed) => {
      expect(bed.passes(ISP_A, tcp(S1, '203.0.113.2:80', 'SYN'))).toBe(true);
      bed.drops(ISP_B, tcp(S1, '198.51.100.2:80', 'SYN'), 'FilteredInbound');
      holdsNothing(bed);
    },
  },
  {
    name: '5597-R4, 5597-R3 a Sync that a mapping lets in opens nothing, and is not held; one that filtering refuses is',
    plan: twoUplinks(),
    run: (bed) => {
      bed.send(LAN, dccp(H1, S2, 'Request'));
      bed.drops(ISP_A, dccp('192.0.2.20:9', WA, 'Sync'), 'DccpWithoutSession');
      const refused = dccp(S1, WA, 'Sync');
      bed.drops(ISP_A, refused, 'FilteredInbound');
      bed.wait(6);
      bed.ticks(unreachable(refused));
    },
  },
  {
    name: '5382-R4 one packet is held for each connection: a SYN sent again starts no new time',
    plan: twoUplinks({ nat44: { refuseFiltered: true } }),
    run: (bed) => {
      bed.send(LAN, tcp(H1, S2, 'SYN'));
      const first = tcp(S1, WA, 'SYN', { sequence: 1 });
      bed.drops(ISP_A, first, 'FilteredInbound');
      bed.wait(3);
      bed.drops(ISP_A, tcp(S1, WA, 'SYN', { sequence: 2 }), 'FilteredInbound');
      bed.wait(3);
      bed.ticks(unreachable(first));
      holdsNothing(bed);
    },
  },
  {
    name: '5382-R4 the error quotes 548 octets of a long SYN',
    run: (bed) => {
      const long = tcp(S1, WA, 'SYN', { payload: new Uint8Array(1000).fill(7) });
      bed.drops(ISP_A, long, 'NoMapping');
      bed.wait(6);
      bed.ticks(unreachable(long));
    },
  },
];

const whatBecomesOfIt: readonly Case[] = [
  {
    name: '5382-R4 a session from outside too takes the place of what is held',
    run: (bed) => {
      bed.drops(ISP_A, tcp(S1, WA, 'SYN'), 'NoMapping');
      bed.plan(twoUplinks({ nat44: ENDPOINT_INDEPENDENT }));
      bed.send(LAN, tcp(H1, S2, 'SYN'));
      expect(bed.passes(ISP_A, tcp(S1, WA, 'SYN'))).toBe(true);
      holdsNothing(bed);
    },
  },
  {
    name: '5382-R4 it is due six seconds after it came, at the tenth of a second after that',
    run: (bed) => {
      bed.wait(0.05);
      const syn = tcp(S1, WA, 'SYN');
      bed.drops(ISP_A, syn, 'NoMapping');
      bed.wait(6);
      bed.ticks();
      bed.wait(0.05);
      bed.ticks(unreachable(syn));
    },
  },
  {
    name: '5382-R4 the hold time is that of the plan it came under',
    plan: twoUplinks({ nat44: { holdMs: 10_000 } }),
    run: (bed) => {
      const [first, second] = [synNumber(0), synNumber(1)];
      bed.drops(ISP_A, first, 'NoMapping');
      bed.plan(twoUplinks({ nat44: { holdMs: 0 } }));
      bed.drops(ISP_A, synNumber(2), 'NoMapping');
      bed.plan(twoUplinks({ nat44: { holdMs: 6000 } }));
      bed.drops(ISP_A, second, 'NoMapping');
      bed.wait(6);
      // In the order of arrival: the second waits for the first.
      bed.ticks();
      bed.wait(4);
      bed.ticks(unreachable(first), unreachable(second));
    },
  },
  {
    name: '5382-R4 an uplink with other addresses, or that has no NAT44 any more, answers for nothing it held before',
    run: (bed) => {
      const changes = [
        { before: twoUplinks(), after: twoUplinks({ epochA: 1 }) },
        { before: twoUplinks({ epochA: 1 }), after: twoUplinks({ epochA: 1, a4: { nat44: false } }) },
      ];
      for (const { before, after } of changes) {
        bed.plan(before);
        bed.drops(ISP_A, tcp(S1, WA, 'SYN'), 'NoMapping');
        bed.plan(after);
        holdsNothing(bed);
      }
    },
  },
  {
    name: '1812-SRC no error about a held packet leaves by a device that has lost its address',
    run: (bed) => {
      bed.drops(ISP_A, tcp(S1, WA, 'SYN'), 'NoMapping');
      const plan = twoUplinks();
      const devices = plan.devices.map((device, index) => (index === ISP_A ? { ...device, ipv4: [] } : device));
      bed.plan({ ...plan, devices });
      holdsNothing(bed);
    },
  },
];

const limits: readonly Case[] = [
  {
    name: '5382-R4 a tick sends sixteen errors, in the order of arrival',
    run: (bed) => {
      const syns = Array.from({ length: 20 }, (_, index) => synNumber(index));
      for (const syn of syns) bed.drops(ISP_A, syn, 'NoMapping');
      bed.wait(6);
      bed.ticks(...syns.slice(0, 16).map((syn) => unreachable(syn)));
      bed.ticks(...syns.slice(16).map((syn) => unreachable(syn)));
      bed.ticks();
    },
  },
  {
    name: '1812-RATE errors about held packets use up the bucket of the uplinks, and the site has its own',
    plan: twoUplinks({ plan: { errorRate: { perSecond: 1, burst: 3 } } }),
    run: (bed) => {
      const syns = Array.from({ length: 10 }, (_, index) => synNumber(index));
      for (const syn of syns) bed.drops(ISP_A, syn, 'NoMapping');
      bed.wait(6);
      // What the limit refuses is held no longer.
      bed.ticks(...syns.slice(0, 3).map((syn) => unreachable(syn)));
      bed.ticks();
      const late = udp(H1, S1, { ttl: 1 });
      const error = icmpError('10.0.0.1', '10.0.0.11', late, { type: 11, dontFragment: true });
      bed.dropsWithError(LAN, late, 'HopLimitExceeded', LAN, error);
      bed.wait(1);
      bed.ticks();
    },
  },
  {
    name: '5382-R4 256 packets are held, of all uplinks; another one is refused at once where policy says so',
    plan: twoUplinks({ nat44: { refuseFiltered: true } }),
    run: (bed) => {
      bed.send(LAN, tcp(H1, S2, 'SYN'));
      for (let index = 0; index < 256; index += 1) bed.drops(ISP_A, synNumber(index), 'FilteredInbound');
      const another = tcp('192.0.2.30:80', WA, 'SYN');
      bed.dropsWithError(ISP_A, another, 'FilteredInbound', ISP_A, prohibited(another, '192.0.2.30'));
      // Of a connection that is held already there is no news, and one that opens makes room.
      bed.drops(ISP_A, synNumber(0), 'FilteredInbound');
      bed.send(LAN, tcp(H1, '192.0.2.10:10007', 'SYN'));
      bed.drops(ISP_A, another, 'FilteredInbound');
    },
  },
  {
    name: '1812-13 other packets that filtering refuses are answered each, by protocol',
    plan: twoUplinks({ nat44: { refuseFiltered: true, filteringIcmp: 'address-and-port-dependent' } }),
    run: (bed) => {
      bed.send(LAN, tcp(H1, S2, 'SYN'));
      for (const flags of ['ACK', 'SYN,ACK', 'RST', 'SYN,RST']) {
        const refused = tcp(S1, WA, flags);
        bed.dropsWithError(ISP_A, refused, 'FilteredInbound', ISP_A, prohibited(refused));
      }
      bed.send(LAN, echoRequest('10.0.0.11', '192.0.2.20', 7));
      const stray = echoReply('192.0.2.10', '203.0.113.2', 7);
      bed.dropsWithError(ISP_A, stray, 'FilteredInbound', ISP_A, prohibited(stray));
    },
  },
];

export const heldPacketCases: readonly Case[] = [...whatIsHeld, ...whatBecomesOfIt, ...limits];
