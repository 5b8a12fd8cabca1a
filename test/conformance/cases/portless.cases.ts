/** Protocols without ports on the way of a packet: shared addresses, fragments, hairpins, uplinks, quotes (OTHER-2). */
import { expect } from 'vitest';
import { fragmentsOf } from '../../support/fragment-builder.ts';
import { echoRequest, hop, icmpError, ip4, text } from '../../support/packet-builder.ts';
import { ISP_A, ISP_B, LAN, prefix4, twoUplinks } from '../../support/plans.ts';
import { ah, EXPERIMENT, esp, gre, sctp } from '../../support/portless-builder.ts';
import type { Case } from '../case.ts';

const [H1, H2, WA, WB, S1, S2] = ['10.0.0.11', '10.0.0.12', '203.0.113.2', '198.51.100.2', '192.0.2.10', '192.0.2.20'];
const REFUSING = twoUplinks({ nat44: { otherProtocols: false } });

/** A packet of a protocol that nobody knows. */
const other = (from: string, to: string, payload = text('experiment')): Uint8Array =>
  ip4(from, to, EXPERIMENT, payload);

const unreachable = (packet: Uint8Array, host: string, code: number): Uint8Array =>
  icmpError('10.0.0.1', host, packet, { type: 3, code, dontFragment: true });

const tables: readonly Case[] = [
  {
    name: 'OTHER-2 several hosts share the external address, and rows show no ports',
    run: (bed) => {
      bed.forwards(LAN, other(H1, S1), ISP_A, other(WA, S1));
      bed.forwards(LAN, other(H2, S2), ISP_A, other(WA, S2));
      bed.forwards(ISP_A, other(S1, WA), LAN, other(S1, H1));
      bed.forwards(ISP_A, other(S2, WA), LAN, other(S2, H2));
      expect(bed.mappings().toSorted((a, b) => a.internal.localeCompare(b.internal))).toEqual([
        { protocol: 'ip-253', internal: `${H1}:0`, external: `${WA}:0`, uplinkSlot: 0, sessions: 1 },
        { protocol: 'ip-253', internal: `${H2}:0`, external: `${WA}:0`, uplinkSlot: 0, sessions: 1 },
      ]);
    },
  },
  {
    name: 'OTHER-2, 7857-S5 protocols have sessions of their own, by their numbers',
    run: (bed) => {
      bed.send(LAN, gre(H1, S1, 1));
      bed.send(LAN, esp(H1, S1, 1));
      bed.send(LAN, sctp(H1, S1, [1, 2]));
      bed.send(LAN, ip4(H1, S1, 0, text('no protocol')));
      bed.send(LAN, ip4(H1, S1, 41, text('IPv6 in IPv4')));
      const names = bed.sessions().map(({ protocol }) => protocol);
      expect(names.toSorted()).toEqual(['esp', 'gre', 'ip-0', 'ip-41', 'sctp']);
      bed.drops(ISP_A, ip4(S1, WA, 42, text('another')), 'NoMapping');
    },
  },
  {
    name: 'OTHER-2, 4787-R6 only packets from inside prolong a session, by the time for other protocols',
    plan: twoUplinks({ nat44: { otherMs: 60_000 } }),
    run: (bed) => {
      bed.send(LAN, other(H1, S1));
      bed.wait(59);
      bed.forwards(LAN, other(H1, S1), ISP_A, other(WA, S1));
      bed.wait(59);
      bed.forwards(ISP_A, other(S1, WA), LAN, other(S1, H1));
      expect(bed.sessions()[0]?.expiresInMs).toBe(1000);
      bed.wait(1);
      bed.drops(ISP_A, other(S1, WA), 'NoMapping');
    },
  },
  {
    name: 'OTHER-2, 6888-R8 without a port there is nothing to rest: an ended mapping holds no room',
    options: { mappingsMax: 1 },
    run: (bed) => {
      bed.send(LAN, other(H1, S1));
      const refused = other(H2, S2);
      bed.dropsWithError(LAN, refused, 'MappingTableFull', LAN, unreachable(refused, H2, 1));
      bed.wait(300);
      bed.forwards(LAN, other(H2, S2), ISP_A, other(WA, S2));
    },
  },
  {
    name: 'OTHER-2 after an end another host may speak to the remote one',
    run: (bed) => {
      bed.send(LAN, other(H1, S1));
      bed.wait(300);
      bed.forwards(LAN, other(H2, S1), ISP_A, other(WA, S1));
      bed.forwards(ISP_A, other(S1, WA), LAN, other(S1, H2));
    },
  },
  {
    name: '6888-R11a a full session table refuses portless flows too',
    options: { sessionsMax: 1 },
    run: (bed) => {
      bed.send(LAN, other(H1, S1));
      const refused = other(H1, S2);
      bed.dropsWithError(LAN, refused, 'SessionTableFull', LAN, unreachable(refused, H1, 1));
    },
  },
];

