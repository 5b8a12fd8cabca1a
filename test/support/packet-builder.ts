/**
 * Readable packets for tests: whole IPv4 packets from their IP header on, with right lengths and checksums
 * unless a field says otherwise.
 */
import { internetChecksum } from './checksum.ts';

export interface Ipv4Fields {
  readonly ttl?: number;
  readonly tos?: number;
  readonly id?: number;
  /** True unless said otherwise, except of fragments: most packets are atomic (RFC 6864). */
  readonly dontFragment?: boolean;
  readonly moreFragments?: boolean;
  /** In octets. */
  readonly fragmentOffset?: number;
  /** Header options, a multiple of 4 octets. */
  readonly options?: Uint8Array;
  readonly headerChecksum?: number;
  readonly totalLength?: number;
}

export interface UdpFields extends Ipv4Fields {
  readonly payload?: Uint8Array;
  readonly checksum?: number;
  readonly length?: number;
}

export interface TcpFields extends Ipv4Fields {
  /** Options of the TCP header, a multiple of 4 octets. */
  readonly tcpOptions?: Uint8Array;
  readonly payload?: Uint8Array;
  readonly checksum?: number;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  readonly window?: number;
  readonly urgentPointer?: number;
}

export interface EchoFields extends Ipv4Fields {
  readonly sequence?: number;
  readonly payload?: Uint8Array;
  readonly checksum?: number;
}

export interface ErrorFields extends Ipv4Fields {
  readonly type: number;
  readonly code?: number;
  /** The 32 bits after the checksum. */
  readonly word?: number;
  readonly checksum?: number;
}

const TCP_FLAGS: Readonly<Record<string, number>> = {
  FIN: 1,
  SYN: 2,
  RST: 4,
  PSH: 8,
  ACK: 16,
  URG: 32,
  ECE: 64,
  CWR: 128,
};

const KNOWN = new Map<string, Uint8Array>();

/** `10.0.0.11` as four octets, which are not to be changed: each address is read once. */
export function ipv4Octets(address: string): Uint8Array {
  const known = KNOWN.get(address);
  if (known !== undefined) {
    return known;
  }
  const octets = Uint8Array.from(address.split('.').map(Number));
  KNOWN.set(address, octets);
  return octets;
}

/** `10.0.0.11` as a number. */
export function ipv4(address: string): number {
  return new DataView(ipv4Octets(address).buffer).getUint32(0);
}

export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

/** An IPv4 packet around a payload. */
export function ip4(
  from: string,
  to: string,
  protocol: number,
  payload: Uint8Array,
  fields: Ipv4Fields = {},
): Uint8Array {
  const options = fields.options ?? new Uint8Array();
  const header = concat(new Uint8Array(20), options);
  const view = new DataView(header.buffer);
  const isFragment = fields.moreFragments === true || (fields.fragmentOffset ?? 0) > 0;
  const dontFragment = fields.dontFragment ?? !isFragment;
  const flags = (dontFragment ? 0x4000 : 0) | (fields.moreFragments === true ? 0x2000 : 0);
  view.setUint8(0, 0x40 | (header.length / 4));
  view.setUint8(1, fields.tos ?? 0);
  view.setUint16(2, fields.totalLength ?? header.length + payload.length);
  view.setUint16(4, fields.id ?? 0);
  view.setUint16(6, flags | ((fields.fragmentOffset ?? 0) / 8));
  view.setUint8(8, fields.ttl ?? 64);
  view.setUint8(9, protocol);
  header.set(ipv4Octets(from), 12);
  header.set(ipv4Octets(to), 16);
  view.setUint16(10, fields.headerChecksum ?? internetChecksum(header));
  return concat(header, payload);
}

/** A UDP datagram between two endpoints like `10.0.0.11:5000`. */
export function udp(from: string, to: string, fields: UdpFields = {}): Uint8Array {
  const [source, destination] = [split(from), split(to)];
  const payload = fields.payload ?? text('hello');
  const datagram = concat(new Uint8Array(8), payload);
  const view = new DataView(datagram.buffer);
  view.setUint16(0, source.port);
  view.setUint16(2, destination.port);
  view.setUint16(4, fields.length ?? datagram.length);
  const computed = transportChecksum(source.address, destination.address, 17, datagram);
  view.setUint16(6, fields.checksum ?? (computed === 0 ? 0xffff : computed));
  return ip4(source.address, destination.address, 17, datagram, fields);
}

