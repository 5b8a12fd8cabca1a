import { describe, expect, test } from 'vitest';
import { decodeEchoReply, encodeEchoRequest } from '../../../src/control/probe/icmp-echo.ts';

const ECHO = { identifier: 0xbeef, sequence: 0x0102 };

/** Ones' complement sum of 16-bit words: 0xffff over octets that hold their own right checksum (RFC 1071). */
function foldedSum(octets: Uint8Array): number {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  let sum = 0;
  for (let offset = 0; offset < octets.length; offset += 2) sum += view.getUint16(offset);
  return (sum & 0xffff) + (sum >>> 16);
}

/** What a raw socket hands up for a reply to a request: the type exchanged, with an IP header for IPv4. */
function replyTo(family: 4 | 6, request: Uint8Array, headerOctets = 20): Uint8Array {
  const reply = Uint8Array.from(request);
  reply[0] = family === 4 ? 0 : 129;
  if (family === 6) return reply;
  const header = new Uint8Array(headerOctets);
  header[0] = 0x40 | (headerOctets / 4);
  return Uint8Array.from([...header, ...reply]);
}

describe('a request', () => {
  test('for IPv4 is type 8 with identifier, sequence and a right checksum', () => {
    const octets = encodeEchoRequest(4, ECHO);
    expect([...octets.subarray(0, 2), ...octets.subarray(4, 8)]).toEqual([8, 0, 0xbe, 0xef, 1, 2]);
    expect(octets).toHaveLength(64);
    expect(foldedSum(octets)).toBe(0xffff);
  });

  test('for IPv6 is type 128 and leaves the checksum to the kernel', () => {
    const octets = encodeEchoRequest(6, ECHO);
    expect([...octets.subarray(0, 8)]).toEqual([128, 0, 0, 0, 0xbe, 0xef, 1, 2]);
  });
});

describe('a reply', () => {
  test.each([4, 6] as const)('of IPv%i gives identifier and sequence back', (family) => {
    expect(decodeEchoReply(family, replyTo(family, encodeEchoRequest(family, ECHO)))).toEqual(ECHO);
  });

  test('is found behind IPv4 options', () => {
    expect(decodeEchoReply(4, replyTo(4, encodeEchoRequest(4, ECHO), 24))).toEqual(ECHO);
  });

  test.each([4, 6] as const)('is no request of IPv%i', (family) => {
    const request = encodeEchoRequest(family, ECHO);
    const received = family === 6 ? request : Uint8Array.from([0x45, ...new Uint8Array(19), ...request]);
    expect(decodeEchoReply(family, received)).toBeUndefined();
  });

  test('is nothing shorter than its header', () => {
    expect(decodeEchoReply(6, Uint8Array.of(129, 0, 0, 0))).toBeUndefined();
    expect(decodeEchoReply(4, new Uint8Array(0))).toBeUndefined();
    expect(decodeEchoReply(4, Uint8Array.of(0x4f, 0, 0))).toBeUndefined();
  });
});