const ways: readonly Case[] = [
  {
    name: 'OTHER-2, 4787-R14 in fragments: the first one has no header that matters, the others follow it',
    run: (bed) => {
      const payload = new Uint8Array(2500).fill(9);
      const [sent, expected] = [
        fragmentsOf(other(H1, S1, payload), 7, 1000),
        fragmentsOf(other(WA, S1, payload), 7, 1000),
      ];
      for (const [index, fragment] of sent.entries()) {
        const left = bed.send(LAN, fragment).outgoing.map(({ octets }) => octets.slice(12));
        expect(left).toEqual([hop(expected[index] ?? new Uint8Array(20)).slice(12)]);
      }
      for (const fragment of fragmentsOf(other(S2, WA, payload), 8, 1000).toReversed()) {
        expect(bed.send(ISP_A, fragment).outgoing).toEqual([]);
      }
    },
  },
  {
    name: 'OTHER-2 an empty packet has a flow as well',
    run: (bed) => {
      const nothing = new Uint8Array();
      bed.forwards(LAN, other(H1, S1, nothing), ISP_A, other(WA, S1, nothing));
      bed.forwards(ISP_A, other(S1, WA, nothing), LAN, other(S1, H1, nothing));
    },
  },
  {
    name: 'OTHER-2, 4787-R9 at the external address a host meets itself, and no other one',
    run: (bed) => {
      bed.send(LAN, other(H1, S1));
      bed.forwards(LAN, other(H2, WA), LAN, other(WA, H2));
      expect(bed.sessions().map(({ internal, remote }) => `${internal} ${remote}`)).toContain(`${H2}:0 ${WA}:0`);
      bed.forwards(ISP_A, other(S1, WA), LAN, other(S1, H1));
    },
  },
  {
    name: 'OTHER-2, MWAN-2 when its uplink fails the session goes on by the other one',
    run: (bed) => {
      bed.forwards(LAN, other(H1, S1), ISP_A, other(WA, S1));
      bed.plan(twoUplinks({ a4: { usable: false } }));
      bed.forwards(LAN, other(H1, S1), ISP_B, other(WB, S1));
      bed.drops(ISP_A, other(S1, WA), 'NoMapping');
      bed.forwards(ISP_B, other(S1, WB), LAN, other(S1, H1));
      bed.plan(twoUplinks());
      bed.forwards(LAN, other(H1, S2), ISP_B, other(WB, S2));
    },
  },
  {
    name: 'OTHER-1 where other protocols are refused, live sessions are too, and come back with the policy',
    run: (bed) => {
      bed.send(LAN, other(H1, S1));
      bed.plan(REFUSING);
      bed.dropsWithError(LAN, other(H1, S1), 'UnsupportedProtocol', LAN, unreachable(other(H1, S1), H1, 2));
      bed.drops(ISP_A, other(S1, WA), 'UnsupportedProtocol');
      bed.drops(ISP_A, icmpError(S1, WA, other(WA, S1), { type: 3 }), 'IcmpQuoteUnknown');
      bed.plan(twoUplinks());
      bed.forwards(ISP_A, other(S1, WA), LAN, other(S1, H1));
    },
  },
  {
    name: 'OTHER-1, 6888-R6 untranslated other protocols pass, and AH: without NAT44 and to exempt destinations',
    plan: twoUplinks({ a4: { nat44: false }, nat44: { otherProtocols: false } }),
    run: (bed) => {
      bed.forwards(LAN, other(H1, S1), ISP_A, other(H1, S1));
      bed.forwards(LAN, ah(H1, S1, 7), ISP_A, ah(H1, S1, 7));
      bed.forwards(ISP_A, ah(S1, H1, 7), LAN, ah(S1, H1, 7));
      bed.plan(twoUplinks({ nat44: { exempt: [prefix4('192.0.2.0/24')] } }));
      bed.forwards(LAN, ah(H1, S1, 7), ISP_A, ah(H1, S1, 7));
    },
  },
  {
    name: 'OTHER-1 a host that speaks to an external address is told 3/2 as well; fragments without a first one wait',
    plan: REFUSING,
    run: (bed) => {
      const hairpinned = other(H1, WA);
      bed.dropsWithError(LAN, hairpinned, 'UnsupportedProtocol', LAN, unreachable(hairpinned, H1, 2));
      const [first, later] = fragmentsOf(other(H1, S1, new Uint8Array(1200)), 9, 800);
      expect(bed.send(LAN, later ?? new Uint8Array()).verdict).toBe('Queued');
      const told = unreachable((first ?? new Uint8Array()).slice(0, 548), H1, 2);
      bed.dropsWithError(LAN, first ?? new Uint8Array(), 'UnsupportedProtocol', LAN, told);
      bed.drops(LAN, later ?? new Uint8Array(), 'FragmentRefused');
    },
  },
];

