/** By which device a packet of a capture came in, as far as its addresses tell. */
import type { InternalConfig, NptdConfig } from '../config/config.ts';
import { type Ipv4Address, ipv4Address } from '../net/ipv4-address.ts';
import { ipv4PrefixContains } from '../net/ipv4-prefix.ts';
import { type Ipv6Address, ipv6FromOctets } from '../net/ipv6-address.ts';
import { ipv6PrefixContains } from '../net/ipv6-prefix.ts';

/**
 * The internal device that leads to the source of a packet, else the uplink that the destination is an external address
 * of, by name; undefined where neither is known.
 */
export function arrivalOf(config: NptdConfig, packet: Uint8Array): string | undefined {
  const version = (packet[0] ?? 0) >> 4;
  if (version === 4 && packet.length >= 20) return arrival4(config, address4(packet, 12), address4(packet, 16));
  if (version === 6 && packet.length >= 40) return arrival6(config, address6(packet, 8), address6(packet, 24));
  return undefined;
}

function arrival4(
  { internal, uplinks }: NptdConfig,
  source: Ipv4Address,
  destination: Ipv4Address,
): string | undefined {
  const leadsTo = ({ ipv4, routes }: InternalConfig) =>
    ipv4.some(({ prefix }) => ipv4PrefixContains(prefix, source)) ||
    routes.some(({ to }) => to.family === 4 && ipv4PrefixContains(to, source));
  const uplink = uplinks.find(
    ({ ipv4 }) => ipv4?.pool.includes(destination) === true || ipv4?.address.address === destination,
  );
  return (internal.find(leadsTo) ?? uplink)?.name;
}

function arrival6(
  { internal, uplinks }: NptdConfig,
  source: Ipv6Address,
  destination: Ipv6Address,
): string | undefined {
  const leadsTo = ({ ipv6, routes }: InternalConfig) =>
    ipv6.some(({ prefix }) => ipv6PrefixContains(prefix, source)) ||
    routes.some(({ to }) => to.family === 6 && ipv6PrefixContains(to, source));
  const uplink = uplinks.find(
    ({ ipv6 }) =>
      ipv6?.pairs.some(({ external }) => ipv6PrefixContains(external, destination)) === true ||
      ipv6?.address.address === destination,
  );
  return (internal.find(leadsTo) ?? uplink)?.name;
}

function address4(packet: Uint8Array, at: number): Ipv4Address {
  return ipv4Address(new DataView(packet.buffer, packet.byteOffset + at, 4).getUint32(0));
}

const address6 = (packet: Uint8Array, at: number): Ipv6Address => ipv6FromOctets(packet.subarray(at, at + 16));
