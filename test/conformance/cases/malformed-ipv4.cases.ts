/** Malformed IPv4, groups and martians: nothing of it passes, nothing of it is answered. */
import { concat, echoRequest, icmp, ip4, ipv4, patched, tcp, text, udp } from '../../support/packet-builder.ts';
import { ISP_A, LAN, twoUplinks } from '../../support/plans.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const S1 = '192.0.2.10:53';
const GOOD = udp(H1, S1);

interface Bad {
  readonly id: string;
  readonly what: string;
  readonly packet: Uint8Array;
  readonly reason: string;
}

const BAD: readonly Bad[] = [
  { id: '1812-5.2.2', what: 'nothing at all', packet: new Uint8Array(), reason: 'UnsupportedEtherType' },
  { id: '1812-5.2.2', what: 'version 5', packet: patched(GOOD, 0, 0x55), reason: 'UnsupportedEtherType' },
  { id: '1812-5.2.2', what: 'one octet', packet: GOOD.slice(0, 1), reason: 'Truncated' },
  { id: '1812-5.2.2', what: '19 octets', packet: GOOD.slice(0, 19), reason: 'Truncated' },
  { id: '1812-5.2.2', what: 'a header of 16 octets', packet: patched(GOOD, 0, 0x44), reason: 'Ipv4HeaderInvalid' },
  {
    id: '1812-5.2.2',
    what: 'a header longer than the packet',
    packet: patched(GOOD, 0, 0x4f),
    reason: 'Ipv4HeaderInvalid',
  },
  {
    id: '1812-5.2.2',
    what: 'a total length below the header',
    packet: udp(H1, S1, { totalLength: 19 }),
    reason: 'Ipv4HeaderInvalid',
  },
  {
    id: '1812-5.2.2',
    what: 'a total length beyond the packet',
    packet: udp(H1, S1, { totalLength: GOOD.length + 1 }),
    reason: 'Ipv4HeaderInvalid',
  },
  {
    id: '1812-5.2.2',
    what: 'a fragment that ends beyond the longest datagram',
    packet: ip4('10.0.0.11', '192.0.2.10', 17, new Uint8Array(16), { fragmentOffset: 65_504 }),
    reason: 'Ipv4HeaderInvalid',
  },
  {
    id: '1812-5.2.2',
    what: 'a wrong header checksum',
    packet: udp(H1, S1, { headerChecksum: 0x1234 }),
    reason: 'Ipv4ChecksumWrong',
  },
  {
    id: '3022-4.6',
    what: 'an option of length 1',
    packet: udp(H1, S1, { options: Uint8Array.of(7, 1, 0, 0) }),
    reason: 'Ipv4HeaderInvalid',
  },
  {
    id: '3022-4.6',
    what: 'an option that runs past the header',
    packet: udp(H1, S1, { options: Uint8Array.of(7, 5, 4, 0) }),
    reason: 'Ipv4HeaderInvalid',
  },
  {
    id: '3022-4.6',
    what: 'an option without a length',
    packet: udp(H1, S1, { options: Uint8Array.of(1, 1, 1, 7) }),
    reason: 'Ipv4HeaderInvalid',
  },
  {
    id: '3022-4.1a',
    what: 'UDP of 7 octets',
    packet: ip4('10.0.0.11', '192.0.2.10', 17, new Uint8Array(7)),
    reason: 'TransportInvalid',
  },
  { id: '3022-4.1a', what: 'a UDP length of 7', packet: udp(H1, S1, { length: 7 }), reason: 'TransportInvalid' },
  {
    id: '3022-4.1a',
    what: 'a UDP length beyond the packet',
    packet: udp(H1, S1, { length: 14 }),
    reason: 'TransportInvalid',
  },
  {
    id: '3022-4.1a',
    what: 'TCP of 19 octets',
    packet: ip4('10.0.0.11', '192.0.2.10', 6, new Uint8Array(19)),
    reason: 'TransportInvalid',
  },
  {
    id: '3022-4.1a',
    what: 'a TCP data offset of 4 words',
    packet: patched(tcp(H1, S1, 'SYN'), 32, 0x40),
    reason: 'TransportInvalid',
  },
  {
    id: '3022-4.1a',
    what: 'a TCP data offset beyond the packet',
    packet: patched(tcp(H1, S1, 'SYN'), 32, 0x60),
    reason: 'TransportInvalid',
  },
  {
    id: '3022-4.1a',
    what: 'ICMP of 7 octets',
    packet: ip4('10.0.0.11', '192.0.2.10', 1, new Uint8Array(7)),
    reason: 'TransportInvalid',
  },
  {
    id: '6146-F2',
    what: 'a first fragment with 8 octets of TCP',
    packet: ip4('10.0.0.11', '192.0.2.10', 6, new Uint8Array(8), { moreFragments: true }),
    reason: 'TransportInvalid',
  },
];

interface Addressed {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly verdict: string;
}

