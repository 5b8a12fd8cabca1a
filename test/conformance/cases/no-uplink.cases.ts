/** Flows that no uplink of their policy takes: what their senders hear (RFC 8305, 1812). */
import { expect } from 'vitest';
import type { Plan, PlanPolicy } from '../../../src/plan/plan.ts';
import { FILTER6, GATEWAY, H1 as H1_6, Q6 } from '../../support/filtered-plan.ts';
import { fragmentsOf } from '../../support/fragment-builder.ts';
import { echoRequest, icmpError, tcp, text, udp } from '../../support/packet-builder.ts';
import { echoRequest6, fragmentHeader, icmpError6, ip6, tcp6, udp6 } from '../../support/packet-builder-ipv6.ts';
import { ISP_A, ISP_B, LAN, type PlanChanges, prefix4, twoUplinks } from '../../support/plans.ts';
import { esp } from '../../support/portless-builder.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import { TRANSPORTS } from '../../support/transports.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const WA = '203.0.113.2:5000';
const S1 = '192.0.2.10:7000';
const OUT = [40000, 80] as const;
const DOWN = { usable: false };
const NEVER = { usable: false, lastResort: false };

/** Both uplinks are down, though last resorts, and the policy takes none of them. */
function refusing(changes: PlanChanges = {}, policy: Partial<PlanPolicy> = {}): Plan {
  const down = { a4: DOWN, b4: DOWN, a6: DOWN, b6: DOWN };
  return twoUplinks({
    ...down,
    ...changes,
    plan: { policies: [{ prefer: [0, 1], refuse: true, ...policy }], ...changes.plan },
  });
}

function refusedBy3(bed: TranslatorBed, packet: Uint8Array, code: number): void {
  const error = icmpError('10.0.0.1', '10.0.0.11', packet, { type: 3, code, dontFragment: true });
  bed.dropsWithError(LAN, packet, 'NoUplink', LAN, error);
}

function refusedBy1(bed: TranslatorBed, packet: Uint8Array): void {
  bed.dropsWithError(LAN, packet, 'NoUplink', LAN, icmpError6(GATEWAY, H1_6, packet, { type: 1, code: 0 }));
}

/** The answer to a SYN of H1 that carries `octets` of data. */
function resetOfSyn(octets = 0): Uint8Array {
  return tcp(S1, H1, 'RST,ACK', { sequence: 0, acknowledgement: 1001 + octets, dontFragment: true });
}

function isReset(bed: TranslatorBed, packet: Uint8Array, reset: Uint8Array): void {
  bed.ends(LAN, packet, 'NoUplink', { device: LAN, packet: reset, kind: 'TcpReset' });
}

const resetOfSyn6 = tcp6(Q6, H1_6, [80, 40000], 'RST,ACK', { sequence: 0, acknowledgement: 1001 });

