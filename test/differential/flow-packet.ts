/** One packet of a flow, in whatever protocol the flow is. */
import type { ProtocolName } from '../../src/reference/translator.ts';
import { dccp } from '../support/dccp-builder.ts';
import { echoReply, echoRequest, type Ipv4Fields, ip4, tcp, udp } from '../support/packet-builder.ts';
import { ah, EXPERIMENT, esp, gre, sctp } from '../support/portless-builder.ts';
import { udpLite } from '../support/udp-lite-builder.ts';
import { at, endpointOf } from './endpoints.ts';
import type { PacketShape, Speech } from './event.ts';

/** Endpoints are `address:port`. */
export interface Flow {
  readonly protocol: ProtocolName;
  readonly from: string;
  readonly to: string;
  /** Which side says it: the numbers of its segments, and which way round an echo goes. */
  readonly side: 'internal' | 'external';
  /** What the internal host has said last in it, if that is known. */
  readonly said?: Said | undefined;
}

/** Of a TCP segment: its acknowledgement, the sequence number after it, and the window in it. */
export interface Said {
  readonly acknowledged: number;
  readonly end: number;
  readonly window: number;
}

/** Where the sequence numbers of each side begin: in reach of every kind of overflow. */
const BEGINNING = { internal: 0x7fff_fff0, external: 0xffff_fff0 } as const;

const ROUTER_ALERT = Uint8Array.of(148, 4, 0, 0);
const SOURCE_ROUTE = Uint8Array.of(131, 7, 4, 10, 0, 0, 11, 0);

/**
 * Maximum segment sizes and window scales right and wrong, at even and odd places; then what ends before it begins.
 * The first four are as segments have them.
 */
export const TCP_OPTIONS = [
  [],
  [2, 4, 0x05, 0xb4, 1, 3, 3, 7],
  [1, 3, 3, 0],
  [1, 1, 3, 3, 14, 0, 0, 0],
  [3, 3, 15, 0],
  [1, 3, 3, 255, 3, 3, 2, 0],
  [3, 4, 5, 0],
  [3, 2, 3, 3, 9, 0, 0, 0],
  [0, 3, 3, 7],
  [2, 4, 0x05, 0xb4],
  [1, 2, 4, 0x05, 0xb4, 0, 0, 0],
  [3, 3, 7, 2, 4, 0xff, 0xff, 0],
  [8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 2, 4, 0x05, 0xb4, 1, 1],
  [2, 4, 0x05, 0xb4, 2, 4, 0x05, 0xb4],
  [2, 4, 0, 88],
  [1, 1, 2, 4],
  [1, 2, 3, 0x05, 2, 4, 0x05, 0xb4],
  [2, 5, 0x05, 0xb4, 0, 2, 4, 0xff],
  [2, 0, 0x05, 0xb4],
  [0, 2, 4, 0xff, 0xff, 0, 0, 0],
  [1, 1, 1, 2],
  [8, 60, 2, 4, 0x05, 0xb4, 0, 0],
  [1, 1, 1, 3],
  [1, 1, 3, 3],
].map((options) => Uint8Array.from(options));

/** Of the first of these options. */
const SCALES = [0, 7, 0, 14];

/** A packet of a flow; of ICMP the port of the internal side is the identifier. */
export function flowPacket(flow: Flow, shape: PacketShape, speech: Speech): Uint8Array {
  const { protocol, from, to } = flow;
  const fields = fieldsOf(shape);
  switch (protocol) {
    case 'udp':
      // An odd number of payload octets now and then comes without a checksum.
      return udp(from, to, shape.size % 8 === 5 ? { ...fields, checksum: 0 } : fields);
    case 'udp-lite': {
      const coverage = Math.min(speech.coverage, shape.size + 9);
      return udpLite(from, to, shape.size % 16 === 5 ? { ...fields, checksum: 0 } : { ...fields, coverage });
    }
    case 'tcp':
      return tcp(from, to, speech.flags, { ...fields, ...segmentOf(flow, speech) });
    case 'dccp':
      return dccp(from, to, speech.dccp, {
        ...fields,
        coverage: speech.coverage & 0x0f,
        shortSequence: shape.size % 8 === 3 && ['Data', 'Ack', 'DataAck'].includes(speech.dccp),
      });
    case 'icmp':
      return echo(flow, fields, speech.turned);
    default:
      return portless(flow, fields);
  }
}

