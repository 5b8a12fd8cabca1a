/** Packets of IPv6 flows: from hosts of the site, to what has been seen of them, and between them. */

import type { SessionRow } from '../../src/reference/translator.ts';
import { ipv6At } from './answer.ts';
import { at, LAN, OFFICE, PORTS, pick, REMOTE_PORTS } from './endpoints.ts';
import type { Flow6Event, InSessionEvent } from './event.ts';
import type { Arrival, History } from './history.ts';
import { endpoint6Of, flowPacket6 } from './packet6.ts';

/** Hosts by their prefix: two with addresses of ISPs, one behind an inner router, one that no pair covers. */
export const HOSTS6: readonly string[] = [
  'fd01:203:405:101::11',
  'fd01:203:405:101::12',
  'fd01:203:405:102::5',
  '2001:db8:1:10::11',
  '2001:db8:5555:10::11',
  'fd01:203:405:109::7',
];

const REMOTES6 = ['2001:db8:ffff::53', '2001:db8:fffe::1', '2001:db8:ffff::54', '2001:db8:a::77'];

export function flow6(event: Flow6Event, history: History): Arrival | undefined {
  const { protocol, shape, speech, extension } = event;
  const host = at(HOSTS6, event.host);
  const [inner, outer] = [at(PORTS, event.port), at(REMOTE_PORTS, event.remotePort)];
  const remote = at(REMOTES6, event.remote);
  const seen = pick(seenOf(history), event.seen);
  if (event.from === 'site') {
    const flow = { protocol, from: `[${host}]:${inner}`, to: `[${remote}]:${outer}`, side: 'internal' } as const;
    return { device: device6Of(host), packet: flowPacket6(flow, shape, speech, extension) };
  }
  if (seen === undefined) {
    return undefined;
  }
  const to = `[${seen.address}]:${inner}`;
  if (event.from === 'neighbour') {
    const flow = { protocol, from: `[${host}]:${outer}`, to, side: 'internal' } as const;
    return { device: device6Of(host), packet: flowPacket6(flow, shape, speech, extension) };
  }
  const flow = { protocol, from: `[${remote}]:${outer}`, to, side: 'external' } as const;
  return { device: seen.device, packet: flowPacket6(flow, shape, speech, extension) };
}

/** The packet of a live session of the filter, from either end of it. */
export function inSession6({ side, shape, speech }: InSessionEvent, row: SessionRow, history: History): Arrival {
  const { protocol, internal, external, remote } = row;
  const said = history.conversations.said(external, remote);
  if (side === 'internal') {
    const packet = flowPacket6({ protocol, from: internal, to: remote, side, said }, shape, speech, 0);
    return { device: device6Of(endpoint6Of(internal).address), packet };
  }
  const packet = flowPacket6({ protocol, from: remote, to: external, side, said }, shape, speech, 0);
  return { device: row.uplinkSlot + 1, packet };
}

/** Addresses that packets have left with, by their uplinks. */
function seenOf({ left, plan }: History): { readonly address: string; readonly device: number }[] {
  return left
    .filter(({ device, packet }) => plan.devices[device]?.uplinkSlot !== undefined && isIpv6(packet))
    .map(({ device, packet }) => ({ address: ipv6At(packet, 8), device }));
}

function isIpv6(packet: Uint8Array): boolean {
  return packet.length >= 40 && (packet[0] ?? 0) >> 4 === 6;
}

function device6Of(host: string): number {
  return host.startsWith('fd01:203:405:102:') ? OFFICE : LAN;
}
