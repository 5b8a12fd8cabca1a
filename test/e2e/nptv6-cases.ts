/** Packets for a comparison of NPTv6 implementations: the vectors of RFC 6296, and ICMPv6 errors that need care. */
import { type PairFields, PEER, VECTORS } from '../conformance/rfc6296-vectors.ts';
import { concat } from '../support/packet-builder.ts';
import {
  destinationOptions,
  fragmentHeader,
  icmpError6,
  ip6,
  readdressed,
  udp6,
} from '../support/packet-builder-ipv6.ts';
import { unhex } from '../support/translator-bed.ts';
import type { Side } from './kernel-nptv6.ts';

export interface Nptv6Case {
  /** What it is about; cases of one title make one row of the comparison. */
  readonly title: string;
  readonly pair: PairFields;
  readonly from: Side;
  readonly octets: Uint8Array;
}

const PAIR: PairFields = { internal_prefix: 'fd01:203:405::/48', external_prefix: '2001:db8:1::/48' };
/** Two hosts of the site, inside and as the outside knows them. */
const ONE = { internal: 'fd01:203:405:1::1234', external: '2001:db8:1:d550::1234' };
const OTHER = { internal: 'fd01:203:405:2::5678', external: '2001:db8:1:d551::5678' };
const ROUTER = '2001:db8:fffe::1';
const PORTS = [40_000, 53] as const;

/** Why the RFC, or the gateway's policy, does not translate an address. */
const REASONS: Readonly<Record<string, string>> = {
  'subnet-0xffff': 'subnet 0xffff',
  'external-subnet-0xffff': 'external subnet 0xffff',
  'subnet-not-mapped': 'a subnet that the shorter prefix has no room for',
  'iid-all-ones': 'interface identifier all ones',
  'iid-all-zeros': 'interface identifier all zeros',
  'not-internal-prefix': 'a source outside the internal prefix',
  'not-external-prefix': 'a destination outside the external prefix',
  'embedded-too-short': 'an ICMPv6 error whose quote is cut short',
};

const titleOf = (reason: string, from: Side) =>
  `${REASONS[reason] ?? reason}, ${from === 'internal' ? 'outbound' : 'inbound'}`;

/** Each address in a UDP datagram whose checksum is right. */
function addressCases(): Nptv6Case[] {
  return VECTORS.vectors.map(({ direction, reason, ...vector }) => {
    const outbound = direction === 'internal-to-external';
    const from = outbound ? (vector.internal_address ?? '') : PEER;
    const to = outbound ? PEER : (vector.external_address ?? '');
    const side: Side = outbound ? 'internal' : 'external';
    const title = titleOf(reason ?? 'an address that is translated', side);
    return { title, pair: vector, from: side, octets: udp6(from, to, PORTS) };
  });
}

function wholePacketCases(): Nptv6Case[] {
  const hairpins = VECTORS.hairpin.map(
    (pair): Nptv6Case => ({
      title: `hairpin ${pair.in_src}`,
      pair,
      from: 'internal',
      octets: udp6(pair.in_src, pair.in_dst, PORTS),
    }),
  );
  const packets = VECTORS.packets.map((pair): Nptv6Case => {
    const from: Side = pair.arrives_on === 'inside' ? 'internal' : 'external';
    const title = pair.reason === undefined ? pair.name : titleOf(pair.reason, from);
    return { title, pair, from, octets: unhex(pair.in) };
  });
  return [...hairpins, ...packets];
}

const PAYLOAD = unhex('00112233445566778899aabbccddeeff');
const TRANSPORTS: readonly (readonly [string, number, Uint8Array])[] = [
  ['ESP', 50, concat(unhex('deadbeef00000001'), PAYLOAD)],
  ['AH', 51, concat(unhex('110400000000000100000002000102030405060708090a0b'), PAYLOAD)],
  ['SCTP', 132, unhex('13880b59000000006dd3b4ba010000141234567800010000000a000a11223344')],
];

/** What the whole packets of the vectors show outbound, inbound. */
function inboundCases(): Nptv6Case[] {
  const inbound = (title: string, octets: Uint8Array): Nptv6Case => ({ title, pair: PAIR, from: 'external', octets });
  const first = ip6(PEER, ONE.external, 17, PAYLOAD, { extensions: [fragmentHeader(0, true)] });
  const later = ip6(PEER, ONE.external, 17, PAYLOAD, { extensions: [fragmentHeader(1480, false)] });
  return [
    ...TRANSPORTS.map(([name, protocol, payload]) =>
      inbound(`${name}, inbound`, ip6(PEER, ONE.external, protocol, payload)),
    ),
    inbound('a first fragment, inbound', first),
    inbound('a later fragment, inbound', later),
  ];
}

/** Errors about a datagram of the first host, as the router after the gateway, or the host itself, sends them. */
function errorCases(): Nptv6Case[] {
  const sent = udp6(ONE.external, PEER, PORTS);
  const heard = udp6(PEER, ONE.internal, PORTS);
  const error = (from: Side, title: string, octets: Uint8Array): Nptv6Case => ({ title, pair: PAIR, from, octets });
  const inbound = (quote: Uint8Array, fields = {}) =>
    icmpError6(ROUTER, ONE.external, quote, { type: 1, code: 3, ...fields });
  const outbound = (quote: Uint8Array, fields = {}) =>
    icmpError6(ONE.internal, PEER, quote, { type: 1, code: 4, ...fields });
  const options = { extensions: [destinationOptions()] };
  const fragment = { extensions: [fragmentHeader(0, true)] };
  return [
    error('external', 'an ICMPv6 error, inbound', inbound(sent)),
    error('internal', 'an ICMPv6 error, outbound', outbound(heard)),
    error('external', 'an ICMPv6 error with 40 octets of quote', inbound(sent.slice(0, 40))),
    error('external', titleOf('embedded-too-short', 'external'), inbound(sent.slice(0, 39))),
    error('external', titleOf('embedded-too-short', 'external'), inbound(new Uint8Array())),
    error('external', 'an ICMPv6 error whose checksum is wrong, inbound', inbound(sent, { checksum: 0x1234 })),
    error(
      'external',
      'an ICMPv6 error about a packet of another host, inbound',
      inbound(readdressed(sent, { from: OTHER.external })),
    ),
    error(
      'external',
      'an ICMPv6 error about a packet that never was of the site, inbound',
      inbound(readdressed(sent, { from: '3fff::9' })),
    ),
    error(
      'internal',
      'an ICMPv6 error about a packet to another host, outbound',
      outbound(readdressed(heard, { to: OTHER.internal })),
    ),
    error(
      'internal',
      'an ICMPv6 error about a packet that never was for the site, outbound',
      outbound(readdressed(heard, { to: '3fff::9' })),
    ),
    error('external', 'an ICMPv6 error behind destination options, inbound', inbound(sent, options)),
    error('internal', 'an ICMPv6 error behind destination options, outbound', outbound(heard, options)),
    error('external', 'an ICMPv6 error in a first fragment, inbound', inbound(sent, fragment)),
  ];
}

export const NPTV6_CASES: readonly Nptv6Case[] = [
  ...addressCases(),
  ...wholePacketCases(),
  ...inboundCases(),
  ...errorCases(),
];
