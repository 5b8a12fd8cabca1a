/** Captures: read in every octet order and unit, written, and refused with a sentence where they are something else. */
import { describe, expect, it } from 'vitest';
import { LINK_TYPE } from '../../../src/pcap/format.ts';
import { ipPacketOf, isKnownLinkType } from '../../../src/pcap/link-layer.ts';
import { type Capture, readPcap } from '../../../src/pcap/read.ts';
import { writePcap } from '../../../src/pcap/write.ts';
import { concat, udp } from '../../support/packet-builder.ts';
import { udp6 } from '../../support/packet-builder-ipv6.ts';

interface Record {
  readonly seconds: number;
  readonly fraction: number;
  readonly octets: Uint8Array;
  readonly original?: number;
}

/** A capture by the book (draft-ietf-opsawg-pcap), apart from what the product writes. */
function pcap(magic: number, little: boolean, linkType: number, ...records: readonly Record[]): Uint8Array {
  const words = (...values: number[]) => {
    const view = new DataView(new ArrayBuffer(4 * values.length));
    for (const [index, value] of values.entries()) view.setUint32(4 * index, value, little);
    return new Uint8Array(view.buffer);
  };
  const version = little ? Uint8Array.of(2, 0, 4, 0) : Uint8Array.of(0, 2, 0, 4);
  return concat(
    words(magic),
    version,
    words(0, 0, 65_535, linkType),
    ...records.flatMap(({ seconds, fraction, octets, original }) => [
      words(seconds, fraction, octets.length, original ?? octets.length),
      octets,
    ]),
  );
}

const MICRO = 0xa1b2c3d4;
const NANO = 0xa1b23c4d;
const FIRST = { seconds: 1_700_000_000, fraction: 250_000, octets: Uint8Array.of(1, 2, 3) };

function capture(file: Uint8Array): Capture {
  const read = readPcap(file);
  if (!read.ok) throw new Error(read.error);
  return read.value;
}

function complaint(file: Uint8Array): string {
  const read = readPcap(file);
  return read.ok ? 'none' : read.error;
}

describe('a capture', () => {
  it.each([true, false])('is read in microseconds and nanoseconds, little-endian: %s', (little) => {
    const second = { seconds: 1_700_000_001, fraction: 7, octets: Uint8Array.of(4), original: 60 };
    const micro = capture(pcap(MICRO, little, LINK_TYPE.ethernet, FIRST, second));
    expect(micro).toEqual({
      linkType: LINK_TYPE.ethernet,
      packets: [
        { timeUs: 1_700_000_000_250_000, octets: Uint8Array.of(1, 2, 3), cut: false },
        { timeUs: 1_700_000_001_000_007, octets: Uint8Array.of(4), cut: true },
      ],
    });
    const nano = capture(pcap(NANO, little, LINK_TYPE.raw, FIRST));
    expect(nano.packets.map(({ timeUs }) => timeUs)).toEqual([1_700_000_000_000_250]);
  });

  it('without packets has none, and the bits about check sequences are no part of its link type', () => {
    expect(capture(pcap(MICRO, true, 0x1400_0000 | LINK_TYPE.ethernet))).toEqual({ linkType: 1, packets: [] });
  });

  it('that is damaged is read up to there', () => {
    const whole = pcap(MICRO, true, LINK_TYPE.raw, FIRST, FIRST);
    const [second, end] = [24 + 16 + 3, whole.length];
    const damageAfter = (octets: number) => {
      const { packets, damage } = capture(whole.subarray(0, octets));
      return [packets.length, damage];
    };
    expect(damageAfter(end)).toEqual([2, undefined]);
    expect(damageAfter(end - 1)).toEqual([1, `octet ${second}: the file ends within a packet`]);
    expect(damageAfter(second + 15)).toEqual([1, `octet ${second}: the file ends within the header of a packet`]);
    const huge = whole.slice();
    huge.fill(0xff, second + 8, second + 12);
    expect(capture(huge).damage).toBe(`octet ${second}: a packet of 4294967295 octets cannot be`);
  });

  it('of another format is refused with the way to convert it', () => {
    expect(complaint(Uint8Array.of(0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 0))).toContain('is pcapng; convert it: editcap');
    expect(complaint(pcap(0xa1b2cd34, true, 1))).toContain('modified format');
    expect(complaint(Uint8Array.of(0x1f, 0x8b, 8, 0))).toBe('is compressed; unpack it: gunzip');
    expect(complaint(new TextEncoder().encode('internal: {}'))).toBe('is no capture in the pcap format');
    expect(complaint(Uint8Array.of(1, 2))).toBe('is too short for a capture');
    expect(complaint(pcap(MICRO, true, 1).subarray(0, 20))).toBe('ends within its header');
  });

  it('that was written is read back', () => {
    const packets = [
      { timeUs: 1_700_000_000_999_999, octets: udp('10.0.0.1:1', '192.0.2.1:2') },
      { timeUs: 1_700_000_001_000_000, octets: udp6('fd00::1', '2001:db8::1', [1, 2]) },
    ];
    const read = capture(writePcap(packets));
    expect(read).toEqual({ linkType: LINK_TYPE.raw, packets: packets.map((packet) => ({ ...packet, cut: false })) });
    expect(capture(writePcap([], LINK_TYPE.ethernet)).linkType).toBe(LINK_TYPE.ethernet);
  });
});