/** A TCP segment; `flags` like `SYN` or `FIN,ACK`. */
export function tcp(from: string, to: string, flags: string, fields: TcpFields = {}): Uint8Array {
  const [source, destination] = [split(from), split(to)];
  const tcpOptions = fields.tcpOptions ?? new Uint8Array();
  const segment = concat(new Uint8Array(20), tcpOptions, fields.payload ?? new Uint8Array());
  const view = new DataView(segment.buffer);
  view.setUint16(0, source.port);
  view.setUint16(2, destination.port);
  view.setUint32(4, fields.sequence ?? 1000);
  view.setUint32(8, fields.acknowledgement ?? 0);
  view.setUint8(12, 0x50 + tcpOptions.length * 4);
  view.setUint8(13, flagBits(flags));
  view.setUint16(14, fields.window ?? 0);
  view.setUint16(18, fields.urgentPointer ?? 0);
  view.setUint16(16, fields.checksum ?? transportChecksum(source.address, destination.address, 6, segment));
  return ip4(source.address, destination.address, 6, segment, fields);
}

/** An ICMP echo request. */
export function echoRequest(from: string, to: string, id: number, fields: EchoFields = {}): Uint8Array {
  return icmp(from, to, 8, 0, echoBody(id, fields), fields);
}

/** An ICMP echo reply. */
export function echoReply(from: string, to: string, id: number, fields: EchoFields = {}): Uint8Array {
  return icmp(from, to, 0, 0, echoBody(id, fields), fields);
}

/** An ICMP error with the packet, or part of one, that it is about. */
export function icmpError(from: string, to: string, quote: Uint8Array, fields: ErrorFields): Uint8Array {
  const word = new Uint8Array(4);
  new DataView(word.buffer).setUint32(0, fields.word ?? 0);
  return icmp(from, to, fields.type, fields.code ?? 0, concat(word, quote), fields);
}

/** Any ICMP message; the body follows the checksum. */
export function icmp(
  from: string,
  to: string,
  type: number,
  code: number,
  body: Uint8Array,
  fields: Ipv4Fields & { readonly checksum?: number } = {},
): Uint8Array {
  const message = concat(Uint8Array.of(type, code, 0, 0), body);
  new DataView(message.buffer).setUint16(2, fields.checksum ?? internetChecksum(message));
  return ip4(from, to, 1, message, fields);
}

/** The packet one hop later: TTL or hop limit less one, the IPv4 header checksum right again. */
export function hop(packet: Uint8Array): Uint8Array {
  const aged = packet.slice();
  const view = new DataView(aged.buffer);
  if (view.getUint8(0) >> 4 === 6) {
    view.setUint8(7, view.getUint8(7) - 1);
    return aged;
  }
  const headerLength = (view.getUint8(0) & 0x0f) * 4;
  view.setUint8(8, view.getUint8(8) - 1);
  view.setUint16(10, 0);
  view.setUint16(10, internetChecksum(aged.subarray(0, headerLength)));
  return aged;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** The octets with one of them changed. */
export function patched(packet: Uint8Array, at: number, ...values: readonly number[]): Uint8Array {
  const changed = packet.slice();
  changed.set(values, at);
  return changed;
}

/** Of the first `covered` octets of a message, all of them unless said otherwise; the pseudo-header has the whole length. */
export function transportChecksum(
  source: string,
  destination: string,
  protocol: number,
  message: Uint8Array,
  covered = message.length,
): number {
  const pseudoHeader = concat(
    ipv4Octets(source),
    ipv4Octets(destination),
    Uint8Array.of(0, protocol, message.length >> 8, message.length & 0xff),
  );
  return internetChecksum(pseudoHeader, message.subarray(0, covered));
}

function echoBody(id: number, fields: EchoFields): Uint8Array {
  const sequence = fields.sequence ?? 1;
  return concat(Uint8Array.of(id >> 8, id & 0xff, sequence >> 8, sequence & 0xff), fields.payload ?? text('ping'));
}

/** `SYN,ACK` as the octet of a TCP header. */
export function flagBits(flags: string): number {
  return flags
    .split(',')
    .filter((name) => name !== '')
    .reduce((bits, name) => {
      const bit = TCP_FLAGS[name];
      if (bit === undefined) {
        throw new Error(`no TCP flag ${name}`);
      }
      return bits | bit;
    }, 0);
}

/** `10.0.0.11:5000` in its two parts. */
export function split(endpoint: string): { readonly address: string; readonly port: number } {
  const [address, port] = endpoint.split(':');
  if (address === undefined || port === undefined) {
    throw new Error(`${endpoint} is no endpoint`);
  }
  return { address, port: Number(port) };
}
