/** Frames that no honest host sends, from a seed: truncated, oversized, mutated and random. */

const ETHERTYPES = [0x0800, 0x86dd, 0x0806, 0x8100, 0x0001];

export interface LinkEnds {
  /** Link addresses, six octets. */
  readonly destination: Buffer;
  readonly source: Buffer;
}

/** xorshift32: small, seeded, and the same everywhere. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed === 0 ? 1 : seed;
  }

  /** A number from 0 to below `limit`. */
  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state % limit;
  }

  octets(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

/** Well-formed packets to spoil, from hosts that do not exist, with their EtherTypes. */
function goodPackets(): readonly (readonly [number, Buffer])[] {
  const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
  const udp4 = hex('45000020 00000000 40110000 c0a80142 c0000250 1234 0035 000c 0000 00000000');
  udp4.writeUInt16BE(headerChecksum(udp4), 10);
  const ends6 = 'fd123456789a00010000000000000066 20010db8ffff00000000000000000080';
  return [
    [0x0800, udp4],
    [0x86dd, hex(`60000000 000c 11 40 ${ends6} 1234 0035 000c abcd 00000000`)],
    [
      0x86dd,
      hex(
        `60000000 0024 00 40 ${ends6} 3c 00 0104 00000000 2c 00 0104 00000000 11 00 0000 00000001 12340035000cabcd00000000`,
      ),
    ],
    [0x86dd, hex(`60000000 0018 3a ff ${ends6} 8700 0000 00000000 fd123456789a00010000000000000001`)],
    [0x0806, hex('0001 0800 06 04 0001 020000000066 c0a80142 000000000000 c0a80101')],
  ];
}

function headerChecksum(packet: Buffer): number {
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += at === 10 ? 0 : packet.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

const frame = (ends: LinkEnds, ethertype: number, packet: Buffer) =>
  Buffer.concat([ends.destination, ends.source, Buffer.from([ethertype >> 8, ethertype & 0xff]), packet]);

/** Every beginning of every good packet. */
export function truncatedFrames(ends: LinkEnds): Buffer[] {
  return goodPackets().flatMap(([ethertype, packet]) =>
    Array.from({ length: packet.length }, (_, length) => frame(ends, ethertype, packet.subarray(0, length))),
  );
}

/** Good packets with one to eight octets changed. */
export function mutatedFrames(ends: LinkEnds, dice: Dice, count: number): Buffer[] {
  const packets = goodPackets();
  return Array.from({ length: count }, () => {
    const [ethertype, good] = packets[dice.below(packets.length)] ?? [0, Buffer.alloc(0)];
    const packet = Buffer.from(good);
    for (let changes = 1 + dice.below(8); changes > 0; changes -= 1)
      packet[dice.below(packet.length)] = dice.below(256);
    return frame(ends, ethertype, packet);
  });
}

/** Noise behind a link header that says IP. */
export function randomFrames(ends: LinkEnds, dice: Dice, count: number, lengthMax: number): Buffer[] {
  return Array.from({ length: count }, () => {
    const ethertype = ETHERTYPES[dice.below(ETHERTYPES.length)] ?? 0;
    const packet = dice.octets(dice.below(lengthMax));
    // Half of them get past the version check.
    if (dice.below(2) === 0 && packet.length > 0) packet[0] = ethertype === 0x86dd ? 0x60 : 0x45;
    return frame(ends, ethertype, packet);
  });
}

/** One packet for each reason that a malformed IP packet can have, by that reason. */
export function namedFrames(ends: LinkEnds): Readonly<Record<string, Buffer>> {
  const [[, udp4], [, udp6]] = goodPackets() as [[number, Buffer], [number, Buffer]];
  const changed = (packet: Buffer, change: (copy: Buffer) => void) => {
    const copy = Buffer.from(packet);
    change(copy);
    return copy;
  };
  const udp4With = (change: (copy: Buffer) => void) =>
    changed(udp4, (copy) => {
      change(copy);
      copy.writeUInt16BE(headerChecksum(copy), 10);
    });
  return {
    Truncated: frame(ends, 0x0800, udp4.subarray(0, 10)),
    Ipv4HeaderInvalid: frame(
      ends,
      0x0800,
      udp4With((copy) => copy.writeUInt16BE(2000, 2)),
    ),
    Ipv4ChecksumWrong: frame(
      ends,
      0x0800,
      changed(udp4, (copy) => copy.writeUInt16BE(0x1234, 10)),
    ),
    TransportInvalid: frame(
      ends,
      0x0800,
      udp4With((copy) => copy.writeUInt16BE(4, 24)),
    ),
    MartianSource: frame(
      ends,
      0x0800,
      udp4With((copy) => copy.writeUInt32BE(0x7f000001, 12)),
    ),
    MartianDestination: frame(
      ends,
      0x0800,
      udp4With((copy) => copy.writeUInt32BE(0x7f000001, 16)),
    ),
    SourceNotInternal: frame(
      ends,
      0x0800,
      udp4With((copy) => copy.writeUInt32BE(0x08080808, 12)),
    ),
    Ipv6HeaderInvalid: frame(
      ends,
      0x86dd,
      changed(udp6, (copy) => copy.writeUInt16BE(2000, 4)),
    ),
    UnsupportedEtherType: frame(ends, 0x88cc, Buffer.alloc(46)),
  };
}
