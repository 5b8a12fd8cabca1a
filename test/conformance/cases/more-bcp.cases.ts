/** Rows of the catalogue that need a story of their own: RFC 4787, 5382, 7857, 6864, 6296, and ordinary users of UDP. */
import { expect } from 'vitest';
import { echoRequest, icmpError, ipv4, tcp, udp } from '../../support/packet-builder.ts';
import { icmpError6, udp6 } from '../../support/packet-builder-ipv6.ts';
import { ISP_A, LAN, twoUplinks } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const WA = '203.0.113.2:5000';
const S1 = '192.0.2.10:53';
const S2 = '192.0.2.20:53';

/** Two hosts with one source port talk to one server, and each gets its own answer. */
function bothAnswered(bed: TranslatorBed, port: number, server: string): void {
  const hosts = [`10.0.0.11:${port}`, `10.0.0.12:${port}`];
  for (const host of hosts) bed.send(LAN, udp(host, server));
  const externals = hosts.map((host) => bed.externalOf('udp', host));
  expect(externals[0]).toBe(`203.0.113.2:${port}`);
  expect(new Set(externals).size).toBe(2);
  bed.wait(119);
  for (const [index, host] of hosts.entries()) {
    bed.forwards(ISP_A, udp(server, externals[index] ?? ''), LAN, udp(server, host));
  }
}

export const moreBcpCases: readonly Case[] = [
  {
    name: '4787-R11 filtering is the same for all hosts with one source port, at 95 % use of the pool',
    plan: twoUplinks({ a4: { portLow: 2000, portHigh: 2019 } }),
    run: (bed) => {
      const hosts = Array.from({ length: 19 }, (_, index) => `10.0.0.${11 + index}:5000`);
      for (const host of hosts) bed.send(LAN, udp(host, S1));
      for (const host of hosts) {
        const external = bed.externalOf('udp', host);
        bed.forwards(ISP_A, udp('192.0.2.10:9', external), LAN, udp('192.0.2.10:9', host));
        bed.drops(ISP_A, udp(S2, external), 'FilteredInbound');
      }
    },
  },
  {
    name: '4787-R12, 5382-R10 no ICMP message, of whatever type and code, ends a mapping',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      const codes = Array.from({ length: 16 }, (_, code) => ({ type: 3, code }));
      const others = [4, 5, 11, 12].map((type) => ({ type, code: 0 }));
      for (const message of [...codes, ...others]) {
        bed.send(ISP_A, icmpError('192.0.2.1', '203.0.113.2', udp(WA, S1), message));
        bed.wait(0.1);
        bed.forwards(ISP_A, udp(S1, WA), LAN, udp(S1, H1));
      }
    },
  },
  {
    name: '5382-R2 a connection opened from outside passes too, with crossing FINs and old duplicates',
    plan: twoUplinks({ nat44: { filteringTcp: 'endpoint-independent' } }),
    run: (bed) => {
      bed.send(LAN, tcp(H1, S1, 'SYN'));
      const opening = ['<SYN', '>SYN,ACK', '<ACK', '>PSH,ACK'];
      const closing = ['>FIN,ACK', '<FIN,ACK', '>ACK', '<ACK', '<PSH,ACK'];
      for (const segment of [...opening, ...closing]) {
        const flags = segment.slice(1);
        if (segment.startsWith('>')) bed.forwards(LAN, tcp(H1, S2, flags), ISP_A, tcp(WA, S2, flags));
        else bed.forwards(ISP_A, tcp(S2, WA, flags), LAN, tcp(S2, H1, flags));
      }
    },
  },
  {
    name: '6888-R2, 4787-R2 a host has one address of the pool for UDP, TCP and queries together',
    plan: twoUplinks({ a4: { pool: ['203.0.113.2', '203.0.113.9', '203.0.113.10', '203.0.113.11'].map(ipv4) } }),
    run: (bed) => {
      for (let host = 11; host < 27; host += 1) {
        bed.send(LAN, udp(`10.0.0.${host}:4000`, S1));
        bed.send(LAN, tcp(`10.0.0.${host}:4001`, S1, 'SYN'));
        bed.send(LAN, echoRequest(`10.0.0.${host}`, '192.0.2.10', 4002));
        const rows = bed.mappings().filter(({ internal }) => internal.startsWith(`10.0.0.${host}:`));
        expect(rows.map(({ protocol }) => protocol).toSorted()).toEqual(['icmp', 'tcp', 'udp']);
        expect(new Set(rows.map(({ external }) => external.split(':')[0])).size).toBe(1);
      }
      expect(new Set(bed.mappings().map(({ external }) => external.split(':')[0])).size, 'all are used').toBe(4);
    },
  },
  {
    name: '7857-S4 a host whose address has no port left is refused, though another address has',
    plan: twoUplinks({
      a4: { pool: ['203.0.113.2', '203.0.113.9'].map(ipv4), portLow: 2000, portHigh: 2000 },
    }),
    run: (bed) => {
      const addressOf = (from: string) => bed.externalOf('udp', from).split(':')[0];
      bed.send(LAN, udp('10.0.0.11:2000', S1));
      const packet = udp('10.0.0.11:2001', S1);
      const error = icmpError('10.0.0.1', '10.0.0.11', packet, { type: 3, code: 1, dontFragment: true });
      bed.dropsWithError(LAN, packet, 'PortPoolExhausted', LAN, error);
      const others = Array.from({ length: 20 }, (_, index) => `10.0.0.${12 + index}:2000`);
      const admitted = others.filter((from) => bed.send(LAN, udp(from, S1)).verdict === 'Forward');
      expect(admitted, 'the one port of the other address').toHaveLength(1);
      expect(addressOf(admitted[0] ?? '')).not.toBe(addressOf('10.0.0.11:2000'));
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
  {
    name: '6864-4.1 atomic datagrams with one identification are two datagrams, and keep it',
    run: (bed) => {
      for (let sent = 0; sent < 2; sent += 1) {
        const fields = { id: 0x1234, dontFragment: true };
        bed.forwards(LAN, udp(H1, S1, fields), ISP_A, udp(WA, S1, fields));
      }
    },
  },
  ...[
    { name: 'ESP-2 two IKE clients behind one address, on port 500', port: 500, server: '192.0.2.10:500' },
    { name: 'ESP-2 two IPsec clients in UDP, on port 4500', port: 4500, server: '192.0.2.10:4500' },
    { name: 'SCTP-2 SCTP in UDP, on port 9899', port: 9899, server: '192.0.2.10:9899' },
  ].map(
    ({ name, port, server }): Case => ({
      name: `${name}: both are answered, also after 119 s`,
      run: (bed) => bothAnswered(bed, port, server),
    }),
  ),
  {
    name: '6296-ROUT5 what comes for an unused subnet of the site is refused once and does not go back out',
    run: (bed) => {
      const packet = udp6('2001:db8:ffff::53', '2001:db8:1:d55e::1', [53, 40_000]);
      const error = icmpError6('2001:db8:a::2', '2001:db8:ffff::53', packet, { type: 1, code: 0 });
      bed.dropsWithError(ISP_A, packet, 'NoRoute', ISP_A, error);
    },
  },
];
