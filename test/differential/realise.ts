/** Turns an event into packets, with what the gateway has done so far. */
import type { PlanStaticMapping } from '../../src/plan/plan.ts';
import type { ProtocolName, SessionRow } from '../../src/reference/translator.ts';
import { dccp } from '../support/dccp-builder.ts';
import { concat, echoReply, echoRequest, icmp, ip4, tcp, text, udp } from '../support/packet-builder.ts';
import { ah } from '../support/portless-builder.ts';
import { udpLite } from '../support/udp-lite-builder.ts';
import { answerTo } from './answer.ts';
import { damaged } from './damage.ts';
import { dialogue } from './dialogue.ts';
import { at, deviceOf, endpointOf, HOSTS, PORTS, pick, REMOTE_PORTS, REMOTES, SPECIAL } from './endpoints.ts';
import { errorAbout } from './error-about.ts';
import type {
  AddressedEvent,
  AgainEvent,
  AnswerEvent,
  DialogueEvent,
  Event,
  FragmentEvent,
  GarbageEvent,
  InSessionEvent,
  Ipv6Event,
  OutboundEvent,
  PacketEvent,
  ToMappingEvent,
  ToPublishedEvent,
} from './event.ts';
import { flood } from './flood.ts';
import { fieldsOf, flowPacket } from './flow-packet.ts';
import { flow6, inSession6 } from './flow6.ts';
import { fragmentOf } from './fragments.ts';
import type { Arrival, Datagram, History } from './history.ts';
import { ipv6Packet } from './ipv6-packet.ts';

/**
 * The packets of an event, each made when the one before it is through.
 * @param remember is told of a datagram that begins with them
 */
export function* realise(
  event: Event,
  history: History,
  remember: (datagram: Datagram) => void,
): Generator<Arrival, void, undefined> {
  switch (event.type) {
    case 'flood':
      yield* flood(event);
      break;
    case 'dialogue':
      yield* fromOpening(event, history);
      break;
    case 'fragment':
      yield* listed(fragment(event, history, remember));
      break;
    case 'wait':
    case 'tick':
    case 'restore':
    case 'plan':
      break;
    default:
      yield* listed(realiseOne(event, history));
  }
}

function* fromOpening(event: DialogueEvent, history: History): Generator<Arrival> {
  const first = realiseOne(event.opening, history);
  if (first !== undefined) {
    yield first;
    yield* dialogue(event, first, history);
  }
}

