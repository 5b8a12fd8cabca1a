/** Fragments of datagrams. */
import { ip4 } from '../support/packet-builder.ts';
import { fragmentHeader, ip6 } from '../support/packet-builder-ipv6.ts';
import { ipv4At, ipv6At } from './answer.ts';
import type { FragmentPart } from './event.ts';
import { payloadOf } from './flow-packet.ts';
import type { Arrival } from './history.ts';

/** One fragment of a packet that would have been sent whole; undefined where it is none that can be cut. */
export function fragmentOf(whole: Arrival, identification: number, part: FragmentPart): Arrival | undefined {
  const { device, packet } = whole;
  if (packet.length >= 40 && (packet[0] ?? 0) >> 4 === 6) {
    return { device, packet: fragmentOf6(packet, identification, part) };
  }
  const headerLength = ((packet[0] ?? 0) & 0x0f) * 4;
  if (packet.length < 20 || (packet[0] ?? 0) >> 4 !== 4 || headerLength < 20 || headerLength > packet.length) {
    return undefined;
  }
  const { offset, more } = placeOf(part);
  const fragment = ip4(ipv4At(packet, 12), ipv4At(packet, 16), packet[9] ?? 0, dataOf(packet, headerLength, part), {
    id: identification,
    ttl: part.ttl,
    tos: packet[1] ?? 0,
    options: packet.slice(20, headerLength),
    fragmentOffset: offset,
    moreFragments: more,
    dontFragment: part.dontFragment,
  });
  return { device, packet: fragment };
}

/** The fragment header comes before everything else. */
function fragmentOf6(packet: Uint8Array, identification: number, part: FragmentPart): Uint8Array {
  const { offset, more } = placeOf(part);
  return ip6(ipv6At(packet, 8), ipv6At(packet, 24), packet[6] ?? 0, dataOf(packet, 40, part), {
    hopLimit: part.ttl,
    extensions: [fragmentHeader(offset, more, identification)],
  });
}

function placeOf({ place, cut }: FragmentPart): { readonly offset: number; readonly more: boolean } {
  switch (place) {
    case 'first':
      return { offset: 0, more: true };
    case 'middle':
      return { offset: cut, more: true };
    case 'last':
      return { offset: cut * 2, more: false };
  }
}

/** The first one has the transport header, if there is room for it. */
function dataOf(packet: Uint8Array, headerLength: number, { place, cut }: FragmentPart): Uint8Array {
  if (place !== 'first') {
    return payloadOf(place === 'middle' ? cut : cut - 3);
  }
  const data = new Uint8Array(cut);
  data.set(packet.subarray(headerLength, headerLength + cut));
  return data;
}
