/** Readable IPv6 packets for tests, with right lengths and checksums unless a field says otherwise. */
import ipaddr from 'ipaddr.js';
import { internetChecksum } from './checksum.ts';
import { concat, flagBits, text } from './packet-builder.ts';

export interface Ipv6Fields {
  readonly hopLimit?: number;
  readonly trafficClass?: number;
  readonly flowLabel?: number;
  readonly payloadLength?: number;
  /** Extension headers between the IPv6 header and the upper layer. */
  readonly extensions?: readonly Extension[];
}

export interface Extension {
  readonly header: number;
  /** Without its next-header octet. */
  readonly body: Uint8Array;
}

export interface UpperFields extends Ipv6Fields {
  readonly payload?: Uint8Array;
  readonly checksum?: number;
}

/** The packet with other addresses and nothing else changed, as a neutral translation leaves it. */
export function readdressed(packet: Uint8Array, ends: { readonly from?: string; readonly to?: string }): Uint8Array {
  const changed = packet.slice();
  if (ends.from !== undefined) changed.set(ipv6(ends.from), 8);
  if (ends.to !== undefined) changed.set(ipv6(ends.to), 24);
  return changed;
}

const KNOWN = new Map<string, Uint8Array>();

/** `fd01::1` as sixteen octets, which are not to be changed: each address is read once. */
export function ipv6(address: string): Uint8Array {
  const known = KNOWN.get(address);
  if (known !== undefined) {
    return known;
  }
  const octets = Uint8Array.from(ipaddr.IPv6.parse(address).toByteArray());
  KNOWN.set(address, octets);
  return octets;
}

/** An IPv6 packet around an upper layer. */
export function ip6(
  from: string,
  to: string,
  nextHeader: number,
  payload: Uint8Array,
  fields: Ipv6Fields = {},
): Uint8Array {
  const extensions = fields.extensions ?? [];
  const chain = extensions.map(({ body }, index) =>
    concat(Uint8Array.of(extensions[index + 1]?.header ?? nextHeader), body),
  );
  const rest = concat(...chain, payload);
  const header = new Uint8Array(40);
  const view = new DataView(header.buffer);
  view.setUint32(0, 0x60000000 + (fields.trafficClass ?? 0) * 0x100000 + (fields.flowLabel ?? 0));
  view.setUint16(4, fields.payloadLength ?? rest.length);
  view.setUint8(6, extensions[0]?.header ?? nextHeader);
  view.setUint8(7, fields.hopLimit ?? 64);
  header.set(ipv6(from), 8);
  header.set(ipv6(to), 24);
  return concat(header, rest);
}

/** A UDP datagram between two addresses, ports given apart. */
export function udp6(from: string, to: string, ports: readonly [number, number], fields: UpperFields = {}): Uint8Array {
  const datagram = concat(new Uint8Array(8), fields.payload ?? text('hello'));
  const view = new DataView(datagram.buffer);
  view.setUint16(0, ports[0]);
  view.setUint16(2, ports[1]);
  view.setUint16(4, datagram.length);
  view.setUint16(6, fields.checksum ?? upperChecksum(from, to, 17, datagram));
  return ip6(from, to, 17, datagram, fields);
}

export interface Tcp6Fields extends UpperFields {
  readonly sequence?: number;
  readonly acknowledgement?: number;
  readonly window?: number;
  /** Options of the TCP header, a multiple of 4 octets. */
  readonly tcpOptions?: Uint8Array;
}

/** A TCP segment; `flags` like `SYN` or `FIN,ACK`. */
export function tcp6(
  from: string,
  to: string,
  ports: readonly [number, number],
  flags: string,
  fields: Tcp6Fields = {},
): Uint8Array {
  const tcpOptions = fields.tcpOptions ?? new Uint8Array();
  const segment = concat(new Uint8Array(20), tcpOptions, fields.payload ?? new Uint8Array());
  const view = new DataView(segment.buffer);
  view.setUint16(0, ports[0]);
  view.setUint16(2, ports[1]);
  view.setUint32(4, fields.sequence ?? 1000);
  view.setUint32(8, fields.acknowledgement ?? 0);
  view.setUint8(12, 0x50 + tcpOptions.length * 4);
  view.setUint8(13, flagBits(flags));
  view.setUint16(14, fields.window ?? 0);
  view.setUint16(16, fields.checksum ?? upperChecksum(from, to, 6, segment));
  return ip6(from, to, 6, segment, fields);
}

/** Any ICMPv6 message; the body follows the checksum. */
export function icmp6(
  from: string,
  to: string,
  type: number,
  code: number,
  body: Uint8Array,
  fields: UpperFields = {},
): Uint8Array {
  const message = concat(Uint8Array.of(type, code, 0, 0), body);
  new DataView(message.buffer).setUint16(2, fields.checksum ?? upperChecksum(from, to, 58, message));
  return ip6(from, to, 58, message, fields);
}

export function echoRequest6(from: string, to: string, id: number, fields: UpperFields = {}): Uint8Array {
  return icmp6(from, to, 128, 0, echoBody(id, fields), fields);
}

export function echoReply6(from: string, to: string, id: number, fields: UpperFields = {}): Uint8Array {
  return icmp6(from, to, 129, 0, echoBody(id, fields), fields);
}

/** An ICMPv6 error with the packet, or part of one, that it is about. */
export function icmpError6(
  from: string,
  to: string,
  quote: Uint8Array,
  error: UpperFields & { readonly type: number; readonly code?: number; readonly word?: number },
): Uint8Array {
  const word = new Uint8Array(4);
  new DataView(word.buffer).setUint32(0, error.word ?? 0);
  return icmp6(from, to, error.type, error.code ?? 0, concat(word, quote), error);
}

/** A fragment header (offset in octets). */
export function fragmentHeader(offset: number, more: boolean, id = 0xcafebabe): Extension {
  const body = new Uint8Array(7);
  const view = new DataView(body.buffer);
  view.setUint16(1, offset | (more ? 1 : 0));
  view.setUint32(3, id);
  return { header: 44, body };
}

/** A destination options header of 8 octets, filled with padding. */
export function destinationOptions(): Extension {
  return { header: 60, body: Uint8Array.of(0, 1, 4, 0, 0, 0, 0) };
}

function echoBody(id: number, fields: UpperFields): Uint8Array {
  return concat(Uint8Array.of(id >> 8, id & 0xff, 0, 1), fields.payload ?? text('ping'));
}

export function upperChecksum(from: string, to: string, nextHeader: number, message: Uint8Array): number {
  const tail = new Uint8Array(8);
  const view = new DataView(tail.buffer);
  view.setUint32(0, message.length);
  view.setUint8(7, nextHeader);
  return internetChecksum(ipv6(from), ipv6(to), tail, message);
}
