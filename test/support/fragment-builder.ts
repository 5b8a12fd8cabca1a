/** Whole IPv4 packets cut into fragments, for tests. */
import { ip4, ipv4Octets } from './packet-builder.ts';

/** The identification of a packet. */
export function identificationOf(packet: Uint8Array): number {
  return new DataView(packet.buffer, packet.byteOffset).getUint16(4);
}

/**
 * The fragments of a packet without options, in order, each with the packet's TTL.
 * @param size octets of data in each but the last, a multiple of 8
 */
export function fragmentsOf(
  whole: Uint8Array,
  identification: number,
  size: number,
  fields: { readonly dontFragment?: boolean; readonly ttl?: number } = {},
): Uint8Array[] {
  const data = whole.slice(20);
  const [from, to] = [addressAt(whole, 12), addressAt(whole, 16)];
  const starts = Array.from({ length: Math.ceil(data.length / size) }, (_, index) => index * size);
  return starts.map((start) =>
    ip4(from, to, whole[9] ?? 0, data.slice(start, start + size), {
      ttl: whole[8] ?? 0,
      ...fields,
      id: identification,
      fragmentOffset: start,
      moreFragments: start + size < data.length,
      dontFragment: fields.dontFragment ?? false,
    }),
  );
}

function addressAt(packet: Uint8Array, at: number): string {
  const address = [...packet.slice(at, at + 4)].join('.');
  if (ipv4Octets(address).length !== 4) {
    throw new RangeError('the packet ends within its addresses');
  }
  return address;
}
