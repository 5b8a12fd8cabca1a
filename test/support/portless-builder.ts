/** Packets of protocols that are translated by address alone, for tests. */
import { crc32c } from './checksum.ts';
import { concat, type Ipv4Fields, ip4, text } from './packet-builder.ts';

export const GRE = 47;
export const ESP = 50;
const AH = 51;
export const SCTP = 132;
/** For experiments (RFC 3692). */
export const EXPERIMENT = 253;

interface PortlessFields extends Ipv4Fields {
  readonly payload?: Uint8Array;
}

/** An ESP packet: the security parameter index, a sequence number, and what only its ends can read. */
export function esp(from: string, to: string, spi: number, fields: PortlessFields = {}): Uint8Array {
  return ip4(from, to, ESP, concat(words(spi, 1), fields.payload ?? text('secret of both ends.')), fields);
}

/** A GRE packet as PPTP has it (RFC 2637): version 1 with a key of payload length and call id. */
export function gre(from: string, to: string, callId: number, fields: PortlessFields = {}): Uint8Array {
  const payload = fields.payload ?? text('ppp');
  const header = Uint8Array.of(0x30, 0x01, 0x88, 0x0b, 0, payload.length, callId >> 8, callId & 0xff, 0, 0, 0, 1);
  return ip4(from, to, GRE, concat(header, payload), fields);
}

/** An authentication header around nothing in particular. */
export function ah(from: string, to: string, spi: number, fields: PortlessFields = {}): Uint8Array {
  const header = concat(Uint8Array.of(17, 4, 0, 0), words(spi, 1), new Uint8Array(12));
  return ip4(from, to, AH, concat(header, fields.payload ?? text('datagram')), fields);
}

export interface SctpFields extends Ipv4Fields {
  readonly verificationTag?: number;
  /** Whole chunks; an INIT unless given. */
  readonly chunks?: Uint8Array;
}

/** An SCTP packet with its CRC32c, by default the INIT of an association. */
export function sctp(from: string, to: string, ports: readonly [number, number], fields: SctpFields = {}): Uint8Array {
  const ends = Uint8Array.of(ports[0] >> 8, ports[0] & 0xff, ports[1] >> 8, ports[1] & 0xff);
  const packet = concat(ends, words(fields.verificationTag ?? 0, 0), fields.chunks ?? sctpInit(0x1234_5678));
  new DataView(packet.buffer).setUint32(8, crc32c(packet), true);
  return ip4(from, to, SCTP, packet, fields);
}

/** Whether the CRC32c of an SCTP packet without IP options is right. */
export function sctpChecksumIsRight(packet: Uint8Array): boolean {
  const message = packet.slice(20);
  const view = new DataView(message.buffer);
  const received = view.getUint32(8, true);
  view.setUint32(8, 0);
  return crc32c(message) === received;
}

/** An INIT chunk. */
export function sctpInit(tag: number): Uint8Array {
  return concat(Uint8Array.of(1, 0, 0, 20), words(tag, 0x0001_0000), Uint8Array.of(0, 10, 0, 10), words(1));
}

/** A chunk of any type. */
export function sctpChunk(type: number, body: Uint8Array): Uint8Array {
  const length = body.length + 4;
  return concat(Uint8Array.of(type, 0, length >> 8, length & 0xff), body, new Uint8Array((4 - (length % 4)) % 4));
}

function words(...values: readonly number[]): Uint8Array {
  const octets = new Uint8Array(values.length * 4);
  const view = new DataView(octets.buffer);
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value);
  return octets;
}
