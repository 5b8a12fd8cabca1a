/** How far the extension headers of a packet are read (RFC 8200, "Parsing" in docs/decisions.md). */
import { filtered, H1, H1_A, Q6 } from '../../support/filtered-plan.ts';
import { text } from '../../support/packet-builder.ts';
import {
  destinationOptions,
  type Extension,
  fragmentHeader,
  icmp6,
  ip6,
  readdressed,
} from '../../support/packet-builder-ipv6.ts';
import { ISP_A, LAN } from '../../support/plans.ts';
import type { Case } from '../case.ts';

/** Of eight octets, with a type of 2 where it is a routing header. */
const extension = (header: number): Extension => ({ header, body: Uint8Array.of(0, 2, 0, 0, 0, 0, 0) });
const NO_NEXT_HEADER = 59;
const HIP = 139;

/** A message that no router forwards, if it sees what it is. */
const hidden = (...extensions: readonly Extension[]) => icmp6(H1, Q6, 139, 0, text('1234'), { extensions });

export const ipv6HeaderCases: readonly Case[] = [
  ...(
    [
      ['hop-by-hop options', 0],
      ['a routing header', 43],
      ['destination options', 60],
      ['a mobility header', 135],
      ['HIP', HIP],
      ['shim6', 140],
    ] as const
  ).map(
    ([what, header]): Case => ({
      name: `4890-T5 what stands behind ${what} is seen`,
      run: (bed) => {
        bed.drops(LAN, hidden(extension(header)), 'IcmpTypeNotForwarded');
        bed.drops(LAN, hidden(destinationOptions(), extension(header), destinationOptions()), 'IcmpTypeNotForwarded');
        bed.drops(LAN, ip6(H1, Q6, 58, new Uint8Array(7), { extensions: [extension(header)] }), 'TransportInvalid');
        bed.drops(LAN, ip6(H1, Q6, header, Uint8Array.of(58, 1, 0, 2, 0, 0, 0, 0)), 'Ipv6ExtensionInvalid');
      },
    }),
  ),
  {
    name: 'RFC 8200 4: what stands behind anything else is not looked at',
    run: (bed) => {
      for (const header of [41, 50, 51, NO_NEXT_HEADER, 253]) {
        const packet = hidden(extension(header));
        bed.forwards(LAN, packet, ISP_A, readdressed(packet, { from: H1_A }));
      }
    },
  },
  {
    name: '8200-F4 behind the header of a later fragment there are no more headers, whatever the octets look like',
    run: (bed) => {
      for (const [next, ...octets] of [
        [60, 17, 255, 0, 0, 0, 0, 0, 0],
        [43, 17, 0, 0, 0, 0, 0, 0, 0],
        [58, 139, 0, 0, 0],
        [44, 17, 0],
      ] as const) {
        const packet = ip6(H1, Q6, next, Uint8Array.from(octets), { extensions: [fragmentHeader(8, true)] });
        bed.forwards(LAN, packet, ISP_A, readdressed(packet, { from: H1_A }));
      }
    },
  },
  {
    name: '8200-F4 in a first fragment they are read as in a whole packet',
    run: (bed) => {
      bed.drops(LAN, hidden(fragmentHeader(0, true), destinationOptions()), 'IcmpTypeNotForwarded');
      const routed = ip6(H1, Q6, 43, Uint8Array.of(17, 0, 0, 0, 0, 0, 0, 0), { extensions: [fragmentHeader(0, true)] });
      bed.drops(LAN, routed, 'Ipv6RoutingType0');
    },
  },
  {
    name: '6092-R26 HIP is known by its header wherever that stands, and nothing behind it',
    plan: filtered(),
    run: (bed) => {
      for (const extensions of [
        [extension(HIP)],
        [extension(HIP), destinationOptions()],
        [destinationOptions(), extension(HIP)],
      ]) {
        const packet = ip6(Q6, H1_A, NO_NEXT_HEADER, new Uint8Array(), { extensions });
        bed.forwards(ISP_A, packet, LAN, readdressed(packet, { to: H1 }));
        bed.wait(300);
      }
      const other = ip6(Q6, H1_A, NO_NEXT_HEADER, new Uint8Array(), { extensions: [extension(140)] });
      bed.drops(ISP_A, other, 'FilteredInbound');
      bed.drops(ISP_A, ip6(Q6, H1_A, 253, text('x'), { extensions: [extension(HIP)] }), 'FilteredInbound');
    },
  },
];