export function segmentOf(
  { side, said }: Flow,
  speech: Speech,
): { sequence: number; acknowledgement: number; window: number; tcpOptions: Uint8Array } {
  const from = beginningOf(side, said, speech);
  return {
    sequence: (from.sequence + speech.sequence) >>> 0,
    acknowledgement: (from.acknowledgement + speech.acknowledgement) >>> 0,
    window: speech.window,
    tcpOptions: at(TCP_OPTIONS, speech.tcpOptions),
  };
}

/** Where a segment's numbers are counted from. */
function beginningOf(
  side: Flow['side'],
  said: Said | undefined,
  { after, tcpOptions }: Speech,
): { sequence: number; acknowledgement: number } {
  if (said === undefined || after === 'beginning') {
    const other = side === 'internal' ? 'external' : 'internal';
    return { sequence: BEGINNING[side], acknowledgement: BEGINNING[other] };
  }
  if (side === 'internal') {
    return { sequence: said.end, acknowledgement: said.acknowledged };
  }
  const octets = said.window * 2 ** at(SCALES, tcpOptions);
  const window = after === 'window' ? 2 ** Math.ceil(Math.log2(octets + 1)) : 0;
  return { sequence: said.acknowledged + window, acknowledgement: said.end };
}

function echo({ from, to, side }: Flow, fields: ReturnType<typeof fieldsOf>, turned: boolean): Uint8Array {
  const [source, destination] = [endpointOf(from), endpointOf(to)];
  const identifier = side === 'internal' ? source.port : destination.port;
  const build = (side === 'internal') === turned ? echoReply : echoRequest;
  return build(source.address, destination.address, identifier, fields);
}

function portless({ protocol, from, to }: Flow, fields: ReturnType<typeof fieldsOf>): Uint8Array {
  const [source, destination] = [endpointOf(from).address, endpointOf(to).address];
  switch (protocol) {
    case 'esp':
      return esp(source, destination, fields.id, fields);
    case 'gre':
      return gre(source, destination, fields.id, fields);
    case 'sctp':
      return sctp(
        source,
        destination,
        [5000, fields.id],
        fields.id % 2 === 0 ? fields : { ...fields, chunks: new Uint8Array() },
      );
    case 'ip-51':
      return ah(source, destination, fields.id, fields);
    default:
      return ip4(source, destination, protocolNumber(protocol) ?? EXPERIMENT, fields.payload, fields);
  }
}

function protocolNumber(protocol: ProtocolName): number | undefined {
  return protocol.startsWith('ip-') ? Number(protocol.slice(3)) : undefined;
}

/** IPv4 fields of a shape. */
export function fieldsOf(shape: PacketShape): Ipv4Fields & { readonly id: number; readonly payload: Uint8Array } {
  return {
    ttl: shape.ttl,
    tos: shape.tos,
    dontFragment: shape.dontFragment,
    id: shape.size,
    payload: payloadOf(shape.size),
    ...(shape.options ? { options: shape.size % 8 === 3 ? SOURCE_ROUTE : ROUTER_ALERT } : {}),
  };
}

const PAYLOADS = new Map<number, Uint8Array>();

/** Octets of a number only; every packet of that size has the same ones. */
export function payloadOf(size: number): Uint8Array {
  const known = PAYLOADS.get(size);
  if (known !== undefined) {
    return known;
  }
  const payload = Uint8Array.from({ length: size }, (_, index) => (index * 7 + size) & 0xff);
  PAYLOADS.set(size, payload);
  return payload;
}
