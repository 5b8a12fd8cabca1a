/** What arrives unasked: six seconds of silence, then one error or none (5382-R4, 5597-R4), and what policy refuses aloud. */
import { expect } from 'vitest';
import { type DccpType, dccp } from '../../support/dccp-builder.ts';
import { echoReply, icmpError, tcp, text, udp } from '../../support/packet-builder.ts';
import { ISP_A, LAN, twoUplinks } from '../../support/plans.ts';
import { maximumSegmentSize, tcpOptions, windowScale } from '../../support/tcp-options.ts';
import type { ExpectedPacket, TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:6000';
const WA = '203.0.113.2:6000';
const S1 = '192.0.2.10:6000';
const S2 = '192.0.2.20:6000';

/** As a real host sends it. */
const SYN = tcp(S1, WA, 'SYN', {
  ttl: 57,
  id: 4711,
  sequence: 4_000_000_000,
  window: 64_240,
  tcpOptions: tcpOptions(maximumSegmentSize(1460), windowScale(7)),
});

/** The gateway tells S1 that nobody took its packet. */
function unreachable(held: Uint8Array): ExpectedPacket {
  const error = icmpError('203.0.113.2', '192.0.2.10', held.slice(0, 548), { type: 3, code: 3, dontFragment: true });
  return { device: ISP_A, packet: error };
}

/** For so many seconds nothing is sent, asked every tenth of a second. */
function isSilent(bed: TranslatorBed, seconds: number): void {
  for (let tenth = 0; tenth < seconds * 10; tenth += 1) {
    bed.ticks();
    bed.wait(0.1);
  }
}

export const unsolicitedCases: readonly Case[] = [
  {
    name: '5382-R4 an unsolicited SYN is met with silence for six seconds, and with 3/3 then, once',
    run: (bed) => {
      bed.drops(ISP_A, SYN, 'NoMapping');
      isSilent(bed, 6);
      bed.ticks(unreachable(SYN));
      isSilent(bed, 7);
    },
  },
  {
    name: '6146-T9 the error quotes the SYN as it came, options and data too',
    run: (bed) => {
      const withData = tcp(S1, WA, 'SYN', { payload: text('opened fast'), ttl: 3, tos: 0x20 });
      bed.drops(ISP_A, withData, 'NoMapping');
      bed.wait(6);
      const error = icmpError('203.0.113.2', '192.0.2.10', withData, {
        type: 3,
        code: 3,
        dontFragment: true,
        tos: 0x20,
      });
      bed.ticks({ device: ISP_A, packet: error });
    },
  },
  {
    name: '5382-R4 also a SYN that filtering refuses',
    run: (bed) => {
      bed.send(LAN, tcp(H1, S2, 'SYN'));
      bed.drops(ISP_A, SYN, 'FilteredInbound');
      isSilent(bed, 6);
      bed.ticks(unreachable(SYN));
    },
  },
  {
    name: '5382-R4, 5382-R2a a SYN of the host to that endpoint within six seconds: no error ever, and the connection opens',
    run: (bed) => {
      bed.drops(ISP_A, SYN, 'NoMapping');
      isSilent(bed, 3);
      bed.forwards(LAN, tcp(H1, S1, 'SYN'), ISP_A, tcp(WA, S1, 'SYN'));
      isSilent(bed, 10);
      const again = { sequence: 4_000_000_000, acknowledgement: 1001 };
      bed.forwards(ISP_A, tcp(S1, WA, 'SYN,ACK', again), LAN, tcp(S1, H1, 'SYN,ACK', again));
      expect(bed.sessions()[0]?.tcpState).toBe('ESTABLISHED');
    },
  },
  {
    name: '5382-R4 a SYN of the host to somebody else does not help, nor one after six seconds',
    run: (bed) => {
      bed.drops(ISP_A, SYN, 'NoMapping');
      bed.forwards(LAN, tcp(H1, S2, 'SYN'), ISP_A, tcp(WA, S2, 'SYN'));
      bed.wait(6);
      bed.ticks(unreachable(SYN));
      bed.forwards(LAN, tcp(H1, S1, 'SYN'), ISP_A, tcp(WA, S1, 'SYN'));
    },
  },
  {
    name: '5382-R4 a SYN is never answered with a reset, and what opens nothing is not answered at all',
    run: (bed) => {
      for (const flags of ['SYN,ACK', 'ACK', 'FIN,ACK', 'RST', 'SYN,RST', '']) {
        bed.drops(ISP_A, tcp(S1, WA, flags), 'NoMapping');
      }
      bed.drops(ISP_A, udp(S1, WA), 'NoMapping');
      bed.drops(ISP_A, echoReply('192.0.2.10', '203.0.113.2', 7), 'NoMapping');
      isSilent(bed, 10);
    },
  },
  {
    name: '5382-R4a where policy is not to answer, there is silence for good',
    plan: twoUplinks({ nat44: { holdMs: 0 } }),
    run: (bed) => {
      bed.drops(ISP_A, SYN, 'NoMapping');
      bed.send(LAN, tcp(H1, S2, 'SYN'));
      bed.drops(ISP_A, tcp(S1, WA, 'SYN'), 'FilteredInbound');
      isSilent(bed, 60);
    },
  },
  {
    name: '5382-R4b a SYN to a port of the gateway itself is handed to it at once, and not held',
    plan: twoUplinks({ a4: { reserved: [{ protocol: 6, low: 22, high: 22 }] } }),
    run: (bed) => {
      bed.drops(ISP_A, tcp(S1, '203.0.113.2:22', 'SYN'), 'Pass');
      isSilent(bed, 10);
    },
  },
  ...(['Request', 'Sync', 'Listen'] as const).map(
    (type): Case => ({
      name: `5597-R4 an unsolicited ${type} is met with silence for six seconds, and with 3/3 then`,
      run: (bed) => {
        const packet = dccp(S1, WA, type, { ttl: 50 });
        bed.drops(ISP_A, packet, 'NoMapping');
        isSilent(bed, 6);
        bed.ticks(unreachable(packet));
        isSilent(bed, 7);
      },
    }),
  ),
  {
    name: '5597-R4, 5597-R2 a Request of the host within six seconds takes the place of the error',
    run: (bed) => {
      bed.drops(ISP_A, dccp(S1, WA, 'Listen'), 'NoMapping');
      isSilent(bed, 5);
      bed.forwards(LAN, dccp(H1, S1, 'Request'), ISP_A, dccp(WA, S1, 'Request'));
      isSilent(bed, 10);
      bed.forwards(ISP_A, dccp(S1, WA, 'Response'), LAN, dccp(S1, H1, 'Response'));
    },
  },
  {
    name: '5597-R4 other packets of DCCP without a mapping are never answered',
    run: (bed) => {
      const others: readonly DccpType[] = [
        'Response',
        'Data',
        'Ack',
        'DataAck',
        'CloseReq',
        'Close',
        'Reset',
        'SyncAck',
      ];
      for (const type of others) bed.drops(ISP_A, dccp(S1, WA, type), 'NoMapping');
      isSilent(bed, 10);
    },
  },
  {
    name: '1812-13 what filtering refuses is answered with 3/13 where policy says so, but for what is held',
    plan: twoUplinks({ nat44: { refuseFiltered: true } }),
    run: (bed) => {
      bed.send(LAN, udp(H1, S2));
      bed.send(LAN, tcp(H1, S2, 'SYN'));
      const refused = udp(S1, WA);
      const error = icmpError('203.0.113.2', '192.0.2.10', refused, { type: 3, code: 13, dontFragment: true });
      bed.dropsWithError(ISP_A, refused, 'FilteredInbound', ISP_A, error);
      bed.drops(ISP_A, tcp(S1, WA, 'SYN'), 'FilteredInbound');
      bed.drops(ISP_A, udp(S1, '203.0.113.2:6001'), 'NoMapping');
      bed.forwards(ISP_A, udp(S2, WA), LAN, udp(S2, H1));
    },
  },
  {
    name: '1812-13 and a SYN too where it is not held (5382-R4a)',
    plan: twoUplinks({ nat44: { refuseFiltered: true, holdMs: 0 } }),
    run: (bed) => {
      bed.send(LAN, tcp(H1, S2, 'SYN'));
      const error = icmpError('203.0.113.2', '192.0.2.10', SYN, { type: 3, code: 13, dontFragment: true });
      bed.dropsWithError(ISP_A, SYN, 'FilteredInbound', ISP_A, error);
    },
  },
  {
    name: '1812-13 otherwise in silence',
    run: (bed) => {
      bed.send(LAN, udp(H1, S2));
      bed.drops(ISP_A, udp(S1, WA), 'FilteredInbound');
    },
  },
];
