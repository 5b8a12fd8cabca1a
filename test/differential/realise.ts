/** Turns an event into a packet, with what the gateway has done so far. */
import type { Plan } from '../../src/plan/plan.ts';
import type { MappingRow, ProtocolName, SessionRow } from '../../src/reference/translator.ts';
import {
  concat,
  echoReply,
  echoRequest,
  type Ipv4Fields,
  icmp,
  ip4,
  tcp,
  text,
  udp,
} from '../support/packet-builder.ts';
import { answerTo } from './answer.ts';
import { damaged } from './damage.ts';
import { errorAbout } from './error-about.ts';
import type {
  AddressedEvent,
  AnswerEvent,
  Event,
  FloodEvent,
  FragmentEvent,
  InSessionEvent,
  OutboundEvent,
  PacketShape,
  ToMappingEvent,
} from './event.ts';
import { flood, fragmentOf } from './fragments.ts';
import { ipv6Packet } from './ipv6-packet.ts';

export interface Arrival {
  readonly device: number;
  readonly packet: Uint8Array;
}

/** What has happened so far. */
export interface History {
  readonly plan: Plan;
  /** Live mappings in a fixed order. */
  readonly mappings: () => readonly MappingRow[];
  /** Live sessions in a fixed order. */
  readonly sessions: () => readonly SessionRow[];
  /** Packets that left, the latest last. */
  readonly left: readonly Arrival[];
  /** Datagrams that came in fragments, as they would have been whole, the latest last. */
  readonly datagrams: readonly Datagram[];
  /** Packets that came in and were forwarded, the latest last. */
  readonly arrived: readonly Arrival[];
}

/** A packet that is sent in fragments. */
export interface Datagram {
  readonly whole: Arrival;
  readonly identification: number;
}

export const LAN = 0;
export const OFFICE = 3;

const HOSTS: readonly { readonly address: string; readonly device: number }[] = [
  { address: '10.0.0.11', device: LAN },
  { address: '10.0.0.12', device: LAN },
  { address: '10.0.0.13', device: LAN },
  { address: '10.0.1.5', device: OFFICE },
  { address: '10.0.9.7', device: LAN },
  { address: '10.0.9.8', device: LAN },
];
const PORTS = [5000, 5001, 80, 0, 65535, 1023, 5002];
const REMOTES = ['192.0.2.10', '192.0.2.20', '192.0.2.30', '203.0.113.77'];
const REMOTE_PORTS = [53, 5000, 80];

const ROUTER_ALERT = Uint8Array.of(148, 4, 0, 0);
const SOURCE_ROUTE = Uint8Array.of(131, 7, 4, 10, 0, 0, 11, 0);

/** Maximum segment sizes right and wrong, at even and odd places; then what ends before it begins. */
const TCP_OPTIONS = [
  [],
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
].map((options) => Uint8Array.from(options));

/** Addresses that are special to somebody. */
const SPECIAL = [
  '10.0.0.11',
  '10.0.1.5',
  '10.0.9.7',
  '192.0.2.10',
  '198.51.100.2',
  '203.0.113.2',
  '203.0.113.18',
  '10.0.0.1',
  '10.0.1.1',
  '10.0.0.255',
  '10.0.1.255',
  '255.255.255.255',
  '224.0.0.1',
  '224.0.1.1',
  '239.0.0.1',
  '0.0.0.0',
  '0.0.0.1',
  '127.0.0.1',
  '240.0.0.1',
  '172.16.0.1',
  '198.51.100.255',
  '203.0.113.255',
  '203.0.113.1',
  '203.0.113.9',
  '198.51.100.77',
  '10.0.0.0',
];

/** The packets of an event; `remember` is told of a datagram that begins with them. */
export function realise(event: Event, history: History, remember: (datagram: Datagram) => void): readonly Arrival[] {
  switch (event.type) {
    case 'flood':
      return flood(event);
    case 'fragment': {
      const datagram = datagramOf(event, history);
      if (datagram === undefined) {
        return [];
      }
      if (typeof event.of !== 'number') {
        remember(datagram);
      }
      return listed(fragmentOf(datagram.whole, datagram.identification, event.part));
    }
    default:
      return listed(realiseOne(event, history));
  }
}

function listed<T>(found: T | undefined): T[] {
  return found === undefined ? [] : [found];
}

function datagramOf({ of, identification }: FragmentEvent, history: History): Datagram | undefined {
  if (typeof of === 'number') {
    return pick(history.datagrams.toReversed(), of);
  }
  const whole = realiseOne(of, history);
  return whole && { whole, identification };
}

/** The packet of an event, or none where the history has nothing to make it of. */
function realiseOne(event: Exclude<Event, FragmentEvent | FloodEvent>, history: History): Arrival | undefined {
  switch (event.type) {
    case 'outbound':
      return withDamage(outbound(event), event.damage);
    case 'to-mapping':
      return withDamage(toMapping(event, history), event.damage);
    case 'in-session':
      return withDamage(inSession(event, history), event.damage);
    case 'answer':
      return withDamage(answer(event, history), event.damage);
    case 'error': {
      const about = pick(history.left, event.packet);
      return withDamage(about && { device: about.device, packet: errorAbout(about.packet, event) }, event.damage);
    }
    case 'ipv6':
      return withDamage(ipv6Packet(event, history.plan), event.damage);
    case 'addressed':
      return withDamage(addressed(event), event.damage);
    case 'again':
      return pick(history.arrived, event.packet);
    case 'garbage':
      return { device: event.device, packet: event.octets };
    case 'wait':
    case 'plan':
      return undefined;
  }
}

