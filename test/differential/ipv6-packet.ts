/** IPv6 packets from the parts that an event names. */
import type { Plan, PlanPrefixPair } from '../../src/plan/plan.ts';
import { concat } from '../support/packet-builder.ts';
import {
  destinationOptions,
  type Extension,
  fragmentHeader,
  icmp6,
  ip6,
  ipv6,
  udp6,
} from '../support/packet-builder-ipv6.ts';
import { ipv6At } from './answer.ts';
import { at, LAN, OFFICE, pick } from './endpoints.ts';
import type { Ipv6Choice, Ipv6Event } from './event.ts';
import { payloadOf } from './flow-packet.ts';
import type { Arrival } from './history.ts';

type PrefixKind = 'internal' | 'external-a' | 'external-b' | 'remote' | 'special' | 'gateway';

/** What kinds of address come from and go to where, the usual ones more often. */
const KINDS: Readonly<
  Record<'site' | 'uplink', { readonly source: readonly PrefixKind[]; readonly destination: readonly PrefixKind[] }>
> = {
  site: {
    source: ['internal', 'internal', 'internal', 'internal', 'internal', 'internal', 'external-a', 'special'],
    destination: ['remote', 'remote', 'remote', 'external-a', 'external-a', 'external-b', 'gateway', 'special'],
  },
  uplink: {
    source: ['remote', 'remote', 'remote', 'remote', 'remote', 'internal', 'external-a', 'special'],
    destination: [
      'external-a',
      'external-a',
      'external-a',
      'external-b',
      'external-b',
      'gateway',
      'internal',
      'special',
    ],
  },
};

const INTERNAL_SUBNETS = ['101', '102', '109', '101', '102', '1ff', 'ffff', '2'];
const EXTERNAL_SUBNETS = ['d550', '5601', '5602', 'ffff', 'aaaa', 'aaab', '5611', 'd650'];
const INTERFACE_IDS = [
  '0:0:0:1234',
  'ffff:ffff:ffff:ffff',
  '0:0:0:0',
  'ffff:1:2:3',
  'ffff:ffff:0:1',
  '2ab0:0:0:0',
  'd54f:0:0:0',
  'ffff:ffff:ffff:0',
];
const SPECIAL = [
  '::',
  '::1',
  'ff02::1',
  'fe80::1',
  'fe80::99',
  '::ffff:192.0.2.1',
  'ff0e::1',
  'fd99::1',
  'fec0::1',
  'feff:ffff::1',
  '2001:1f:ffff::1',
  '2001:20::1',
  '::192.0.2.1',
  '2001:db9::1',
];
const GATEWAY = [
  'fd01:203:405:101::1',
  'fd01:203:405:102::1',
  '2001:db8:a::2',
  '2001:db8:b::2',
  'fe80::1',
  'ff02::1:ff00:1',
  'ff01::1',
  '2001:db8:a::77',
  '2001:db8:b::77',
];
const ICMP_TYPES = [128, 128, 128, 129, 135, 130, 1, 200];

export function ipv6Packet(event: Ipv6Event, plan: Plan): Arrival {
  const fromSite = event.from === 'site';
  const kinds = KINDS[fromSite ? 'site' : 'uplink'];
  const source = address(at(kinds.source, event.source.prefix), event.source, plan);
  const destination = address(at(kinds.destination, event.destination.prefix), event.destination, plan);
  const siteDevice = event.source.subnet === 1 ? OFFICE : LAN;
  const device = fromSite ? siteDevice : event.from === 'uplink-a' ? 1 : 2;
  return { device, packet: packetBetween(source, destination, event) };
}

function address(kind: PrefixKind, choice: Ipv6Choice, plan: Plan): string {
  const interfaceId = at(INTERFACE_IDS, choice.interfaceId);
  switch (kind) {
    case 'internal':
      return `fd01:203:405:${at(INTERNAL_SUBNETS, choice.subnet)}:${interfaceId}`;
    case 'external-a':
      return external(plan, 0, choice);
    case 'external-b':
      return external(plan, 1, choice);
    case 'remote':
      return `2001:db8:ffff:${choice.subnet}::53`;
    case 'special':
      return at(SPECIAL, choice.subnet);
    case 'gateway':
      return at(GATEWAY, choice.subnet);
  }
}

/** An address inside an external prefix of an uplink, if it has one. */
function external(plan: Plan, slot: number, choice: Ipv6Choice): string {
  const address = ipv6(`2001:db8:1:${at(EXTERNAL_SUBNETS, choice.subnet)}:${at(INTERFACE_IDS, choice.interfaceId)}`);
  const pair: PlanPrefixPair | undefined = pick(plan.uplinks[slot]?.ipv6?.pairs ?? [], choice.interfaceId);
  if (pair === undefined) {
    return ipv6At(address, 0);
  }
  const inside = pair.external.map((octet, index) => {
    const prefixBits = Math.min(8, Math.max(0, pair.externalLength - index * 8));
    const mask = 0xff >> prefixBits;
    return (octet & ~mask) | ((address[index] ?? 0) & mask);
  });
  return ipv6At(inside, 0);
}

function packetBetween(source: string, destination: string, event: Ipv6Event): Uint8Array {
  const { shape, nextHeader } = event;
  const fields = {
    hopLimit: shape.ttl,
    trafficClass: shape.tos,
    flowLabel: shape.size,
    payload: payloadOf(shape.size),
    extensions: event.extensions.map(extension),
  };
  switch (nextHeader) {
    case 17:
      return udp6(source, destination, [5000, 53], fields);
    case 58:
      return icmp6(
        source,
        destination,
        at(ICMP_TYPES, shape.size),
        0,
        concat(new Uint8Array(4), fields.payload),
        fields,
      );
    default:
      return ip6(source, destination, nextHeader, fields.payload, fields);
  }
}

function extension(kind: number): Extension {
  const routing = (type: number): Extension => ({ header: 43, body: Uint8Array.of(0, type, 0, 0, 0, 0, 0) });
  const extensions = [
    { header: 0, body: destinationOptions().body },
    destinationOptions(),
    destinationOptions(),
    fragmentHeader(0, true),
    fragmentHeader(1232, false),
    routing(2),
    routing(0),
  ];
  return at(extensions, kind);
}
