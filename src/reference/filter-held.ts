/** What the filter holds of a refused packet until time or a session decides ("Held opening packets" in docs/decisions.md). */
import { formatEndpoint6 } from './address.ts';
import { filterFlow, protocolNumber } from './filter-flow.ts';
import type { OpeningPacket } from './held-packets.ts';
import type { Ipv6Packet } from './packet.ts';

/**
 * What is to be held of a packet, if anything (6092-R34, 6092-R39).
 * @param packet as received
 */
export function openingOf6(packet: Ipv6Packet): OpeningPacket | undefined {
  const flow = packet.isFragment ? undefined : filterFlow(packet, 'external');
  if (flow === undefined || 'kind' in flow || !flow.calls) {
    return undefined;
  }
  return {
    packet,
    protocol: protocolNumber(flow.protocol),
    external: formatEndpoint6(flow.internal),
    remote: formatEndpoint6(flow.remote),
  };
}
