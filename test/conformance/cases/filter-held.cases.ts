/** Calls through the IPv6 filter that nobody has asked for: what is held of them, and what becomes of it (RFC 6092). */
import { expect } from 'vitest';
import { filtered, H1, H1_A, H1_B, H2_A, published6, Q6, R6 } from '../../support/filtered-plan.ts';
import { fragmentHeader, icmpError6, type Tcp6Fields, tcp6 } from '../../support/packet-builder-ipv6.ts';
import { ISP_A, ISP_B, LAN, twoUplinks } from '../../support/plans.ts';
import type { ExpectedPacket } from '../../support/translator-bed.ts';
import { dccp6, sctp6 } from '../../support/transports-ipv6.ts';
import type { Case } from '../case.ts';
import { reaches, sends } from './filter.cases.ts';

const OUT = [40000, 80] as const;
const BACK = [80, 40000] as const;

const out = (flags: string) => tcp6(H1, Q6, OUT, flags);
const back = (flags: string, fields?: Tcp6Fields) => tcp6(Q6, H1_A, BACK, flags, fields);

/** 1/1 about a held packet, by uplink A. */
function prohibited(held: Uint8Array, to = Q6): ExpectedPacket {
  return { device: ISP_A, packet: icmpError6('2001:db8:a::2', to, held.slice(0, 548), { type: 1, code: 1 }) };
}

const CALLS: readonly (readonly [id: string, what: string, packet: Uint8Array, calls: boolean])[] = [
  ['6092-R34', 'a SYN', back('SYN'), true],
  ['6092-R34', 'a SYN with FIN', back('SYN,FIN'), true],
  ['6092-R34', 'a SYN with RST', back('SYN,RST'), false],
  ['6092-R34', 'a SYN with ACK', back('SYN,ACK'), false],
  ['6092-R34', 'a segment of nothing', back('ACK'), false],
  ['6092-R34', 'a SYN in a whole fragment', back('SYN', { extensions: [fragmentHeader(0, false)] }), false],
  ['6092-R39', 'an INIT', sctp6(Q6, H1_A, BACK, 'INIT'), true],
  ['6092-R39', 'an INIT ACK', sctp6(Q6, H1_A, BACK, 'INIT ACK'), false],
  ['6092-R39', 'SCTP without a chunk', sctp6(Q6, H1_A, BACK, 'none'), false],
  ['6092-R43', 'a Request', dccp6(Q6, H1_A, BACK, 'Request'), true],
  ['6092-R43', 'a Listen', dccp6(Q6, H1_A, BACK, 'Listen'), true],
  ['6092-R43', 'a Sync', dccp6(Q6, H1_A, BACK, 'Sync'), true],
  ['6092-R43', 'a Response', dccp6(Q6, H1_A, BACK, 'Response'), false],
];

export const filterHeldCases: readonly Case[] = [
  ...CALLS.map(
    ([id, what, packet, calls]): Case => ({
      name: `${id} ${what} that nobody has asked for ${calls ? 'is answered with 1/1 after six seconds' : 'is refused at once where the plan says so, and not held'}`,
      plan: filtered({}, { nat44: { refuseFiltered: true } }),
      run: (bed) => {
        if (calls) bed.drops(ISP_A, packet, 'FilteredInbound');
        else bed.dropsWithError(ISP_A, packet, 'FilteredInbound', ISP_A, prohibited(packet).packet);
        bed.wait(5.9);
        bed.ticks();
        bed.wait(0.1);
        bed.ticks(...(calls ? [prohibited(packet)] : []));
      },
    }),
  ),
  {
    name: '6092-R34, 6092-R31 the host calls the same peer in time: both calls are one connection, and no error goes out',
    plan: filtered(),
    run: (bed) => {
      bed.drops(ISP_A, back('SYN'), 'FilteredInbound');
      bed.wait(3);
      sends(bed, out('SYN'));
      reaches(bed, back('SYN'));
      expect(bed.sessions().map(({ tcpState }) => tcpState)).toEqual(['ESTABLISHED']);
      bed.wait(60);
      bed.ticks();
    },
  },
  {
    name: '6092-R34 a call by the other uplink, from another port, or to another host is answered all the same',
    plan: filtered(),
    run: (bed) => {
      const calls = [tcp6(Q6, H1_A, [81, 40000], 'SYN'), tcp6(R6, H1_A, BACK, 'SYN'), tcp6(Q6, H2_A, BACK, 'SYN')];
      for (const call of calls) bed.drops(ISP_A, call, 'FilteredInbound');
      bed.drops(ISP_B, tcp6(Q6, H1_B, BACK, 'SYN'), 'FilteredInbound');
      sends(bed, out('SYN'));
      bed.wait(6);
      const errors = calls.map((call, index) => prohibited(call, index === 1 ? R6 : Q6));
      const onB = icmpError6('2001:db8:b::2', Q6, tcp6(Q6, H1_B, BACK, 'SYN'), { type: 1, code: 1 });
      bed.ticks(...errors, { device: ISP_B, packet: onB });
    },
  },
  {
    name: '6092-R34 the host opens to outsiders in time: the call that comes again is taken, and the first one forgotten',
    plan: filtered(),
    run: (bed) => {
      bed.drops(ISP_A, back('SYN'), 'FilteredInbound');
      bed.plan(filtered({ published: [published6(H1)] }));
      reaches(bed, back('SYN'));
      bed.wait(60);
      bed.ticks();
    },
  },
  {
    name: '6092-R34 no more than 548 octets of a call come back, and a second one changes nothing',
    plan: filtered(),
    run: (bed) => {
      const long = back('SYN', { payload: new Uint8Array(1000) });
      bed.drops(ISP_A, long, 'FilteredInbound');
      bed.wait(5);
      bed.drops(ISP_A, back('SYN'), 'FilteredInbound');
      bed.wait(1);
      bed.ticks(prohibited(long));
      bed.wait(60);
      bed.ticks();
    },
  },
  {
    name: '6092-R34 hairpinned calls are not held',
    plan: filtered({}, { nat44: { refuseFiltered: true } }),
    run: (bed) => {
      const call = tcp6(H1, H2_A, OUT, 'SYN');
      const error = icmpError6('fd01:203:405:1::1', H1, call, { type: 1, code: 1 });
      bed.dropsWithError(LAN, call, 'FilteredInbound', LAN, error);
      bed.wait(60);
      bed.ticks();
    },
  },
  {
    name: '6092-R34 nothing is answered when the filter is off by then, the addresses have changed, or the plan is stealthy',
    run: (bed) => {
      const later = [twoUplinks(), filtered({}, { epochA: 1 })];
      for (const plan of later) {
        bed.plan(filtered());
        bed.drops(ISP_A, back('SYN'), 'FilteredInbound');
        bed.plan(plan);
        bed.wait(6);
        bed.ticks();
      }
      bed.plan(filtered({}, { nat44: { holdMs: 0 } }));
      bed.drops(ISP_A, back('SYN'), 'FilteredInbound');
      bed.wait(6);
      bed.ticks();
    },
  },
];
