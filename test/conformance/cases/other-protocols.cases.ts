/** Section 10 of the catalogue but DCCP: protocols that are translated by address alone, or as their own kind of UDP. */
import { expect } from 'vitest';
import { icmpError, ip4, text, udp } from '../../support/packet-builder.ts';
import { ISP_A, LAN, twoUplinks } from '../../support/plans.ts';
import {
  ah,
  ESP,
  EXPERIMENT,
  esp,
  GRE,
  gre,
  SCTP,
  sctp,
  sctpChecksumIsRight,
  sctpChunk,
} from '../../support/portless-builder.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import { UDP_LITE, udpLite } from '../../support/udp-lite-builder.ts';
import type { Case } from '../case.ts';

const [H1, H2, WA, S1, S2] = ['10.0.0.11', '10.0.0.12', '203.0.113.2', '192.0.2.10', '192.0.2.20'];
const REFUSING = twoUplinks({ nat44: { otherProtocols: false } });

interface Portless {
  readonly id: string;
  readonly name: string;
  readonly packet: (from: string, to: string, about?: number) => Uint8Array;
}

const PORTLESS: readonly Portless[] = [
  { id: 'OTHER-2', name: 'protocol 253', packet: (from, to) => ip4(from, to, EXPERIMENT, text('experiment')) },
  { id: 'ESP-1, OTHER-2', name: 'ESP', packet: (from, to, spi = 0x1001) => esp(from, to, spi) },
  { id: 'GRE-1, OTHER-2', name: 'GRE', packet: (from, to, call = 9) => gre(from, to, call) },
  { id: 'SCTP-1, OTHER-2', name: 'SCTP', packet: (from, to, port = 5000) => sctp(from, to, [port, 80]) },
];

const unreachable = (packet: Uint8Array, host: string, code: number): Uint8Array =>
  icmpError('10.0.0.1', host, packet, { type: 3, code, dontFragment: true });

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