describe('the IP packet in a frame', () => {
  const packet = udp('10.0.0.1:1', '192.0.2.1:2');
  const packet6 = udp6('fd00::1', '2001:db8::1', [1, 2]);
  const macs = new Uint8Array(12);

  it('is found behind each link header, without padding', () => {
    const frame = concat(macs, Uint8Array.of(8, 0), packet, new Uint8Array(18));
    expect(ipPacketOf(LINK_TYPE.ethernet, frame)).toEqual(packet);
    const tagged = concat(macs, Uint8Array.of(0x88, 0xa8, 0, 5, 0x81, 0, 0, 7, 0x86, 0xdd), packet6, new Uint8Array(4));
    expect(ipPacketOf(LINK_TYPE.ethernet, tagged)).toEqual(packet6);
    expect(ipPacketOf(LINK_TYPE.raw, packet)).toEqual(packet);
    expect(ipPacketOf(LINK_TYPE.ipv6, packet6)).toEqual(packet6);
    expect(ipPacketOf(LINK_TYPE.cooked, concat(new Uint8Array(14), Uint8Array.of(8, 0), packet))).toEqual(packet);
    expect(ipPacketOf(LINK_TYPE.cooked2, concat(Uint8Array.of(0x86, 0xdd), new Uint8Array(18), packet6))).toEqual(
      packet6,
    );
  });

  it('that is longer than its frame is left as it is', () => {
    expect(ipPacketOf(LINK_TYPE.raw, packet.subarray(0, 25))).toEqual(packet.subarray(0, 25));
  });

  it('is not found where there is none', () => {
    expect(ipPacketOf(LINK_TYPE.ethernet, concat(macs, Uint8Array.of(8, 6), new Uint8Array(28)))).toBeUndefined();
    expect(ipPacketOf(LINK_TYPE.ethernet, macs)).toBeUndefined();
    expect(ipPacketOf(LINK_TYPE.ethernet, concat(macs, Uint8Array.of(0x81, 0, 0)))).toBeUndefined();
    expect(ipPacketOf(LINK_TYPE.raw, Uint8Array.of(0x10, 0, 0, 4))).toBeUndefined();
    expect(ipPacketOf(LINK_TYPE.raw, new Uint8Array())).toBeUndefined();
    expect(ipPacketOf(105, packet)).toBeUndefined();
    expect([isKnownLinkType(105), isKnownLinkType(LINK_TYPE.ipv4)]).toEqual([false, true]);
  });
});
