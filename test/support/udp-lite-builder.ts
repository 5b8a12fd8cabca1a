/** UDP-Lite datagrams for tests (RFC 3828). */
import { concat, type Ipv4Fields, ip4, split, text, transportChecksum } from './packet-builder.ts';

export const UDP_LITE = 136;

export interface UdpLiteFields extends Ipv4Fields {
  readonly payload?: Uint8Array;
  /** Octets that the checksum covers, from the header on; 0, as unless said otherwise, is all of them. */
  readonly coverage?: number;
  readonly checksum?: number;
}

/** A UDP-Lite datagram between two endpoints like `10.0.0.11:5000`. */
export function udpLite(from: string, to: string, fields: UdpLiteFields = {}): Uint8Array {
  const [source, destination] = [split(from), split(to)];
  const datagram = concat(new Uint8Array(8), fields.payload ?? text('hello'));
  const coverage = fields.coverage ?? 0;
  const view = new DataView(datagram.buffer);
  view.setUint16(0, source.port);
  view.setUint16(2, destination.port);
  view.setUint16(4, coverage);
  const covered = coverage === 0 ? datagram.length : coverage;
  const computed = transportChecksum(source.address, destination.address, UDP_LITE, datagram, covered);
  view.setUint16(6, fields.checksum ?? (computed === 0 ? 0xffff : computed));
  return ip4(source.address, destination.address, UDP_LITE, datagram, fields);
}