export const otherProtocolCases: readonly Case[] = [
  ...PORTLESS.flatMap(({ id, name, packet }): readonly Case[] => [
    {
      name: `${id} ${name}: replies of a remote host reach the one internal host that has sent to it`,
      run: (bed) => {
        bed.forwards(LAN, packet(H1, S1), ISP_A, packet(WA, S1));
        bed.forwards(ISP_A, packet(S1, WA), LAN, packet(S1, H1));
        expect(bed.sessions().map(({ internal, remote }) => [internal, remote])).toEqual([[`${H1}:0`, `${S1}:0`]]);
      },
    },
    {
      name: `${id} ${name}: a second host to the same remote is refused with 3/1, and the first goes on`,
      run: (bed) => {
        bed.forwards(LAN, packet(H1, S1, 1), ISP_A, packet(WA, S1, 1));
        const second = packet(H2, S1, 2);
        bed.dropsWithError(LAN, second, 'RemoteInUse', LAN, unreachable(second, H2, 1));
        bed.forwards(ISP_A, packet(S1, WA, 2), LAN, packet(S1, H1, 2));
        bed.forwards(LAN, packet(H2, S2), ISP_A, packet(WA, S2));
        bed.forwards(ISP_A, packet(S2, WA), LAN, packet(S2, H2));
        bed.forwards(LAN, packet(H1, S1, 3), ISP_A, packet(WA, S1, 3));
      },
    },
    {
      name: `${id} ${name}: unasked from outside it has no mapping, and after 300 s without a packet from inside neither`,
      plan: twoUplinks({ nat44: { udpMs: 120_000, otherMs: 300_000 } }),
      run: (bed) => {
        bed.drops(ISP_A, packet(S1, WA), 'NoMapping');
        bed.send(LAN, packet(H1, S1));
        bed.drops(ISP_A, packet(S2, WA), 'NoMapping');
        bed.wait(299);
        bed.forwards(ISP_A, packet(S1, WA), LAN, packet(S1, H1));
        bed.wait(1);
        bed.drops(ISP_A, packet(S1, WA), 'NoMapping');
        bed.forwards(LAN, packet(H2, S1), ISP_A, packet(WA, S1));
      },
    },
    {
      name: `${id} ${name}: a hundred hosts share one external address, each with a remote of its own`,
      run: (bed) => {
        for (let host = 101; host <= 200; host += 1) {
          const [from, to] = [`10.0.0.${host}`, `192.0.2.${host}`];
          bed.forwards(LAN, packet(from, to), ISP_A, packet(WA, to));
        }
        for (let host = 101; host <= 200; host += 1) {
          const [from, to] = [`10.0.0.${host}`, `192.0.2.${host}`];
          bed.forwards(ISP_A, packet(to, WA), LAN, packet(to, from));
        }
      },
    },
    {
      name: `OTHER-1 ${name} with \`other: drop\`: nothing leaks, and the host is told that the protocol is not known`,
      plan: REFUSING,
      run: (bed) => {
        const sent = packet(H1, S1);
        bed.dropsWithError(LAN, sent, 'UnsupportedProtocol', LAN, unreachable(sent, H1, 2));
        bed.drops(ISP_A, packet(S1, WA), 'UnsupportedProtocol');
      },
    },
    {
      name: `6888-R1, 4787-R12, 5508-R4 ${name}: errors about it reach the host, in its own words, and end nothing`,
      run: (bed) => {
        bed.send(LAN, packet(H1, S1));
        bed.forwards(
          ISP_A,
          icmpError('192.0.2.1', WA, packet(WA, S1), { type: 3, code: 4, word: 1300 }),
          LAN,
          icmpError('192.0.2.1', H1, packet(H1, S1), { type: 3, code: 4, word: 1300 }),
        );
        bed.drops(ISP_A, icmpError('192.0.2.1', WA, packet(WA, S2), { type: 11 }), 'IcmpQuoteUnknown');
        bed.forwards(ISP_A, packet(S1, WA), LAN, packet(S1, H1));
      },
    },
  ]),
  {
    name: 'AH-1 an authentication header does not survive translation: refused both ways, with 3/2 towards the site',
    run: (bed) => {
      const sent = ah(H1, S1, 7);
      bed.dropsWithError(LAN, sent, 'UnsupportedProtocol', LAN, unreachable(sent, H1, 2));
      bed.drops(ISP_A, ah(S1, WA, 7), 'UnsupportedProtocol');
    },
  },
  {
    name: 'ESP-1 two security associations of one pair of hosts are one session',
    run: (bed) => {
      for (const spi of [0x1001, 0xffff_fff0]) bed.forwards(LAN, esp(H1, S1, spi), ISP_A, esp(WA, S1, spi));
      bed.forwards(ISP_A, esp(S1, WA, 0x7777), LAN, esp(S1, H1, 0x7777));
      expect(bed.sessions().map(({ protocol }) => protocol)).toEqual(['esp']);
    },
  },
  {
    name: 'SCTP-1 the packets of an association keep ports, tags and a right CRC32c',
    run: (bed) => {
      const dialogue = [
        { isOut: true, fields: {} },
        { isOut: false, fields: { verificationTag: 0x1234_5678, chunks: sctpChunk(2, new Uint8Array(20).fill(3)) } },
        { isOut: true, fields: { verificationTag: 9, chunks: sctpChunk(10, text('cookie')) } },
        { isOut: false, fields: { verificationTag: 0x1234_5678, chunks: sctpChunk(11, new Uint8Array()) } },
        { isOut: true, fields: { verificationTag: 9, chunks: sctpChunk(0, text('eight octets and data')) } },
      ];
      for (const { isOut, fields } of dialogue) {
        const [device, packet] = isOut
          ? [LAN, sctp(H1, S1, [5000, 80], fields)]
          : [ISP_A, sctp(S1, WA, [80, 5000], fields)];
        const left = bed.send(device, packet).outgoing[0]?.octets ?? new Uint8Array(40);
        expect(sctpChecksumIsRight(left)).toBe(true);
        expect(left.slice(20)).toEqual(packet.slice(20));
      }
    },
  },
  {
    name: 'OTHER-2, 7857-S5 protocols are apart: one host has ESP, another GRE, a third SCTP with one remote host',
    run: (bed) => {
      bed.forwards(LAN, esp(H1, S1, 1), ISP_A, esp(WA, S1, 1));
      bed.forwards(LAN, gre(H2, S1, 1), ISP_A, gre(WA, S1, 1));
      bed.forwards(LAN, sctp('10.0.0.13', S1, [1, 2]), ISP_A, sctp(WA, S1, [1, 2]));
      for (const [protocol, host] of [
        [ESP, H1],
        [GRE, H2],
        [SCTP, '10.0.0.13'],
      ] as const) {
        const reply = (to: string) => ip4(S1, to, protocol, new Uint8Array(24));
        bed.forwards(ISP_A, reply(WA), LAN, reply(host));
      }
    },
  },
  ...[0, 8, 9, 10, 13].map(
    (coverage): Case => ({
      name: `UDPL-1 UDP-Lite with coverage ${coverage}: the checksum is right over what it covers, both ways`,
      run: (bed) => {
        const fields = { coverage };
        const [host, external, server] = [`${H1}:5000`, `${WA}:5000`, `${S1}:53`];
        bed.forwards(LAN, udpLite(host, server, fields), ISP_A, udpLite(external, server, fields));
        bed.forwards(ISP_A, udpLite(server, external, fields), LAN, udpLite(server, host, fields));
      },
    }),
  ),
  {
    name: 'UDPL-1 UDP-Lite is no UDP: a mapping of one is none for the other, and both may have the port',
    run: (bed) => {
      bed.send(LAN, udp(`${H1}:5000`, `${S1}:53`));
      bed.drops(ISP_A, udpLite(`${S1}:53`, `${WA}:5000`), 'NoMapping');
      bed.forwards(LAN, udpLite(`${H2}:5000`, `${S1}:53`), ISP_A, udpLite(`${WA}:5000`, `${S1}:53`));
      bed.forwards(ISP_A, udp(`${S1}:53`, `${WA}:5000`), LAN, udp(`${S1}:53`, `${H1}:5000`));
      bed.forwards(ISP_A, udpLite(`${S1}:53`, `${WA}:5000`), LAN, udpLite(`${S1}:53`, `${H2}:5000`));
    },
  },
  {
    name: 'UDPL-1 a UDP-Lite datagram without a checksum, or that covers no header or more than there is, is none',
    run: (bed) => {
      const [host, server] = [`${H1}:5000`, `${S1}:53`];
      for (const fields of [{ checksum: 0 }, { coverage: 7 }, { coverage: 14 }]) {
        bed.drops(LAN, udpLite(host, server, fields), 'TransportInvalid');
      }
      bed.drops(LAN, ip4(H1, S1, UDP_LITE, new Uint8Array(7)), 'TransportInvalid');
    },
  },
  {
    name: 'UDPL-1, 4787-R5 a UDP-Lite mapping lives as long as one of UDP, by packets from inside',
    plan: twoUplinks({ nat44: { udpMs: 300_000, otherMs: 120_000 } }),
    run: (bed) => {
      const [host, external, server] = [`${H1}:5000`, `${WA}:5000`, `${S1}:53`];
      bed.send(LAN, udpLite(host, server));
      bed.wait(299.9);
      bed.forwards(ISP_A, udpLite(server, external), LAN, udpLite(server, host));
      bed.wait(0.1);
      bed.drops(ISP_A, udpLite(server, external), 'NoMapping');
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
];
