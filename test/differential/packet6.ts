/** One packet of an IPv6 flow, in whatever protocol the flow is. */
import ipaddr from 'ipaddr.js';
import type { ProtocolName } from '../../src/reference/translator.ts';
import {
  destinationOptions,
  type Extension,
  echoReply6,
  echoRequest6,
  fragmentHeader,
  icmp6,
  ip6,
  tcp6,
  udp6,
} from '../support/packet-builder-ipv6.ts';
import { type Chunk, dccp6, sctp6, udpLite6 } from '../support/transports-ipv6.ts';
import { at } from './endpoints.ts';
import type { PacketShape, Speech } from './event.ts';
import { type Flow, payloadOf, segmentOf } from './flow-packet.ts';

/** What stands between the IPv6 header and the rest: mostly nothing. */
export const EXTENSIONS6: readonly (readonly Extension[])[] = [
  [],
  [],
  [],
  [],
  [],
  [],
  [],
  [destinationOptions()],
  [fragmentHeader(0, true, 7)],
  [fragmentHeader(0, true, 8)],
  [fragmentHeader(0, false, 7)],
  [fragmentHeader(0, true, 7), fragmentHeader(0, true, 8)],
  [{ header: 139, body: destinationOptions().body }],
];

/** A packet of a flow between `[address]:port` and another; of an echo the port of the internal side is the identifier. */
export function flowPacket6(flow: Flow, shape: PacketShape, speech: Speech, extension: number): Uint8Array {
  const [source, destination] = [endpoint6Of(flow.from), endpoint6Of(flow.to)];
  const [from, to] = [source.address, destination.address];
  const ports = [source.port, destination.port] as const;
  const fields = {
    hopLimit: shape.ttl,
    trafficClass: shape.tos,
    payload: payloadOf(shape.size),
    extensions: at(EXTENSIONS6, extension),
  };
  switch (flow.protocol) {
    case 'udp':
      return udp6(from, to, ports, fields);
    case 'udp-lite':
      return udpLite6(from, to, ports, fields);
    case 'tcp':
      return tcp6(from, to, ports, speech.flags, { ...fields, ...segmentOf(flow, speech) });
    case 'dccp':
      return dccp6(from, to, ports, speech.dccp, fields);
    case 'sctp':
      return sctp6(from, to, ports, CHUNKS[speech.flags] ?? 'DATA', fields);
    case 'icmpv6': {
      if (shape.options) {
        return icmp6(
          from,
          to,
          144 + (shape.size % 4),
          0,
          fields.payload.length < 4 ? new Uint8Array(4) : fields.payload,
          fields,
        );
      }
      const identifier = flow.side === 'internal' ? source.port : destination.port;
      const build = (flow.side === 'internal') === speech.turned ? echoReply6 : echoRequest6;
      return build(from, to, identifier, fields);
    }
    default:
      return ip6(from, to, NUMBERS[flow.protocol] ?? 253, fields.payload, fields);
  }
}

/** What an association says where TCP has these flags. */
const CHUNKS: Readonly<Record<string, Chunk>> = {
  SYN: 'INIT',
  'SYN,ACK': 'INIT ACK',
  RST: 'ABORT',
  'RST,ACK': 'SHUTDOWN COMPLETE',
  FIN: 'SHUTDOWN ACK',
  'FIN,ACK': 'SHUTDOWN',
  '': 'none',
};

const NUMBERS: Partial<Record<ProtocolName, number>> = { gre: 47, esp: 50, 'ip-51': 51, 'ip-59': 59 };

/** `[2001:db8::1]:80` in its two parts. */
export function endpoint6Of(text: string): { readonly address: string; readonly port: number } {
  const end = text.lastIndexOf(']:');
  return { address: text.slice(1, end), port: Number(text.slice(end + 2)) };
}

/** `[2001:db8::1]:80` as rows of sessions have it. */
function formatEndpoint6(address: Uint8Array, port: number): string {
  return `[${new ipaddr.IPv6([...address]).toRFC5952String()}]:${port}`;
}

const PROTOCOLS: Readonly<Record<number, ProtocolName>> = {
  6: 'tcp',
  17: 'udp',
  33: 'dccp',
  47: 'gre',
  50: 'esp',
  51: 'ip-51',
  58: 'icmpv6',
  59: 'ip-59',
  132: 'sctp',
  136: 'udp-lite',
};

/** What an IPv6 packet without extension headers says about its flow, ports 0 where it has none. */
export function ends6Of(packet: Uint8Array): Pick<Flow, 'protocol' | 'from' | 'to'> | undefined {
  const protocol = PROTOCOLS[packet[6] ?? 0];
  if (packet.length < 48 || (packet[0] ?? 0) >> 4 !== 6 || protocol === undefined) {
    return undefined;
  }
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const hasPorts = ['tcp', 'udp', 'dccp', 'sctp', 'udp-lite'].includes(protocol);
  const identifier = protocol === 'icmpv6' ? view.getUint16(44) : 0;
  return {
    protocol,
    from: formatEndpoint6(packet.slice(8, 24), hasPorts ? view.getUint16(40) : identifier),
    to: formatEndpoint6(packet.slice(24, 40), hasPorts ? view.getUint16(42) : identifier),
  };
}