/** IPv4 fields of a shape. */
export function fieldsOf(shape: PacketShape): Ipv4Fields & { readonly payload: Uint8Array } {
  return {
    ttl: shape.ttl,
    tos: shape.tos,
    dontFragment: shape.dontFragment,
    id: shape.size,
    payload: payloadOf(shape.size),
    ...(shape.options ? { options: shape.size % 8 === 3 ? SOURCE_ROUTE : ROUTER_ALERT } : {}),
  };
}

export function payloadOf(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (index * 7 + size) & 0xff);
}

function withDamage(arrival: Arrival | undefined, damage: Parameters<typeof damaged>[1]): Arrival | undefined {
  return arrival && { device: arrival.device, packet: damaged(arrival.packet, damage) };
}

function outbound(event: OutboundEvent): Arrival {
  const host = at(HOSTS, event.host);
  const remote = `${at(REMOTES, event.remote)}:${at(REMOTE_PORTS, event.remotePort)}`;
  const packet = flowPacket(
    event.protocol,
    `${host.address}:${at(PORTS, event.port)}`,
    remote,
    event.flags,
    event.shape,
  );
  return { device: host.device, packet };
}

/** A packet of a flow; of ICMP the port of the source is the identifier. */
function flowPacket(protocol: ProtocolName, from: string, to: string, flags: string, shape: PacketShape): Uint8Array {
  const fields = fieldsOf(shape);
  switch (protocol) {
    default:
      // An odd number of payload octets now and then comes without a checksum.
      return udp(from, to, shape.size % 8 === 5 ? { ...fields, checksum: 0 } : fields);
    case 'tcp':
      return tcp(from, to, flags, {
        ...fields,
        sequence: 0xffff_fff0 + (shape.size % 16),
        acknowledgement: shape.size * 1000,
        tcpOptions: at(TCP_OPTIONS, shape.tcpOptions),
      });
    case 'icmp':
      return echoRequest(addressOf(from), addressOf(to), Number(from.split(':')[1]), fields);
  }
}

function toMapping(event: ToMappingEvent, history: History): Arrival | undefined {
  const mapping = pick(history.mappings(), event.mapping);
  if (mapping === undefined) {
    return undefined;
  }
  if (event.from === 'site') {
    const host = at(HOSTS, event.host);
    const from = `${host.address}:${at(PORTS, event.port)}`;
    return {
      device: host.device,
      packet: flowPacket(mapping.protocol, from, mapping.external, event.flags, event.shape),
    };
  }
  const slot = event.from === 'its-uplink' ? mapping.uplinkSlot : 1 - mapping.uplinkSlot;
  const remote = at(REMOTES, event.remote);
  const packet =
    mapping.protocol === 'icmp'
      ? echoReply(remote, addressOf(mapping.external), Number(mapping.external.split(':')[1]), fieldsOf(event.shape))
      : flowPacket(
          mapping.protocol,
          `${remote}:${at(REMOTE_PORTS, event.remotePort)}`,
          mapping.external,
          event.flags,
          event.shape,
        );
  return { device: slot + 1, packet };
}

function inSession({ session, side, flags, shape }: InSessionEvent, history: History): Arrival | undefined {
  const row = pick(history.sessions(), session);
  if (row === undefined) {
    return undefined;
  }
  const { protocol, internal, external, remote } = row;
  if (side === 'internal') {
    const host = HOSTS.find(({ address }) => address === addressOf(internal));
    return { device: host?.device ?? LAN, packet: flowPacket(protocol, internal, remote, flags, shape) };
  }
  const packet =
    protocol === 'icmp'
      ? echoReply(addressOf(remote), addressOf(external), Number(external.split(':')[1]), fieldsOf(shape))
      : flowPacket(protocol, remote, external, flags, shape);
  return { device: row.uplinkSlot + 1, packet };
}

function answer(event: AnswerEvent, history: History): Arrival | undefined {
  const seen = pick(history.left, event.packet);
  return seen && { device: seen.device, packet: answerTo(seen.packet, event) };
}

function addressed(event: AddressedEvent): Arrival {
  const source = at(SPECIAL, event.source);
  const destination = at(SPECIAL, event.destination);
  const fields = fieldsOf(event.shape);
  const packets: Readonly<Record<AddressedEvent['payload'], () => Uint8Array>> = {
    udp: () => udp(`${source}:5000`, `${destination}:5000`, fields),
    tcp: () => tcp(`${source}:5000`, `${destination}:5000`, 'SYN', fields),
    echo: () => echoRequest(source, destination, 5000, fields),
    'echo-reply': () => echoReply(source, destination, 5000, fields),
    'other-icmp': () => icmp(source, destination, 13, 0, concat(text('four'), fields.payload), fields),
    gre: () => ip4(source, destination, 47, fields.payload, fields),
  };
  return { device: event.device, packet: packets[event.payload]() };
}

export function addressOf(endpoint: string): string {
  return endpoint.split(':')[0] ?? '';
}

/** The element at an index, wrapped round; none of an empty list. */
export function pick<T>(list: readonly T[], index: number): T | undefined {
  return list[index % Math.max(list.length, 1)];
}

/** The same of a list that is not empty. */
export function at<T>(list: readonly T[], index: number): T {
  const found = pick(list, index);
  if (found === undefined) {
    throw new RangeError('an empty table');
  }
  return found;
}
