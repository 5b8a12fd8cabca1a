/** Packets of every protocol over IPv6, for tests: between two addresses, ports given apart. */
import { crc32c } from './checksum.ts';
import { DCCP, DCCP_TYPES, type DccpType } from './dccp-builder.ts';
import { concat, text } from './packet-builder.ts';
import { type Ipv6Fields, ip6, tcp6, type UpperFields, udp6, upperChecksum } from './packet-builder-ipv6.ts';
import { SCTP, sctpChunk, sctpInit } from './portless-builder.ts';
import { UDP_LITE } from './udp-lite-builder.ts';

type Ports = readonly [number, number];

export function udpLite6(from: string, to: string, ports: Ports, fields: UpperFields = {}): Uint8Array {
  const datagram = concat(words16(ports[0], ports[1], 0, 0), fields.payload ?? text('hello'));
  const view = new DataView(datagram.buffer);
  view.setUint16(6, upperChecksum(from, to, UDP_LITE, datagram));
  return ip6(from, to, UDP_LITE, datagram, fields);
}

/** With long sequence numbers, and all subheaders that any type may have. */
export function dccp6(from: string, to: string, ports: Ports, type: DccpType, fields: Ipv6Fields = {}): Uint8Array {
  const packet = concat(words16(ports[0], ports[1], 0x0700, 0), new Uint8Array(20));
  const view = new DataView(packet.buffer);
  view.setUint8(8, (DCCP_TYPES.indexOf(type) << 1) | 1);
  view.setUint16(6, upperChecksum(from, to, DCCP, packet));
  return ip6(from, to, DCCP, packet, fields);
}

/** Chunks of SCTP by the name of the first one. */
export type Chunk = 'INIT' | 'INIT ACK' | 'DATA' | 'ABORT' | 'SHUTDOWN' | 'SHUTDOWN ACK' | 'SHUTDOWN COMPLETE' | 'none';

const CHUNKS: Readonly<Record<Chunk, Uint8Array>> = {
  INIT: sctpInit(0x1234_5678),
  'INIT ACK': sctpChunk(2, new Uint8Array(16)),
  DATA: sctpChunk(0, new Uint8Array(16)),
  ABORT: sctpChunk(6, new Uint8Array()),
  SHUTDOWN: sctpChunk(7, new Uint8Array(4)),
  'SHUTDOWN ACK': sctpChunk(8, new Uint8Array()),
  'SHUTDOWN COMPLETE': sctpChunk(14, new Uint8Array()),
  none: new Uint8Array(),
};

export function sctp6(from: string, to: string, ports: Ports, chunk: Chunk, fields: Ipv6Fields = {}): Uint8Array {
  const packet = concat(words16(ports[0], ports[1], 0, 0, 0, 0), CHUNKS[chunk]);
  new DataView(packet.buffer).setUint32(8, crc32c(packet), true);
  return ip6(from, to, SCTP, packet, fields);
}

/** A protocol by port over IPv6, with the packets that open, answer and follow. */
export interface Transport6 {
  readonly name: 'udp' | 'tcp' | 'udp-lite' | 'dccp' | 'sctp';
  /** Of IP. */
  readonly protocol: number;
  readonly open: PacketOf6;
  readonly answer: PacketOf6;
  readonly data: PacketOf6;
}

type PacketOf6 = (from: string, to: string, ports: Ports, fields?: Ipv6Fields) => Uint8Array;

const tcpOf =
  (flags: string): PacketOf6 =>
  (from, to, ports, fields) =>
    tcp6(from, to, ports, flags, fields);

const dccpOf =
  (type: DccpType): PacketOf6 =>
  (from, to, ports, fields) =>
    dccp6(from, to, ports, type, fields);

const sctpOf =
  (chunk: Chunk): PacketOf6 =>
  (from, to, ports, fields) =>
    sctp6(from, to, ports, chunk, fields);

const UDP6: Transport6 = { name: 'udp', protocol: 17, open: udp6, answer: udp6, data: udp6 };

export const UDP_LITE6: Transport6 = {
  name: 'udp-lite',
  protocol: UDP_LITE,
  open: udpLite6,
  answer: udpLite6,
  data: udpLite6,
};

const TCP6: Transport6 = {
  name: 'tcp',
  protocol: 6,
  open: tcpOf('SYN'),
  answer: tcpOf('SYN,ACK'),
  data: tcpOf('PSH,ACK'),
};

const DCCP6: Transport6 = {
  name: 'dccp',
  protocol: DCCP,
  open: dccpOf('Request'),
  answer: dccpOf('Response'),
  data: dccpOf('DataAck'),
};

export const SCTP6: Transport6 = {
  name: 'sctp',
  protocol: SCTP,
  open: sctpOf('INIT'),
  answer: sctpOf('INIT ACK'),
  data: sctpOf('DATA'),
};

export const TRANSPORTS6: readonly Transport6[] = [UDP6, TCP6, UDP_LITE6, DCCP6, SCTP6];

function words16(...values: readonly number[]): Uint8Array {
  const octets = new Uint8Array(values.length * 2);
  const view = new DataView(octets.buffer);
  for (const [index, value] of values.entries()) view.setUint16(index * 2, value);
  return octets;
}