const FROM_SITE: readonly Addressed[] = [
  { id: '1812-MARTIAN', from: '0.0.0.0', to: '192.0.2.10', verdict: 'MartianSource' },
  { id: '1812-MARTIAN', from: '127.0.0.1', to: '192.0.2.10', verdict: 'MartianSource' },
  { id: '1812-MARTIAN', from: '224.0.0.5', to: '192.0.2.10', verdict: 'MartianSource' },
  { id: '1812-MARTIAN', from: '255.255.255.255', to: '192.0.2.10', verdict: 'MartianSource' },
  { id: '1812-MARTIAN', from: '10.0.0.1', to: '192.0.2.10', verdict: 'MartianSource' },
  { id: '1812-MARTIAN', from: '10.0.0.255', to: '192.0.2.10', verdict: 'MartianSource' },
  { id: '1812-MARTIAN', from: '10.0.0.11', to: '0.0.0.1', verdict: 'MartianDestination' },
  { id: '1812-MARTIAN', from: '10.0.0.11', to: '127.0.0.1', verdict: 'MartianDestination' },
  { id: '1812-MARTIAN', from: '10.0.0.11', to: '240.0.0.1', verdict: 'MartianDestination' },
  { id: '1812-WHEN', from: '10.0.0.11', to: '239.1.2.3', verdict: 'MulticastNotForwarded' },
  { id: '1812-WHEN', from: '10.0.0.11', to: '224.0.1.1', verdict: 'MulticastNotForwarded' },
  { id: '1812-WHEN', from: '0.0.0.0', to: '255.255.255.255', verdict: 'Pass' },
  { id: '1812-WHEN', from: '10.0.0.11', to: '224.0.0.251', verdict: 'Pass' },
  { id: '1812-WHEN', from: '10.0.0.11', to: '10.0.0.255', verdict: 'Pass' },
  { id: '2827-1', from: '172.16.0.1', to: '192.0.2.10', verdict: 'SourceNotInternal' },
  { id: '2827-1', from: '203.0.113.2', to: '192.0.2.10', verdict: 'SourceNotInternal' },
  { id: '5382-R4b', from: '10.0.0.11', to: '10.0.0.1', verdict: 'Pass' },
];

const FROM_UPLINK: readonly Addressed[] = [
  { id: '1812-MARTIAN', from: '127.0.0.1', to: '203.0.113.2', verdict: 'MartianSource' },
  { id: '1812-MARTIAN', from: '203.0.113.2', to: '203.0.113.2', verdict: 'MartianSource' },
  { id: '1812-MARTIAN', from: '203.0.113.255', to: '203.0.113.2', verdict: 'MartianSource' },
  { id: '1812-MARTIAN', from: '192.0.2.10', to: '127.0.0.1', verdict: 'MartianDestination' },
  { id: '1812-WHEN', from: '192.0.2.10', to: '203.0.113.255', verdict: 'Pass' },
  { id: '2827-1', from: '192.0.2.10', to: '10.0.0.11', verdict: 'NotForThisUplink' },
  { id: '2827-1', from: '192.0.2.10', to: '198.51.100.2', verdict: 'NotForThisUplink' },
  { id: '1812-SAV', from: '10.0.0.11', to: '203.0.113.2', verdict: 'SpoofedSource' },
  { id: '1812-SAV', from: '10.0.9.11', to: '203.0.113.2', verdict: 'SpoofedSource' },
  { id: '5382-R4', from: '192.0.2.10', to: '203.0.113.2', verdict: 'NoMapping' },
];

export const malformedIpv4Cases: readonly Case[] = [
  ...BAD.map(
    ({ id, what, packet, reason }): Case => ({
      name: `${id} ${what} is dropped without an error`,
      run: (bed) => {
        bed.drops(LAN, packet, reason);
        bed.drops(ISP_A, packet, reason);
      },
    }),
  ),
  ...FROM_SITE.map(
    ({ id, from, to, verdict }): Case => ({
      name: `${id} ${from} to ${to} from the site: ${verdict}`,
      run: (bed) => bed.drops(LAN, udp(`${from}:5000`, `${to}:53`, { ttl: 1 }), verdict),
    }),
  ),
  ...FROM_UPLINK.map(
    ({ id, from, to, verdict }): Case => ({
      name: `${id} ${from} to ${to} from an uplink: ${verdict}`,
      run: (bed) => bed.drops(ISP_A, udp(`${from}:5000`, `${to}:53`, { ttl: 1 }), verdict),
    }),
  ),
  {
    name: '1812-5.2.2 a packet from a device that the plan does not know',
    run: (bed) => bed.drops(17, GOOD, 'UnknownDevice'),
  },
  {
    name: '8200-F1 fragments of an echo request to the gateway are passed on, not answered',
    run: (bed) => {
      bed.drops(LAN, echoRequest('10.0.0.11', '10.0.0.1', 3, { moreFragments: true }), 'Pass');
      bed.drops(LAN, ip4('10.0.0.11', '10.0.0.1', 1, text('tail'), { fragmentOffset: 8 }), 'Pass');
    },
  },
  {
    name: '5508-R10b other ICMP to the gateway is passed on',
    run: (bed) => bed.drops(LAN, icmp('10.0.0.11', '10.0.0.1', 13, 0, concat(text('12345678'))), 'Pass'),
  },
  {
    name: "1812-SAV an external address of this uplink is nobody else's, that of another uplink is in another world",
    plan: twoUplinks({ a4: { pool: ['203.0.113.2', '203.0.113.9'].map(ipv4) } }),
    run: (bed) => {
      bed.drops(ISP_A, udp('203.0.113.9:5000', '203.0.113.2:53'), 'SpoofedSource');
      bed.drops(ISP_A, udp('198.51.100.2:5000', '203.0.113.2:53'), 'NoMapping');
    },
  },
  {
    name: '1812-SAV a source of the site that is on the link of the uplink is no spoof (4787-R7)',
    run: (bed) => bed.drops(ISP_A, udp('203.0.113.77:5000', '203.0.113.2:53'), 'NoMapping'),
  },
];