const quotes: readonly Case[] = [
  {
    name: '5508-R5, OTHER-2 an error of the host about a packet that came in leaves from the external address',
    run: (bed) => {
      bed.send(LAN, other(H1, S1));
      const error = (from: string, to: string) => icmpError(from, S1, other(S1, to), { type: 3, code: 2 });
      bed.forwards(LAN, error(H1, H1), ISP_A, error(WA, WA));
      bed.drops(LAN, icmpError(H1, S2, other(S2, H1), { type: 3, code: 2 }), 'IcmpQuoteUnknown');
    },
  },
  {
    name: '5508-R4, OTHER-2 an error finds the one host that has spoken to the quoted destination',
    run: (bed) => {
      bed.send(LAN, other(H1, S1));
      bed.send(LAN, other(H2, S2));
      const late = (to: string, quote: Uint8Array) => icmpError('192.0.2.1', to, quote, { type: 11 });
      bed.forwards(ISP_A, late(WA, other(WA, S2)), LAN, late(H2, other(H2, S2)));
      bed.forwards(ISP_A, late(WA, other(WA, S1)), LAN, late(H1, other(H1, S1)));
      bed.drops(ISP_A, late(WA, other(WA, '192.0.2.30')), 'IcmpQuoteUnknown');
    },
  },
  {
    name: 'AH-1 a quoted authentication header belongs to no flow, nor does a quote of seven octets',
    run: (bed) => {
      bed.send(LAN, other(H1, S1));
      bed.drops(ISP_A, icmpError(S1, WA, ah(WA, S1, 7), { type: 3 }), 'IcmpQuoteUnknown');
      bed.drops(ISP_A, icmpError(S1, WA, other(WA, S1, new Uint8Array(7)), { type: 3 }), 'IcmpQuoteInvalid');
    },
  },
  {
    name: '5508-S7.3 a source route behind a malformed option, or the end of options, is none',
    run: (bed) => {
      bed.send(LAN, echoRequest(H1, S1, 7));
      const quoted = (from: string, options: Uint8Array) => echoRequest(from, S1, 7, { options });
      const error = (to: string, quote: Uint8Array) => icmpError('192.0.2.1', to, quote, { type: 11 });
      for (const options of [Uint8Array.of(0, 131, 3, 4), Uint8Array.of(7, 1, 131, 3), Uint8Array.of(131, 5, 4, 0)]) {
        bed.forwards(ISP_A, error(WA, quoted(WA, options)), LAN, error(H1, quoted(H1, options)));
      }
      for (const options of [Uint8Array.of(1, 131, 3, 4), Uint8Array.of(137, 3, 4, 0), Uint8Array.of(131, 2, 7, 1)]) {
        bed.drops(ISP_A, error(WA, quoted(WA, options)), 'Ipv4SourceRouted');
      }
    },
  },
];

export const portlessCases: readonly Case[] = [...tables, ...ways, ...quotes];