const ipv4Cases: readonly Case[] = [
  {
    name: '8305-2 TCP that opens is reset at once, with the sequence number after its SYN and data',
    plan: refusing(),
    run: (bed) => {
      isReset(bed, tcp(H1, S1, 'SYN'), resetOfSyn());
      isReset(bed, tcp(H1, S1, 'SYN', { payload: text('data') }), resetOfSyn(4));
      isReset(bed, tcp(H1, S1, 'SYN,ECE,CWR', { tos: 0xbb }), resetOfSyn());
      expect(bed.sessions()).toEqual([]);
    },
  },
  {
    name: '8305-2, 1812-UNREACH everything else hears 3/1, a SYN with RST too: a reset is never answered by another',
    plan: refusing(),
    run: (bed) => {
      const others = TRANSPORTS.filter(({ name }) => name !== 'tcp').map(({ open }) => open(H1, S1));
      const packets = [...others, echoRequest('10.0.0.11', '192.0.2.10', 7), esp('10.0.0.11', '192.0.2.10', 1)];
      for (const packet of [...packets, tcp(H1, S1, 'SYN,RST')]) refusedBy3(bed, packet, 1);
      bed.drops(LAN, tcp(H1, S1, 'RST'), 'TcpWithoutSession');
    },
  },
  {
    name: '1812-UNREACH no uplink of the policy carries IPv4: 3/0, though another uplink does',
    plan: withoutIpv4OnB(refusing({}, { prefer: [1] })),
    run: (bed) => {
      refusedBy3(bed, udp(H1, S1), 0);
      isReset(bed, tcp(H1, S1, 'SYN'), resetOfSyn());
    },
  },
  {
    name: '8305-2 the same without a last resort, and where all uplinks are shunned',
    run: (bed) => {
      const plans = [
        twoUplinks({ a4: NEVER, b4: NEVER }),
        twoUplinks({
          a4: { lastResort: false },
          b4: { lastResort: false },
          plan: { policies: [{ prefer: [0, 1], shun4: [1, 0] }] },
        }),
      ];
      for (const plan of plans) {
        bed.plan(plan);
        isReset(bed, tcp(H1, S1, 'SYN'), resetOfSyn());
        refusedBy3(bed, udp(H1, S1), 1);
      }
    },
  },
  {
    name: '8305-2 the same to an exempt destination',
    plan: refusing({ nat44: { exempt: [prefix4('192.0.2.0/24')] } }),
    run: (bed) => {
      isReset(bed, tcp(H1, S1, 'SYN'), resetOfSyn());
      refusedBy3(bed, udp(H1, S1), 1);
      refusedBy3(bed, tcp(H1, S1, 'ACK'), 1);
    },
  },
  {
    name: '1812-RATE these resets have the limit of all resets',
    plan: refusing({ plan: { errorRate: { perSecond: 1, burst: 1 } } }),
    run: (bed) => {
      isReset(bed, tcp(H1, S1, 'SYN'), resetOfSyn());
      bed.drops(LAN, tcp(H1, S1, 'SYN'), 'NoUplink');
      refusedBy3(bed, udp(H1, S1), 1);
    },
  },
  {
    name: '8305-2 of a SYN in fragments the first one is answered, the others go nowhere',
    plan: refusing(),
    run: (bed) => {
      const [first, later] = fragmentsOf(
        tcp(H1, S1, 'SYN', { payload: new Uint8Array(100), dontFragment: false }),
        7,
        64,
      );
      isReset(bed, first ?? new Uint8Array(), resetOfSyn(64 - 20));
      bed.drops(LAN, later ?? new Uint8Array(), 'FragmentRefused');
    },
  },
  {
    name: '8305-2 the last resort is asked first, and flows go when an uplink is back',
    plan: twoUplinks({ a4: DOWN, b4: DOWN }),
    run: (bed) => {
      bed.forwards(LAN, tcp(H1, S1, 'SYN'), ISP_A, tcp(WA, S1, 'SYN'));
      bed.plan(refusing());
      isReset(bed, tcp('10.0.0.11:5001', S1, 'SYN'), tcp(S1, '10.0.0.11:5001', 'RST,ACK', RESET_FIELDS));
      bed.plan(refusing({ b4: {} }));
      expect(bed.send(LAN, tcp('10.0.0.11:5001', S1, 'SYN')).outgoing.map(({ device }) => device)).toEqual([ISP_B]);
    },
  },
];

const ipv6Cases: readonly Case[] = [
  ...[false, true].map(
    (isFiltered): Case => ({
      name: `8305-2, 4443-DU IPv6 ${isFiltered ? 'with' : 'without'} the filter: TCP that opens is reset, all else hears 1/0`,
      plan: refusing(isFiltered ? { plan: { filter6: FILTER6 } } : {}),
      run: (bed) => {
        isReset(bed, tcp6(H1_6, Q6, OUT, 'SYN'), resetOfSyn6);
        const packets = [udp6(H1_6, Q6, OUT), echoRequest6(H1_6, Q6, 7), ip6(H1_6, Q6, 50, text('esp'))];
        for (const packet of packets) refusedBy1(bed, packet);
      },
    }),
  ),
  {
    name: '8305-2, 4443-DU without the filter a segment that opens nothing, and one cut short, hear 1/0 too',
    plan: refusing(),
    run: (bed) => {
      for (const flags of ['ACK', 'SYN,ACK', 'SYN,RST', 'RST']) refusedBy1(bed, tcp6(H1_6, Q6, OUT, flags));
      const cut = tcp6(H1_6, Q6, OUT, 'SYN').slice(40, 58);
      refusedBy1(bed, ip6(H1_6, Q6, 6, cut));
    },
  },
  {
    name: '8305-2, 4443-2.4e nothing hears of a later fragment, though its octets look like a SYN',
    plan: refusing(),
    run: (bed) => {
      const tail = ip6(H1_6, Q6, 6, tcp6(H1_6, Q6, OUT, 'SYN').slice(40), { extensions: [fragmentHeader(64, false)] });
      bed.drops(LAN, tail, 'NoUplink');
    },
  },
  {
    name: '8305-2 each family by itself: IPv4 goes where IPv6 is refused',
    plan: refusing({ a4: {} }),
    run: (bed) => {
      bed.forwards(LAN, tcp(H1, S1, 'SYN'), ISP_A, tcp(WA, S1, 'SYN'));
      isReset(bed, tcp6(H1_6, Q6, OUT, 'SYN'), resetOfSyn6);
    },
  },
];

const RESET_FIELDS = { sequence: 0, acknowledgement: 1001, dontFragment: true };

function withoutIpv4OnB(plan: Plan): Plan {
  const uplinks = plan.uplinks.map(({ ipv4, ...uplink }) =>
    uplink.slot === 1 || !ipv4 ? uplink : { ...uplink, ipv4 },
  );
  return { ...plan, uplinks };
}

export const noUplinkCases: readonly Case[] = [...ipv4Cases, ...ipv6Cases];
