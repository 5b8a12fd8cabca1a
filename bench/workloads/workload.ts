/** The workloads of the benchmarks as frames that any engine can be given. */
import { concat, echoRequest, tcp, udp } from '../../test/support/packet-builder.ts';
import { tcp6, udp6 } from '../../test/support/packet-builder-ipv6.ts';
import { GATEWAY_MAC, HOSTS, host4, host6, hostMac, SERVER } from './site.ts';

export interface Workload {
  readonly name: string;
  readonly description: string;
  /** Too large to be written unless it is asked for. */
  readonly large?: true;
  /** Number of flows; the capture has one opening frame of each, then `rounds` frames of each in random order. */
  readonly flows: number;
  readonly rounds: number;
  /** The opening packet of a flow, and every later one. */
  readonly packets: (flow: number) => readonly [opening: Uint8Array, later: Uint8Array];
}

export const WORKLOADS: readonly Workload[] = [
  nat44('1k', 1000, 64),
  nat44('64k', 64_000, 1),
  { ...nat44('1m', 1_000_000, 1), large: true },
  {
    name: 'nptv6-out',
    description:
      'one UDP flow of each of 1,024 hosts through the prefix pair; frames of 68 octets, check sequence included',
    flows: HOSTS,
    rounds: 64,
    packets: (flow) => same(udp6(host6(flow), SERVER.ipv6, [5000, 443], { payload: new Uint8Array(2) })),
  },
  {
    name: 'mix',
    description:
      '16,384 flows: of four packets three are IPv4 and one IPv6; UDP and TCP half and half, and some pings; of twelve frames 7 have 64 octets, 4 have 594 and 1 has 1,518 (simple IMIX)',
    flows: 16_384,
    rounds: 4,
    packets: mixed,
  },
];

/** As in the Rust suite: one mapping a session, UDP and TCP half and half. */
function nat44(label: string, flows: number, rounds: number): Workload {
  const packets: Workload['packets'] = (flow) => {
    const from = `${host4(flow % HOSTS)}:${1024 + Math.floor(flow / HOSTS)}`;
    const to = `${SERVER.ipv4}:443`;
    return flow % 2 === 0
      ? same(udp(from, to, { payload: new Uint8Array(18) }))
      : [tcp(from, to, 'SYN'), tcp(from, to, 'ACK', { sequence: 1001, payload: new Uint8Array(6) })];
  };
  const hosts = `${flows.toLocaleString('en-US')} sessions of 1,024 hosts over 32 external addresses`;
  const description = `${hosts}, one mapping a session, UDP and TCP half and half; frames of 64 octets, check sequence included`;
  return { name: `nat44-out-${label}`, description, flows, rounds, packets };
}

/** Octets of IP packets whose frames have 64, 594 and 1,518, in their shares. */
const IMIX = [46, 46, 46, 46, 46, 46, 46, 576, 576, 576, 576, 1500];

function mixed(flow: number): readonly [Uint8Array, Uint8Array] {
  const [host, port] = [flow % HOSTS, 2000 + Math.floor(flow / HOSTS)];
  const octets = IMIX[Math.floor(flow / 8) % IMIX.length] ?? 46;
  const room = (headers: number) => new Uint8Array(Math.max(0, octets - headers));
  const [from, to] = [`${host4(host)}:${port}`, `${SERVER.ipv4}:443`];
  switch (flow % 8) {
    case 3:
      return same(udp6(host6(host), SERVER.ipv6, [port, 443], { payload: room(48) }));
    case 7: {
      const [source, ports] = [host6(host), [port, 443] as const];
      const later = tcp6(source, SERVER.ipv6, ports, 'ACK', { sequence: 1001, payload: room(60) });
      return [tcp6(source, SERVER.ipv6, ports, 'SYN'), later];
    }
    case 0:
    case 2:
    case 4:
      return [tcp(from, to, 'SYN'), tcp(from, to, 'ACK', { sequence: 1001, payload: room(40) })];
    case 6:
      return same(
        flow % 64 === 6
          ? echoRequest(host4(host), SERVER.ipv4, port, { payload: room(28) })
          : udp(from, to, { payload: room(28) }),
      );
    default:
      return same(udp(from, to, { payload: room(28) }));
  }
}

const same = (packet: Uint8Array): readonly [Uint8Array, Uint8Array] => [packet, packet];

/** All frames in order: the openings, then rounds in random order, which is the same in every run. */
export function framesOf({ flows, rounds, packets }: Workload): Uint8Array[] {
  const opened = Array.from({ length: flows }, (_, flow) => packets(flow).map((packet) => frame(flow, packet)));
  const order = shuffled(flows);
  const later = order.flatMap((flow) => opened[flow]?.[1] ?? []);
  return [...opened.flatMap(([opening]) => opening ?? []), ...Array.from({ length: rounds }, () => later).flat()];
}

/** Shortest Ethernet frame without its check sequence. */
const FRAME_OCTETS_MIN = 60;

function frame(flow: number, packet: Uint8Array): Uint8Array {
  const type = (packet[0] ?? 0) >> 4 === 4 ? [0x08, 0x00] : [0x86, 0xdd];
  const octets = concat(GATEWAY_MAC, hostMac(flow % HOSTS), Uint8Array.from(type), packet);
  return octets.length >= FRAME_OCTETS_MIN ? octets : concat(octets, new Uint8Array(FRAME_OCTETS_MIN - octets.length));
}

/** The numbers below `count` in an order that is random to a cache (Fisher and Yates, with a generator of Lehmer's kind). */
export function shuffled(count: number): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  let seed = 1;
  for (let last = count - 1; last > 0; last -= 1) {
    seed = (seed * 48_271) % 0x7fff_ffff;
    const other = seed % (last + 1);
    const moved = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = moved;
  }
  return order;
}
