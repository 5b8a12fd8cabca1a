/** What the other end of a packet sends back. */
import { echoReply, echoRequest, ip4, tcp, udp } from '../support/packet-builder.ts';
import { icmp6, ip6, udp6 } from '../support/packet-builder-ipv6.ts';
import type { AnswerEvent } from './event.ts';
import { fieldsOf, payloadOf } from './realise.ts';

/** The answer to a packet that left the gateway: addresses and ports exchanged. */
export function answerTo(packet: Uint8Array, event: AnswerEvent): Uint8Array {
  return (packet[0] ?? 0) >> 4 === 6 ? answer6(packet, event) : answer4(packet, event);
}

function answer4(packet: Uint8Array, { flags, shape }: AnswerEvent): Uint8Array {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const [source, destination] = [ipv4At(packet, 12), ipv4At(packet, 16)];
  const transportAt = (view.getUint8(0) & 0x0f) * 4;
  const fields = fieldsOf(shape);
  const protocol = view.getUint8(9);
  if (packet.length < transportAt + 8) {
    return ip4(destination, source, protocol, packet.slice(transportAt), fields);
  }
  const from = `${destination}:${view.getUint16(transportAt + 2)}`;
  const to = `${source}:${view.getUint16(transportAt)}`;
  const identifier = view.getUint16(transportAt + 4);
  switch (protocol) {
    case 17:
      return udp(from, to, fields);
    case 6:
      return tcp(from, to, flags, { ...fields, acknowledgement: shape.size });
    case 1:
      return view.getUint8(transportAt) === 8
        ? echoReply(destination, source, identifier, fields)
        : echoRequest(destination, source, identifier, fields);
    default:
      return ip4(destination, source, protocol, packet.slice(transportAt), fields);
  }
}

function answer6(packet: Uint8Array, { shape }: AnswerEvent): Uint8Array {
  const [source, destination] = [ipv6At(packet, 8), ipv6At(packet, 24)];
  const fields = { hopLimit: shape.ttl, trafficClass: shape.tos, payload: payloadOf(shape.size) };
  const nextHeader = packet[6] ?? 0;
  switch (nextHeader) {
    case 17:
      return udp6(destination, source, [53, 5000], fields);
    case 58:
      return icmp6(destination, source, 129, 0, fields.payload, fields);
    default:
      return ip6(destination, source, nextHeader, packet.slice(40), fields);
  }
}

export function ipv4At(packet: Uint8Array, at: number): string {
  return [...packet.subarray(at, at + 4)].join('.');
}

export function ipv6At(packet: Uint8Array, at: number): string {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const words = [0, 2, 4, 6, 8, 10, 12, 14].map((offset) => view.getUint16(at + offset).toString(16));
  return words.join(':');
}
