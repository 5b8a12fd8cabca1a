/** Hairpinning: RFC 4787 section 6, RFC 5382 section 7.2, RFC 5508 section 6. */
import { expect } from 'vitest';
import { echoReply, echoRequest, hop, icmpError, tcp, udp } from '../../support/packet-builder.ts';
import { LAN, OFFICE, twoUplinks } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const A = '10.0.0.11:1111';
const A_EXTERNAL = '203.0.113.2:1111';
const B = '10.0.0.12:2222';
const B_EXTERNAL = '203.0.113.2:2222';
const OPEN_FILTERS = twoUplinks({
  nat44: { filteringUdp: 'endpoint-independent', filteringTcp: 'endpoint-independent' },
});

/** Both hosts have an external endpoint on uplink A. */
function openBoth(bed: TranslatorBed): void {
  bed.send(LAN, udp(A, '192.0.2.10:53'));
  bed.send(LAN, udp(B, '192.0.2.10:53'));
}

export const hairpinCases: readonly Case[] = [
  {
    name: '4787-R9, 4787-R9a a host reaches the external endpoint of another one, and is seen by its own',
    plan: OPEN_FILTERS,
    run: (bed) => {
      openBoth(bed);
      bed.forwards(LAN, udp(A, B_EXTERNAL), LAN, udp(A_EXTERNAL, B));
      bed.forwards(LAN, udp(B, A_EXTERNAL), LAN, udp(B_EXTERNAL, A));
    },
  },
  {
    name: '4787-R9 with address-dependent filtering once both have sent to the other, as hole punching does',
    run: (bed) => {
      openBoth(bed);
      bed.drops(LAN, udp(A, B_EXTERNAL), 'FilteredInbound');
      bed.forwards(LAN, udp(B, A_EXTERNAL), LAN, udp(B_EXTERNAL, A));
      bed.forwards(LAN, udp(A, B_EXTERNAL), LAN, udp(A_EXTERNAL, B));
    },
  },
  {
    name: '4787-R9 a host without a mapping gets one on the way',
    plan: OPEN_FILTERS,
    run: (bed) => {
      bed.send(LAN, udp(B, '192.0.2.10:53'));
      bed.forwards(OFFICE, udp('10.0.1.5:3333', B_EXTERNAL), LAN, udp('203.0.113.2:3333', B));
      bed.forwards(LAN, udp(B, '203.0.113.2:3333'), OFFICE, udp(B_EXTERNAL, '10.0.1.5:3333'));
    },
  },
  {
    name: '4787-R9 a host reaches itself',
    plan: OPEN_FILTERS,
    run: (bed) => {
      bed.send(LAN, udp(A, '192.0.2.10:53'));
      bed.forwards(LAN, udp('10.0.0.11:4444', A_EXTERNAL), LAN, udp('203.0.113.2:4444', A));
    },
  },
  {
    name: '4787-R9 to an external endpoint that nobody has: dropped',
    run: (bed) => {
      bed.drops(LAN, udp(A, B_EXTERNAL), 'NoMapping');
    },
  },
  {
    name: '5382-R8 a TCP connection, both ends with a session',
    plan: OPEN_FILTERS,
    run: (bed) => {
      bed.send(LAN, tcp(B, '192.0.2.10:80', 'SYN'));
      bed.forwards(LAN, tcp(A, B_EXTERNAL, 'SYN'), LAN, tcp(A_EXTERNAL, B, 'SYN'));
      bed.forwards(LAN, tcp(B, A_EXTERNAL, 'SYN,ACK'), LAN, tcp(B_EXTERNAL, A, 'SYN,ACK'));
      bed.forwards(LAN, tcp(A, B_EXTERNAL, 'ACK'), LAN, tcp(A_EXTERNAL, B, 'ACK'));
      const states = bed.sessions().filter(({ remote }) => remote.startsWith('203.0.113.2'));
      expect(states.map(({ internal, tcpState }) => `${internal} ${tcpState}`).sort()).toEqual([
        `${A} ESTABLISHED`,
        `${B} ESTABLISHED`,
      ]);
    },
  },
  {
    name: '5382-R8 a segment without session is dropped, and not answered with a reset',
    run: (bed) => {
      bed.drops(LAN, tcp(A, B_EXTERNAL, 'ACK'), 'TcpWithoutSession');
    },
  },
  {
    name: '5508-R7, 5508-R7a an error about a hairpinned packet, both addresses and both ends of the quote',
    plan: OPEN_FILTERS,
    run: (bed) => {
      openBoth(bed);
      bed.send(LAN, udp(A, B_EXTERNAL));
      const delivered = hop(udp(A_EXTERNAL, B));
      bed.forwards(
        LAN,
        icmpError('10.0.0.12', '203.0.113.2', delivered, { type: 3, code: 3 }),
        LAN,
        icmpError('203.0.113.2', '10.0.0.11', hop(udp(A, B_EXTERNAL)), { type: 3, code: 3 }),
      );
    },
  },
  {
    name: '7857-S12 the same without any query session, and none for a foreign quote',
    plan: OPEN_FILTERS,
    run: (bed) => {
      openBoth(bed);
      bed.drops(
        LAN,
        icmpError('10.0.0.12', '203.0.113.2', udp(A_EXTERNAL, B), { type: 3, code: 3 }),
        'IcmpQuoteUnknown',
      );
    },
  },
  {
    name: '1812-TTL1, 7915-1 a hairpinned packet loses one hop, and with TTL 1 comes back as Time Exceeded',
    plan: OPEN_FILTERS,
    run: (bed) => {
      openBoth(bed);
      const late = udp(A, B_EXTERNAL, { ttl: 1 });
      bed.dropsWithError(
        LAN,
        late,
        'HopLimitExceeded',
        LAN,
        icmpError('10.0.0.1', '10.0.0.11', late, { type: 11, dontFragment: true }),
      );
      const last = udp(A, B_EXTERNAL, { ttl: 2 });
      bed.forwards(LAN, last, LAN, udp(A_EXTERNAL, B, { ttl: 2 }));
    },
  },
  {
    name: 'MWAN-5 hairpinning works by the uplink that was targeted, also while it is down or not the preferred one',
    plan: twoUplinks({ b4: { usable: false }, nat44: { filteringUdp: 'endpoint-independent' } }),
    run: (bed) => {
      const viaB = { b4: { usable: true }, nat44: { filteringUdp: 'endpoint-independent' } } as const;
      bed.plan(twoUplinks({ ...viaB, a4: { usable: false } }));
      bed.send(LAN, udp(B, '192.0.2.10:53'));
      bed.plan(twoUplinks({ ...viaB, b4: { usable: false } }));
      bed.forwards(LAN, udp(A, '198.51.100.2:2222'), LAN, udp('198.51.100.2:1111', B));
    },
  },
  {
    name: '4443-ECHO an echo request to an external address is answered by the gateway itself',
    run: (bed) => {
      bed.replies(
        LAN,
        echoRequest('10.0.0.11', '203.0.113.2', 9, { ttl: 1 }),
        echoReply('203.0.113.2', '10.0.0.11', 9, { dontFragment: true }),
      );
    },
  },
  {
    name: '5508-R11 an echo reply to an external address is not forwarded',
    run: (bed) => {
      bed.drops(LAN, echoReply('10.0.0.11', '203.0.113.2', 9), 'IcmpTypeNotForwarded');
    },
  },
];
