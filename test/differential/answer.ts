/** What the other end of a packet sends back. */
import { dccp } from '../support/dccp-builder.ts';
import { echoReply, echoRequest, ip4, tcp, udp } from '../support/packet-builder.ts';
import { echoReply6, icmp6, ip6, udp6 } from '../support/packet-builder-ipv6.ts';
import { udpLite } from '../support/udp-lite-builder.ts';
import { saidIn } from './conversations.ts';
import { at } from './endpoints.ts';
import type { AnswerEvent } from './event.ts';
import { type Flow, fieldsOf, payloadOf, TCP_OPTIONS } from './flow-packet.ts';
import { ends6Of, flowPacket6 } from './packet6.ts';

/** The answer to a packet that left the gateway: addresses and ports exchanged. */
export function answerTo(packet: Uint8Array, event: AnswerEvent): Uint8Array {
  return (packet[0] ?? 0) >> 4 === 6 ? answer6(packet, event) : answer4(packet, event);
}

function answer4(packet: Uint8Array, event: AnswerEvent): Uint8Array {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const [source, destination] = [ipv4At(packet, 12), ipv4At(packet, 16)];
  const transportAt = (view.getUint8(0) & 0x0f) * 4;
  const fields = fieldsOf(event.shape);
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
    case 136:
      return udpLite(from, to, fields);
    case 33:
      return dccp(from, to, event.speech.dccp, fields);
    case 6:
      return tcp(from, to, event.speech.flags, { ...fields, ...segmentAfter(packet.subarray(transportAt), event) });
    case 1:
      return view.getUint8(transportAt) === 8
        ? echoReply(destination, source, identifier, fields)
        : echoRequest(destination, source, identifier, fields);
    default:
      return ip4(destination, source, protocol, packet.slice(transportAt), fields);
  }
}

/** The numbers that acknowledge a segment; now and then others nearby. */
function segmentAfter(
  segment: Uint8Array,
  { speech }: AnswerEvent,
): { sequence: number; acknowledgement: number; window: number; tcpOptions: Uint8Array } {
  const { window, tcpOptions, turned } = speech;
  const options = at(TCP_OPTIONS, tcpOptions);
  if (segment.length < 20) {
    return { sequence: 0, acknowledgement: 0, window, tcpOptions: options };
  }
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength);
  const flags = view.getUint8(13);
  const octets = Math.max(0, segment.length - (view.getUint8(12) >> 4) * 4);
  const end = view.getUint32(4) + octets + ((flags >> 1) & 1) + (flags & 1);
  return {
    sequence: (view.getUint32(8) + (turned ? speech.sequence : 0)) >>> 0,
    acknowledgement: (end - (turned ? speech.acknowledgement : 0)) >>> 0,
    window,
    tcpOptions: options,
  };
}

function answer6(packet: Uint8Array, event: AnswerEvent): Uint8Array {
  const ends = ends6Of(packet);
  if (ends !== undefined && packet[6] !== 58) {
    const flow: Flow = { ...ends, from: ends.to, to: ends.from, side: 'external' };
    const said = packet[6] === 6 && packet.length >= 60 ? saidIn(packet.subarray(40)) : undefined;
    return flowPacket6({ ...flow, said }, event.shape, event.speech, 0);
  }
  const { shape } = event;
  const [source, destination] = [ipv6At(packet, 8), ipv6At(packet, 24)];
  const fields = { hopLimit: shape.ttl, trafficClass: shape.tos, payload: payloadOf(shape.size) };
  const nextHeader = packet[6] ?? 0;
  switch (nextHeader) {
    case 17:
      return udp6(destination, source, [53, 5000], fields);
    case 58:
      return packet[40] === 128 && packet.length >= 46
        ? echoReply6(destination, source, ((packet[44] ?? 0) << 8) | (packet[45] ?? 0), fields)
        : icmp6(destination, source, 129, 0, fields.payload, fields);
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
