/** Several uplinks: section 13 of the catalogue, plans that change, and uplinks that are routed. */
import { expect } from 'vitest';
import { echoReply, echoRequest, icmpError, ip4, ipv4, tcp, text, udp } from '../../support/packet-builder.ts';
import { DEVICES, device, ISP_A, ISP_B, LAN, twoUplinks } from '../../support/plans.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const WA = '203.0.113.2:5000';
const WB = '198.51.100.2:5000';
const S1 = '192.0.2.10:53';
const S2 = '192.0.2.20:53';
const A_DOWN = twoUplinks({ a4: { usable: false } });
const BOTH_DOWN = twoUplinks({ a4: { usable: false }, b4: { usable: false } });
const ROUTED_A = twoUplinks({ a4: { nat44: false } });

/** The LAN is numbered like the link of ISP A. */
const OVERLAP = twoUplinks({
  a4: { pool: [ipv4('10.0.0.50')] },
  plan: {
    devices: [
      ...DEVICES.slice(0, 1),
      device({ ipv4: ['10.0.0.50/24'], ipv6: ['2001:db8:a::2/64'] }, { uplinkSlot: 0 }),
      ...DEVICES.slice(2),
    ],
  },
});

export const uplinkCases: readonly Case[] = [
  {
    name: 'MWAN-1 a session stays on its uplink when a better one returns',
    plan: A_DOWN,
    run: (bed) => {
      bed.forwards(LAN, tcp(H1, S1, 'SYN'), ISP_B, tcp(WB, S1, 'SYN'));
      bed.forwards(LAN, udp(H1, S1), ISP_B, udp(WB, S1));
      bed.plan(twoUplinks());
      bed.forwards(LAN, tcp(H1, S1, 'ACK'), ISP_B, tcp(WB, S1, 'ACK'));
      bed.forwards(LAN, udp(H1, S1), ISP_B, udp(WB, S1));
      bed.forwards(ISP_B, tcp(S1, WB, 'SYN,ACK'), LAN, tcp(S1, H1, 'SYN,ACK'));
    },
  },
  {
    name: 'MWAN-3 a new UDP session of an endpoint uses the uplink of its mapping, TCP the preferred one',
    plan: A_DOWN,
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      bed.send(LAN, tcp(H1, S1, 'SYN'));
      bed.plan(twoUplinks());
      bed.forwards(LAN, udp(H1, S2), ISP_B, udp(WB, S2));
      bed.forwards(LAN, tcp(H1, S2, 'SYN'), ISP_A, tcp(WA, S2, 'SYN'));
    },
  },
  {
    name: 'MWAN-2 TCP of a dead uplink is reset while another one is usable, and never leaves by that',
    run: (bed) => {
      bed.send(LAN, tcp(H1, S1, 'SYN'));
      bed.plan(A_DOWN);
      const reset = tcp(S1, H1, 'RST', { sequence: 99, dontFragment: true });
      bed.ends(LAN, tcp(H1, S1, 'ACK', { acknowledgement: 99 }), 'UplinkDown', {
        device: LAN,
        packet: reset,
        kind: 'TcpReset',
      });
      bed.drops(LAN, tcp(H1, S1, 'RST'), 'UplinkDown');
      bed.forwards(LAN, tcp(H1, S1, 'SYN'), ISP_B, tcp(WB, S1, 'SYN'));
      bed.forwards(LAN, tcp(H1, S1, 'ACK'), ISP_B, tcp(WB, S1, 'ACK'));
    },
  },
  {
    name: 'MWAN-2 UDP and queries of a dead uplink move with all sessions of the endpoint; the old mapping ends at once',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      bed.send(LAN, udp(H1, S2));
      bed.send(LAN, echoRequest('10.0.0.11', '192.0.2.10', 7));
      bed.plan(A_DOWN);
      bed.forwards(LAN, udp(H1, S1), ISP_B, udp(WB, S1));
      bed.drops(ISP_A, udp(S2, WA), 'NoMapping');
      bed.forwards(LAN, echoRequest('10.0.0.11', '192.0.2.10', 7), ISP_B, echoRequest('198.51.100.2', '192.0.2.10', 7));
      bed.drops(ISP_A, echoReply('192.0.2.10', '203.0.113.2', 7), 'NoMapping');
      expect(bed.mappings().map(({ uplinkSlot }) => uplinkSlot)).toEqual([1, 1]);
    },
  },
  {
    name: 'MWAN-2 the port of a moved endpoint rests, and is its own again',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      bed.plan(A_DOWN);
      bed.send(LAN, udp(H1, S1));
      bed.plan(twoUplinks({ b4: { usable: false } }));
      bed.send(LAN, udp('10.0.0.12:5000', S1));
      expect(bed.externalOf('udp', '10.0.0.12:5000')).not.toBe(WA);
      bed.forwards(LAN, udp(H1, S1), ISP_A, udp(WA, S1));
    },
  },
  {
    name: 'MWAN-2 a packet that cannot be forwarded moves nothing',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      bed.plan(A_DOWN);
      const late = udp(H1, S1, { ttl: 1 });
      bed.dropsWithError(
        LAN,
        late,
        'HopLimitExceeded',
        LAN,
        icmpError('10.0.0.1', '10.0.0.11', late, { type: 11, dontFragment: true }),
      );
      expect(bed.mappings().map(({ uplinkSlot }) => uplinkSlot)).toEqual([0]);
    },
  },
  {
    name: 'MWAN-1 with no usable uplink nothing is moved or reset, and new flows take the first as last resort',
    run: (bed) => {
      bed.send(LAN, tcp(H1, S1, 'SYN'));
      bed.send(LAN, udp(H1, S1));
      bed.plan(BOTH_DOWN);
      bed.forwards(LAN, tcp(H1, S1, 'ACK'), ISP_A, tcp(WA, S1, 'ACK'));
      bed.forwards(LAN, udp(H1, S1), ISP_A, udp(WA, S1));
      bed.forwards(LAN, udp('10.0.0.11:5001', S1), ISP_A, udp('203.0.113.2:5001', S1));
    },
  },
  {
    name: 'MWAN-4 a connection cannot be taken over through another uplink',
    plan: twoUplinks({ nat44: { filteringTcp: 'endpoint-independent' } }),
    run: (bed) => {
      bed.send(LAN, tcp(H1, S1, 'SYN'));
      bed.plan(
        twoUplinks({ nat44: { filteringTcp: 'endpoint-independent' }, plan: { policies: [{ prefer: [1, 0] }] } }),
      );
      bed.send(LAN, tcp(H1, S2, 'SYN'));
      bed.drops(ISP_B, tcp(S1, WB, 'SYN'), 'FilteredInbound');
      bed.forwards(ISP_B, tcp('192.0.2.10:54', WB, 'SYN'), LAN, tcp('192.0.2.10:54', H1, 'SYN'));
      bed.forwards(LAN, tcp(H1, S1, 'ACK'), ISP_A, tcp(WA, S1, 'ACK'));
    },
  },
  {
    name: 'MWAN-6 an error about a session returns through its uplink, with that address',
    plan: A_DOWN,
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      bed.plan(twoUplinks());
      bed.forwards(
        LAN,
        icmpError('10.0.0.11', '192.0.2.10', udp(S1, H1), { type: 3, code: 3 }),
        ISP_B,
        icmpError('198.51.100.2', '192.0.2.10', udp(S1, WB), { type: 3, code: 3 }),
      );
    },
  },
  {
    name: 'MWAN-7 a new address ends the mappings of its uplink and no others',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      bed.plan(twoUplinks({ a4: { usable: false } }));
      bed.send(LAN, udp('10.0.0.11:5001', S1));
      bed.plan(twoUplinks({ epochA: 1, a4: { pool: [ipv4('203.0.113.77')] } }));
      expect(bed.mappings().map(({ internal }) => internal)).toEqual(['10.0.0.11:5001']);
      bed.forwards(LAN, udp(H1, S1), ISP_A, udp('203.0.113.77:5000', S1));
      bed.forwards(ISP_B, udp(S1, '198.51.100.2:5001'), LAN, udp(S1, '10.0.0.11:5001'));
    },
  },
  {
    name: 'MWAN-7 the pool begins anew: no port rests from before',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      bed.plan(twoUplinks({ epochA: 1 }));
      bed.forwards(LAN, udp('10.0.0.12:5000', S1), ISP_A, udp(WA, S1));
    },
  },
  {
    name: 'MWAN-7 what has died with an old epoch takes no room',
    options: { mappingsMax: 2, sessionsMax: 2 },
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      bed.send(LAN, udp('10.0.0.11:5001', S1));
      bed.plan(twoUplinks({ epochA: 1 }));
      bed.forwards(LAN, udp('10.0.0.12:5000', S1), ISP_A, udp(WA, S1));
      bed.forwards(LAN, udp('10.0.0.12:5001', S1), ISP_A, udp('203.0.113.2:5001', S1));
    },
  },
  {
    name: 'MWAN-7 an uplink that goes takes its mappings along',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      const { uplinks, devices } = twoUplinks();
      const gone = devices.map((one, index) => (index === ISP_A ? { ...one, ipv4: [], ipv6: [] } : one));
      bed.plan(twoUplinks({ plan: { uplinks: uplinks.map((uplink) => withoutIpv4(uplink)), devices: gone } }));
      expect(bed.mappings()).toEqual([]);
      bed.forwards(LAN, udp(H1, S1), ISP_B, udp(WB, S1));
    },
  },
  {
    name: 'MWAN-5 one address on two uplinks: each answers for itself',
    plan: twoUplinks({ b4: { pool: [ipv4('203.0.113.2')] } }),
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      bed.drops(ISP_B, udp(S1, WA), 'NoMapping');
      bed.forwards(ISP_A, udp(S1, WA), LAN, udp(S1, H1));
    },
  },
  {
    name: 'MWAN-5 of two uplinks with one address a hairpinned packet takes the usable one',
    plan: twoUplinks({
      b4: { pool: [ipv4('203.0.113.2')] },
      a4: { usable: false },
      nat44: { filteringUdp: 'endpoint-independent' },
    }),
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      bed.forwards(LAN, udp('10.0.0.12:6000', WA), LAN, udp('203.0.113.2:6000', H1));
      expect(bed.mappings().map(({ uplinkSlot }) => uplinkSlot)).toEqual([1, 1]);
    },
  },
  {
    name: '4787-R7 a site that is numbered like its ISP keeps its numbers, and reaches the world',
    plan: OVERLAP,
    run: (bed) => {
      bed.forwards(LAN, udp(H1, S1), ISP_A, udp('10.0.0.50:5000', S1));
      bed.forwards(ISP_A, udp(S1, '10.0.0.50:5000'), LAN, udp(S1, H1));
      bed.forwards(LAN, udp(H1, '10.0.0.50:80'), LAN, udp(H1, '10.0.0.50:80'));
      bed.drops(ISP_A, udp('10.0.0.99:53', '10.0.0.50:5000'), 'FilteredInbound');
    },
  },
  {
    name: '6888-R6 an uplink without NAT44 is routed: any protocol, any segment, fragments and errors',
    plan: ROUTED_A,
    run: (bed) => {
      const packets = [
        udp(H1, S1),
        tcp(H1, S1, 'ACK'),
        ip4('10.0.0.11', '192.0.2.10', 253, text('experiment')),
        ip4('10.0.0.11', '192.0.2.10', 17, text('tail'), { fragmentOffset: 8 }),
        icmpError('10.0.0.11', '192.0.2.10', udp(S1, H1), { type: 3, code: 3 }),
        echoReply('10.0.0.11', '192.0.2.10', 9),
      ];
      for (const packet of packets) {
        bed.forwards(LAN, packet, ISP_A, packet);
      }
      bed.forwards(ISP_A, tcp(S1, H1, 'SYN'), LAN, tcp(S1, H1, 'SYN'));
      bed.forwards(ISP_A, echoRequest('192.0.2.10', '10.0.9.4', 1), LAN, echoRequest('192.0.2.10', '10.0.9.4', 1));
      expect(bed.sessions()).toEqual([]);
    },
  },
  {
    name: '6888-R6 a translated session keeps its uplink beside it, and so does an error about it',
    plan: twoUplinks(),
    run: (bed) => {
      bed.plan(twoUplinks({ a4: { nat44: false, usable: false } }));
      bed.send(LAN, tcp(H1, S1, 'SYN'));
      bed.plan(ROUTED_A);
      bed.forwards(LAN, tcp(H1, S1, 'ACK'), ISP_B, tcp(WB, S1, 'ACK'));
      bed.forwards(
        LAN,
        icmpError('10.0.0.11', '192.0.2.10', tcp(S1, H1, 'ACK'), { type: 3, code: 3 }),
        ISP_B,
        icmpError('198.51.100.2', '192.0.2.10', tcp(S1, WB, 'ACK'), { type: 3, code: 3 }),
      );
    },
  },
  {
    name: '6888-R6 a moved endpoint leaves its mapping behind also when it moves to a routed uplink',
    plan: twoUplinks({ b4: { nat44: false } }),
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      bed.plan(twoUplinks({ a4: { usable: false }, b4: { nat44: false } }));
      bed.forwards(LAN, udp(H1, S1), ISP_B, udp(H1, S1));
      expect(bed.mappings()).toEqual([]);
    },
  },
  {
    name: '6888-R6 a pool address is none without NAT44, unless the device owns it',
    plan: twoUplinks({ a4: { nat44: false, pool: [ipv4('203.0.113.2'), ipv4('203.0.113.9')] } }),
    run: (bed) => {
      bed.drops(ISP_A, udp(S1, '203.0.113.9:53'), 'NotForThisUplink');
      bed.drops(ISP_A, udp(S1, '203.0.113.2:53'), 'Pass');
    },
  },
  {
    name: '6888-R6 what arrives there for nobody inside, or from a spoofed source, goes nowhere',
    plan: ROUTED_A,
    run: (bed) => {
      bed.drops(ISP_A, udp(S1, '10.99.0.1:53'), 'NotForThisUplink');
      bed.drops(ISP_A, udp('10.0.9.1:53', H1), 'SpoofedSource');
      bed.drops(ISP_A, udp(S1, '203.0.113.2:53'), 'Pass');
    },
  },
  {
    name: '5382-R4b packets to an address of the device that is not in the pool are for the gateway',
    plan: twoUplinks({
      plan: {
        uplinks: [{ slot: 0, epoch: 0, device: ISP_A }],
        policies: [{ prefer: [0] }],
        devices: DEVICES.filter((one) => one.uplinkSlot !== 1),
      },
    }),
    run: (bed) => {
      bed.drops(ISP_A, udp(S1, '203.0.113.2:53'), 'Pass');
      bed.replies(
        ISP_A,
        echoRequest('192.0.2.10', '203.0.113.2', 1),
        echoReply('203.0.113.2', '192.0.2.10', 1, { dontFragment: true }),
      );
    },
  },
  {
    name: '4443-ECHO an echo request to a pool address that the device does not own has no mapping',
    plan: twoUplinks({ a4: { pool: [ipv4('203.0.113.2'), ipv4('203.0.113.9')] } }),
    run: (bed) => bed.drops(ISP_A, echoRequest('192.0.2.10', '203.0.113.9', 1), 'NoMapping'),
  },
];

function withoutIpv4<U extends { readonly slot: number; readonly ipv4?: unknown }>(uplink: U): U {
  if (uplink.slot !== 0) {
    return uplink;
  }
  const { ipv4: _gone, ...rest } = uplink;
  return rest as U;
}
