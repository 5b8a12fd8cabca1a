/** The packet builders themselves, by values that they did not compute. */
import { describe, expect, test } from 'vitest';
import { crc32c, internetChecksum } from '../support/checksum.ts';
import { dccp } from '../support/dccp-builder.ts';
import { ipv4Octets, text } from '../support/packet-builder.ts';
import { sctp, sctpChecksumIsRight } from '../support/portless-builder.ts';
import { hex } from '../support/translator-bed.ts';
import { udpLite } from '../support/udp-lite-builder.ts';

const pseudoHeader = (protocol: number, length: number): Uint8Array =>
  Uint8Array.of(...ipv4Octets('10.0.0.11'), ...ipv4Octets('192.0.2.10'), 0, protocol, 0, length);

describe('packet builders', () => {
  test('CRC32c has its check value', () => expect(crc32c(text('123456789'))).toBe(0xe306_9283));

  test('an SCTP packet is right until it is changed', () => {
    const packet = sctp('10.0.0.11', '192.0.2.10', [5000, 80]);
    expect(sctpChecksumIsRight(packet)).toBe(true);
    packet[21] = 1;
    expect(sctpChecksumIsRight(packet)).toBe(false);
  });

  test('a UDP-Lite checksum covers as much as it says, and the length of all', () => {
    const packet = udpLite('10.0.0.11:5000', '192.0.2.10:53', { coverage: 8, payload: text('anything') });
    expect(hex(packet.slice(20, 26))).toBe('138800350008');
    expect(internetChecksum(pseudoHeader(136, 16), packet.slice(20, 28))).toBe(0);
    expect(internetChecksum(pseudoHeader(136, 16), packet.slice(20))).not.toBe(0);
  });

  test('a DCCP Request has its fields where RFC 4340 has them', () => {
    const packet = dccp('10.0.0.11:5000', '192.0.2.10:80', 'Request', { coverage: 1, payload: text('data') });
    expect(hex(packet.slice(20, 26))).toBe('138800500501');
    expect(hex(packet.slice(28, 40))).toBe('01000000000003e852545047');
    expect(internetChecksum(pseudoHeader(33, 24), packet.slice(20, 40))).toBe(0);
  });

  test('a DCCP Ack with short numbers has 16 octets', () => {
    const packet = dccp('10.0.0.11:5000', '192.0.2.10:80', 'Ack', { shortSequence: true, sequence: 7 });
    expect(hex(packet.slice(20, 26))).toBe('138800500400');
    expect(hex(packet.slice(28))).toBe('06000007000003e8');
  });
});
