/** Checks of the catalogue that have no topic of their own: ICMP, pools, boots, uplinks that die, and what Happy Eyeballs needs. */
import { expect } from 'vitest';
import { echoReply, echoRequest, hop, icmpError, ip4, ipv4, tcp, text, udp } from '../../support/packet-builder.ts';
import { icmpError6, tcp6, udp6 } from '../../support/packet-builder-ipv6.ts';
import { ISP_A, ISP_B, LAN, type PlanChanges, staticPorts, twoUplinks } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import { TRANSPORTS } from '../../support/transports.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const WA = '203.0.113.2:5000';
const WB = '198.51.100.2:5000';
const S1 = '192.0.2.10:53';
const S2 = '192.0.2.20:53';
const DOWN = { usable: false, lastResort: false };
const ALL_DOWN = twoUplinks({ a4: DOWN, b4: DOWN, a6: DOWN, b6: DOWN });

/** An option of a router that was told the way: loose and strict, and one that runs past the header. */
const LOOSE_ROUTE = Uint8Array.of(1, 131, 7, 4, 192, 0, 2, 1);
const STRICT_ROUTE = Uint8Array.of(137, 7, 4, 192, 0, 2, 1, 0);
const BROKEN = Uint8Array.of(7, 60, 4, 0, 131, 4, 4, 0);

/** Every packet that leaves by an uplink has a source of that uplink. */
class Capture {
  readonly #bed: TranslatorBed;
  readonly #seen = new Map<number, Set<string>>();

  constructor(bed: TranslatorBed) {
    this.#bed = bed;
  }

  send(device: number, packet: Uint8Array): void {
    for (const { device: egress, octets } of this.#bed.send(device, packet).outgoing) {
      this.#seen.set(egress, (this.#seen.get(egress) ?? new Set()).add(octets.slice(12, 16).join('.')));
    }
  }