function fragment(event: FragmentEvent, history: History, remember: (datagram: Datagram) => void): Arrival | undefined {
  const datagram = datagramOf(event, history);
  if (datagram !== undefined && typeof event.of !== 'number') {
    remember(datagram);
  }
  return datagram && fragmentOf(datagram.whole, datagram.identification, event.part);
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
function realiseOne(event: PacketEvent | Ipv6Event | AgainEvent | GarbageEvent, history: History): Arrival | undefined {
  switch (event.type) {
    case 'again':
      return pick(history.arrived, event.packet);
    case 'garbage':
      return { device: event.device, packet: event.octets };
    default: {
      const arrival = undamaged(event, history);
      return arrival && { device: arrival.device, packet: damaged(arrival.packet, event.damage) };
    }
  }
}

function undamaged(event: PacketEvent | Ipv6Event, history: History): Arrival | undefined {
  switch (event.type) {
    case 'outbound':
      return outbound(event);
    case 'to-mapping':
      return toMapping(event, history);
    case 'to-published':
      return toPublished(event, history);
    case 'in-session':
      return inSession(event, history);
    case 'answer':
      return answer(event, history);
    case 'error': {
      const about = pick(history.left, event.packet);
      return about && { device: about.device, packet: errorAbout(about.packet, event) };
    }
    case 'ipv6':
      return ipv6Packet(event, history.plan);
    case 'flow6':
      return flow6(event, history);
    case 'addressed':
      return addressed(event);
  }
}

function outbound(event: OutboundEvent): Arrival {
  const to = `${at(REMOTES, event.remote)}:${at(REMOTE_PORTS, event.remotePort)}`;
  return fromHost(event, event.protocol, to);
}

/** From a host of the site to any endpoint. */
function fromHost(
  event: OutboundEvent | ToMappingEvent | ToPublishedEvent,
  protocol: ProtocolName,
  to: string,
): Arrival {
  const host = at(HOSTS, event.host);
  const flow = { protocol, from: `${host.address}:${at(PORTS, event.port)}`, to, side: 'internal' } as const;
  return { device: host.device, packet: flowPacket(flow, event.shape, event.speech) };
}

/** From a remote endpoint by an uplink. */
function fromRemote(
  event: ToMappingEvent | ToPublishedEvent,
  protocol: ProtocolName,
  to: string,
  slot: number,
): Arrival {
  const from = `${at(REMOTES, event.remote)}:${at(REMOTE_PORTS, event.remotePort)}`;
  const flow = { protocol, from, to, side: 'external' } as const;
  return { device: slot + 1, packet: flowPacket(flow, event.shape, event.speech) };
}

function toMapping(event: ToMappingEvent, history: History): Arrival | undefined {
  const mapping = pick(history.mappings, event.mapping);
  return mapping && toExternal(event, mapping.protocol, mapping.external, mapping.uplinkSlot);
}

function toPublished(event: ToPublishedEvent, history: History): Arrival | undefined {
  const published = pick(history.plan.nat44.staticMappings, event.published);
  return published && toExternal(event, ...externalOf(published, event), published.slot);
}

function toExternal(
  event: ToMappingEvent | ToPublishedEvent,
  protocol: ProtocolName,
  external: string,
  slot: number,
): Arrival {
  switch (event.from) {
    case 'site':
      return fromHost(event, protocol, external);
    case 'its-uplink':
      return fromRemote(event, protocol, external, slot);
    case 'other-uplink':
      return fromRemote(event, protocol, external, 1 - slot);
  }
}

const NAMES: Readonly<Record<number, ProtocolName>> = { 6: 'tcp', 17: 'udp', 33: 'dccp', 136: 'udp-lite' };

/** A published endpoint with its protocol; of a whole address any one. */
function externalOf({ externalAddress, ports }: PlanStaticMapping, event: ToPublishedEvent): [ProtocolName, string] {
  const address = dotted(externalAddress);
  if (ports === undefined) {
    return [event.protocol, `${address}:${at(PORTS, event.place)}`];
  }
  const port = (ports.external + (event.place % (ports.count + 1))) & 0xffff;
  return [NAMES[ports.protocol] ?? 'udp', `${address}:${port}`];
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((bits) => (address >>> bits) & 0xff).join('.');
}

/** The session that an event names. */
export function sessionOf(event: InSessionEvent, history: History): SessionRow | undefined {
  return event.session === 'same' ? history.session : pick(history.sessions, event.session);
}

function inSession(event: InSessionEvent, history: History): Arrival | undefined {
  const row = sessionOf(event, history);
  if (row === undefined) {
    return undefined;
  }
  if (row.internal.startsWith('[')) {
    return inSession6(event, row, history);
  }
  const { side, shape, speech } = event;
  const { protocol, internal, external, remote, apparent = remote } = row;
  const said = history.conversations.said(external, remote);
  if (side === 'internal') {
    const packet = flowPacket({ protocol, from: internal, to: apparent, side, said }, shape, speech);
    return { device: deviceOf(endpointOf(internal).address), packet };
  }
  const packet = flowPacket({ protocol, from: remote, to: external, side, said }, shape, speech);
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
  const [from, to] = [`${source}:5000`, `${destination}:5000`];
  const packets: Readonly<Record<AddressedEvent['payload'], () => Uint8Array>> = {
    udp: () => udp(from, to, fields),
    'udp-lite': () => udpLite(from, to, fields),
    tcp: () => tcp(from, to, 'SYN', fields),
    dccp: () => dccp(from, to, 'Request', fields),
    echo: () => echoRequest(source, destination, 5000, fields),
    'echo-reply': () => echoReply(source, destination, 5000, fields),
    'other-icmp': () => icmp(source, destination, 13, 0, concat(text('four'), fields.payload), fields),
    gre: () => ip4(source, destination, 47, fields.payload, fields),
    ah: () => ah(source, destination, 1, fields),
  };
  return { device: event.device, packet: packets[event.payload]() };
}
