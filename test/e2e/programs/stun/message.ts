/** STUN messages (RFC 5389) with the attributes of behaviour discovery (RFC 5780), for IPv4, without authentication. */
import { randomBytes } from 'node:crypto';

/** An IPv4 address and a port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export const sameEndpoint = (a: Endpoint | undefined, b: Endpoint | undefined): boolean =>
  a !== undefined && b !== undefined && a.address === b.address && a.port === b.port;

export const TYPE = { request: 0x0001, success: 0x0101, error: 0x0111 } as const;

export const ATTRIBUTE = {
  mappedAddress: 0x0001,
  changeRequest: 0x0003,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  xorMappedAddress: 0x0020,
  padding: 0x0026,
  responsePort: 0x0027,
  responseOrigin: 0x802b,
  otherAddress: 0x802c,
} as const;

const HEADER = 20;
const COOKIE = 0x2112a442;
const FAMILY_IPV4 = 1;

export interface Attribute {
  readonly type: number;
  /** Without the octets that fill it up to a multiple of four. */
  readonly value: Buffer;
}

export interface StunMessage {
  readonly type: number;
  /** 12 octets. */
  readonly transaction: Buffer;
  readonly attributes: readonly Attribute[];
}

export const newTransaction = (): Buffer => randomBytes(12);

export function encodeMessage({ type, transaction, attributes }: StunMessage): Buffer {
  const body = attributes.map(encodeAttribute);
  const header = Buffer.alloc(8);
  header.writeUInt16BE(type, 0);
  header.writeUInt16BE(
    body.reduce((sum, part) => sum + part.length, 0),
    2,
  );
  header.writeUInt32BE(COOKIE, 4);
  return Buffer.concat([header, transaction, ...body]);
}

/** Undefined for octets that are no STUN message. */
export function decodeMessage(octets: Buffer): StunMessage | undefined {
  if (octets.length < HEADER || octets.readUInt32BE(4) !== COOKIE) return undefined;
  const type = octets.readUInt16BE(0);
  const isStun = type < 0x4000 && octets.readUInt16BE(2) === octets.length - HEADER && octets.length % 4 === 0;
  const attributes = isStun ? decodeAttributes(octets.subarray(HEADER)) : undefined;
  return attributes === undefined ? undefined : { type, transaction: octets.subarray(8, HEADER), attributes };
}

/** The first attribute of a type, as receivers are told to take it. */
export const attributeOf = (message: StunMessage, type: number): Buffer | undefined =>
  message.attributes.find((attribute) => attribute.type === type)?.value;

export function encodeEndpoint({ address, port }: Endpoint): Buffer {
  const octets = address.split('.').map(Number);
  return Buffer.from([0, FAMILY_IPV4, port >> 8, port & 0xff, ...octets]);
}

export function decodeEndpoint(value: Buffer | undefined): Endpoint | undefined {
  if (value?.length !== 8 || value[1] !== FAMILY_IPV4) return undefined;
  return { address: value.subarray(4).join('.'), port: value.readUInt16BE(2) };
}

/** Over the cookie, so that nothing on the way takes the address for one that it should rewrite; its own inverse. */
export function xorEndpoint(value: Buffer): Buffer {
  const mask = Buffer.alloc(8);
  mask.writeUInt16BE(COOKIE >>> 16, 2);
  mask.writeUInt32BE(COOKIE, 4);
  return Buffer.from(value.map((octet, at) => octet ^ (mask[at] ?? 0)));
}

function encodeAttribute({ type, value }: Attribute): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)]);
}

function decodeAttributes(octets: Buffer): Attribute[] | undefined {
  const attributes: Attribute[] = [];
  for (let at = 0; at < octets.length; ) {
    if (at + 4 > octets.length) return undefined;
    const length = octets.readUInt16BE(at + 2);
    const end = at + 4 + length;
    if (end > octets.length) return undefined;
    attributes.push({ type: octets.readUInt16BE(at), value: octets.subarray(at + 4, end) });
    at = end + (-length & 3);
  }
  return attributes;
}