  sourcesOn(device: number): readonly string[] {
    return [...(this.#seen.get(device) ?? [])];
  }
}

/** What hosts of the site send all day. */
function everyday(capture: Capture): void {
  for (const host of ['10.0.0.11', '10.0.0.12', '10.0.9.7']) {
    for (const { open, data } of TRANSPORTS) {
      capture.send(LAN, open(`${host}:5000`, S1));
      capture.send(LAN, data(`${host}:5000`, S1));
    }
    capture.send(LAN, echoRequest(host, '192.0.2.10', 7));
    capture.send(LAN, icmpError(host, '192.0.2.10', udp(S1, `${host}:5000`), { type: 3, code: 3 }));
    capture.send(LAN, ip4(host, '192.0.2.10', 253, text('experiment'), { dontFragment: false }));
    capture.send(LAN, ip4(host, '192.0.2.10', 17, text('a later fragment'), { fragmentOffset: 1480 }));
    capture.send(LAN, udp(`${host}:5001`, S1, { payload: new Uint8Array(1472), dontFragment: false }));
  }
}

/** The address of the uplink sees the server of the site. */
const PUBLISHED: PlanChanges = {
  nat44: { staticMappings: [staticPorts(6, '198.51.100.2:80', '10.0.0.11:8080', { slot: 1 })] },
};

export const catalogueCases: readonly Case[] = [
  {
    name: '8305-2 without a usable uplink, and none to be tried, every new flow is refused at once with 3/1',
    plan: ALL_DOWN,
    run: (bed) => {
      const packets = [udp(H1, S1), echoRequest('10.0.0.11', '192.0.2.10', 7)];
      for (const packet of packets) {
        const error = icmpError('10.0.0.1', '10.0.0.11', packet, { type: 3, code: 1, dontFragment: true });
        bed.dropsWithError(LAN, packet, 'NoUplink', LAN, error);
      }
      expect(bed.mappings()).toEqual([]);
    },
  },
  {
    name: '8305-2, 4443-DU the same in IPv6, with 1/0',
    plan: ALL_DOWN,
    run: (bed) => {
      const packet = udp6('fd01:203:405:1::1234', '2001:db8:ffff::53', [40_000, 443]);
      const error = icmpError6('fd01:203:405:1::1', 'fd01:203:405:1::1234', packet, { type: 1, code: 0 });
      bed.dropsWithError(LAN, packet, 'NoUplink', LAN, error);
    },
  },
  {
    name: '8305-2 flows that lived when the last uplink died are left alone, and new ones pass when it is back',
    run: (bed) => {
      bed.send(LAN, tcp(H1, S1, 'SYN'));
      bed.plan(ALL_DOWN);
      bed.forwards(LAN, tcp(H1, S1, 'ACK'), ISP_A, tcp(WA, S1, 'ACK'));
      expect(bed.passes(LAN, tcp('10.0.0.11:5001', S1, 'SYN'))).toBe(false);
      bed.plan(twoUplinks());
      expect(bed.passes(LAN, tcp('10.0.0.11:5001', S1, 'SYN'))).toBe(true);
    },
  },
  {
    name: '8305-2 the last resort is the first uplink that may be one, not the first of all',
    plan: twoUplinks({
      a4: DOWN,
      b4: { usable: false, lastResort: true },
      a6: DOWN,
      b6: { usable: false, lastResort: true },
    }),
    run: (bed) => {
      bed.forwards(LAN, tcp(H1, S1, 'SYN'), ISP_B, tcp(WB, S1, 'SYN'));
      const syn = tcp6('fd01:203:405:1::1234', '2001:db8:ffff::53', [40_000, 443], 'SYN');
      expect(bed.send(LAN, syn).outgoing.map(({ device }) => device)).toEqual([ISP_B]);
    },
  },
  {
    name: '5508-R6 errors about a query, every 20 s, neither end its session early nor keep it',
    run: (bed) => {
      bed.send(LAN, echoRequest('10.0.0.11', '192.0.2.10', 7));
      const error = (host: string) =>
        icmpError('192.0.2.1', host, hop(echoRequest(host, '192.0.2.10', 7)), { type: 11 });
      for (const seconds of [20, 20]) {
        bed.wait(seconds);
        bed.forwards(ISP_A, error('203.0.113.2'), LAN, error('10.0.0.11'));
      }
      bed.wait(19);
      bed.forwards(ISP_A, echoReply('192.0.2.10', '203.0.113.2', 7), LAN, echoReply('192.0.2.10', '10.0.0.11', 7));
      bed.wait(1);
      bed.drops(ISP_A, error('203.0.113.2'), 'IcmpQuoteUnknown');
      bed.drops(ISP_A, echoReply('192.0.2.10', '203.0.113.2', 7), 'NoMapping');
    },
  },
  {
    name: '5508-S7.3 errors that quote a packet with a source route are not forwarded, in either direction',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      for (const options of [LOOSE_ROUTE, STRICT_ROUTE]) {
        const [out, back] = [udp(S1, H1, { options }), udp(WA, S1, { options })];
        bed.drops(LAN, icmpError('10.0.0.11', '192.0.2.10', out, { type: 3, code: 3 }), 'Ipv4SourceRouted');
        bed.drops(ISP_A, icmpError('192.0.2.1', '203.0.113.2', back, { type: 11 }), 'Ipv4SourceRouted');
      }
      bed.forwards(
        ISP_A,
        icmpError('192.0.2.1', '203.0.113.2', udp(WA, S1, { options: BROKEN }), { type: 11 }),
        LAN,
        icmpError('192.0.2.1', '10.0.0.11', udp(H1, S1, { options: BROKEN }), { type: 11 }),
      );
    },
  },
  {
    name: '7857-S7.1 a host that answers each datagram with 3/3 loses its mapping on time',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      for (let sent = 0; sent < 29; sent += 1) {
        bed.wait(10);
        bed.forwards(ISP_A, udp(S1, WA), LAN, udp(S1, H1));
        expect(bed.passes(LAN, icmpError('10.0.0.11', '192.0.2.10', udp(S1, H1), { type: 3, code: 3 }))).toBe(true);
      }
      bed.wait(10);
      bed.drops(ISP_A, udp(S1, WA), 'NoMapping');
    },
  },
  {
    name: '7857-S7 what filtering refuses prolongs nothing, for UDP and for TCP',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      bed.send(LAN, tcp(H1, S1, 'SYN'));
      for (let minute = 1; minute <= 3; minute += 1) {
        bed.wait(60);
        bed.drops(ISP_A, udp(S2, WA), 'FilteredInbound');
        bed.drops(ISP_A, tcp(S2, WA, 'SYN'), 'FilteredInbound');
      }
      bed.wait(60);
      bed.drops(ISP_A, tcp(S1, WA, 'SYN,ACK'), 'NoMapping');
      bed.wait(59.9);
      bed.forwards(ISP_A, udp(S1, WA), LAN, udp(S1, H1));
      bed.wait(0.1);
      bed.drops(ISP_A, udp(S1, WA), 'NoMapping');
    },
  },
  ...TRANSPORTS.map(
    ({ name, open }): Case => ({
      name: `7857-S4, 6888-R11a ${name}: a host whose address has no port left gets none of another address`,
      plan: twoUplinks({ a4: { pool: ['203.0.113.2', '203.0.113.9'].map(ipv4), portLow: 2000, portHigh: 2000 } }),
      run: (bed) => {
        bed.send(LAN, open('10.0.0.11:2000', S1));
        const packet = open('10.0.0.11:2001', S1);
        const error = icmpError('10.0.0.1', '10.0.0.11', packet, { type: 3, code: 1, dontFragment: true });
        bed.dropsWithError(LAN, packet, 'PortPoolExhausted', LAN, error);
        const others = Array.from({ length: 20 }, (_, index) => open(`10.0.0.${12 + index}:2000`, S1));
        expect(
          others.filter((other) => bed.passes(LAN, other)),
          'the other address has one',
        ).toHaveLength(1);
      },
    }),
  ),
  ...[
    { what: 'choose different ports', pool: ['203.0.113.2'] },
    { what: 'pair hosts with other addresses', pool: ['203.0.113.2', '203.0.113.9', '203.0.113.10', '203.0.113.11'] },
  ].map(
    ({ what, pool }): Case => ({
      name: `6056-5 two boots with the same traffic ${what}`,
      plan: twoUplinks({ a4: { pool: pool.map(ipv4) } }),
      run: (bed) => {
        const externals = () => {
          for (let host = 1; host < 65; host += 1) bed.send(LAN, udp(`10.0.9.${host}:5000`, S1));
          const part = pool.length === 1 ? 1 : 0;
          return bed.mappings().map(({ internal, external }) => `${internal} ${external.split(':')[part]}`);
        };
        const first = externals();
        bed.restart();
        expect(externals().toSorted(), 'the secret decides, and nothing else').toEqual(first.toSorted());
        bed.restart(undefined, [], { secret: new Uint8Array(16).fill(0xa5) });
        const second = new Set(externals());
        // One port of 64 is preserved; of four addresses a quarter is the same by chance.
        expect(first.filter((row) => second.has(row)).length).toBeLessThan(pool.length === 1 ? 4 : 32);
      },
    }),
  ),
  {
    name: '2827-1, OTHER-1 what leaves an uplink has an address of that uplink as source, before and after a failover',
    run: (bed) => {
      const capture = new Capture(bed);
      everyday(capture);
      expect(capture.sourcesOn(ISP_A)).toEqual(['203.0.113.2']);
      bed.plan(twoUplinks({ a4: { usable: false } }));
      everyday(capture);
      bed.plan(twoUplinks({ b4: { usable: false } }));
      everyday(capture);
      bed.plan(twoUplinks({ epochA: 1, a4: { pool: [ipv4('203.0.113.2')] } }));
      everyday(capture);
      expect([capture.sourcesOn(ISP_A), capture.sourcesOn(ISP_B)]).toEqual([['203.0.113.2'], ['198.51.100.2']]);
    },
  },
  {
    name: 'MWAN-4 a connection to a server that is published at B is answered through B, though A is preferred',
    plan: twoUplinks(PUBLISHED),
    run: (bed) => {
      const [client, external, internal] = ['192.0.2.10:40000', '198.51.100.2:80', '10.0.0.11:8080'];
      bed.forwards(ISP_B, tcp(client, external, 'SYN'), LAN, tcp(client, internal, 'SYN'));
      bed.forwards(LAN, tcp(internal, client, 'SYN,ACK'), ISP_B, tcp(external, client, 'SYN,ACK'));
      bed.forwards(ISP_B, tcp(client, external, 'ACK'), LAN, tcp(client, internal, 'ACK'));
      bed.drops(ISP_A, tcp(client, '203.0.113.2:80', 'SYN'), 'NoMapping');
    },
  },
  {
    name: '5508-R5 a published server that refuses a datagram is heard, with its external address in the quote',
    plan: twoUplinks({ nat44: { staticMappings: [staticPorts(17, '203.0.113.2:53', '10.0.0.11:5353')] } }),
    run: (bed) => {
      bed.forwards(ISP_A, udp(S2, '203.0.113.2:53'), LAN, udp(S2, '10.0.0.11:5353'));
      bed.forwards(
        LAN,
        icmpError('10.0.0.11', '192.0.2.20', udp(S2, '10.0.0.11:5353'), { type: 3, code: 3 }),
        ISP_A,
        icmpError('203.0.113.2', '192.0.2.20', udp(S2, '203.0.113.2:53'), { type: 3, code: 3 }),
      );
    },
  },
  ...[2 ** 20, -(2 ** 20)].map(
    (distance): Case => ({
      name: `5382-sec2, 7857-S2.2 a reset ${distance} beside the window is passed on, and starts no timer: data passes after five minutes`,
      run: (bed) => {
        const own = { sequence: 1001, acknowledgement: 3_000_000_001, window: 65_535 };
        const due = { sequence: 3_000_000_001, acknowledgement: 1001, window: 65_535 };
        bed.send(LAN, tcp(H1, S1, 'SYN', { sequence: 1000 }));
        bed.send(ISP_A, tcp(S1, WA, 'SYN,ACK', { sequence: 3_000_000_000, acknowledgement: 1001 }));
        bed.send(LAN, tcp(H1, S1, 'ACK', own));
        const wild = { sequence: 3_000_000_001 + distance };
        bed.forwards(ISP_A, tcp(S1, WA, 'RST', wild), LAN, tcp(S1, H1, 'RST', wild));
        expect(bed.sessions().map(({ tcpState }) => tcpState)).toEqual(['ESTABLISHED']);
        bed.wait(300);
        bed.forwards(ISP_A, tcp(S1, WA, 'PSH,ACK', due), LAN, tcp(S1, H1, 'PSH,ACK', due));
        bed.forwards(ISP_A, tcp(S1, WA, 'RST', due), LAN, tcp(S1, H1, 'RST', due));
        expect(
          bed.sessions().map(({ tcpState }) => tcpState),
          'one within it does',
        ).toEqual(['TRANS']);
      },
    }),
  ),
];
