/** Many packets of one kind, where tables fill up. */
import { ip4 } from '../support/packet-builder.ts';
import { at, HOSTS, LAN, OFFICE, REMOTES } from './endpoints.ts';
import type { FloodEvent, PacketShape, Speech } from './event.ts';
import { flowPacket, payloadOf } from './flow-packet.ts';
import type { Arrival } from './history.ts';

const SHAPE: PacketShape = { ttl: 64, size: 0, dontFragment: true, tos: 0, options: false };
const OPENING: Speech = {
  flags: 'SYN',
  dccp: 'Request',
  tcpOptions: 0,
  sequence: 0,
  acknowledgement: 0,
  after: 'beginning',
  window: 65_535,
  coverage: 0,
  turned: false,
};

const FIRST_PORT = 30_000;

export function flood(event: FloodEvent): Arrival[] {
  return Array.from({ length: event.count }, (_, index) => one(event, index));
}

function one(event: FloodEvent, index: number): Arrival {
  const { device, kind, protocol } = event;
  const isInternal = device === LAN || device === OFFICE;
  const own = device === 1 ? '203.0.113.2' : '198.51.100.2';
  switch (kind) {
    case 'lone':
    case 'first': {
      const [from, to] = isInternal ? ['10.0.0.13', at(REMOTES, 2)] : [at(REMOTES, 2), own];
      const place = kind === 'lone' ? { fragmentOffset: 800 } : { moreFragments: true };
      return { device, packet: ip4(from, to, 253, payloadOf(8), { ...place, id: index }) };
    }
    case 'flows': {
      const host = at(HOSTS, index % 3);
      const flow = {
        protocol,
        from: `${host.address}:${FIRST_PORT + index}`,
        to: `${at(REMOTES, 0)}:80`,
        side: 'internal',
      } as const;
      return { device: host.device, packet: flowPacket(flow, SHAPE, OPENING) };
    }
    case 'calls': {
      const flow = {
        protocol,
        from: `${at(REMOTES, 1)}:${FIRST_PORT + index}`,
        to: `${own}:7`,
        side: 'external',
      } as const;
      return { device: isInternal ? 1 : device, packet: flowPacket(flow, SHAPE, OPENING) };
    }
  }
}
