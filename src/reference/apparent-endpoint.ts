/**
 * Gateway-sourced sessions ("Published servers" in docs/decisions.md): the internal host sees the gateway in place of the
 * real remote endpoint.
 */
import type { Endpoint } from './address.ts';
import { outboundFlow } from './flow.ts';
import type { Session } from './mapping-table.ts';
import type { Nat44Context } from './nat44-leg.ts';
import { writeU8, writeU16, writeU32 } from './octets.ts';
import type { Ipv4Packet } from './packet.ts';
import { readQuote } from './quoted-packet.ts';
import { sipHash24 } from './siphash.ts';
import type { StaticPair } from './static-mappings.ts';
import { deviceAt } from './steering.ts';

const HASHED_CANDIDATES = 16;
const PORT_LOW = 1024;
const PORTS = 65_536 - PORT_LOW;

/** The live session that a whole packet, a first fragment or an ICMP error from the site belongs to by its apparent endpoint. */
export function gatewaySourcedSession(context: Nat44Context, packet: Ipv4Packet): Session | undefined {
  const { plan, workers } = context;
  const flow = outboundFlow(plan, packet);
  if ('protocol' in flow) {
    const { table } = workers.ofFlow(flow.protocol, flow.source, flow.destination);
    return table.sessionOnAnyUplink(plan, flow.protocol, flow.source, flow.destination, 'gateway-sourced');
  }
  const quote = flow.kind === 'icmp-error' ? readQuote(plan, packet) : flow;
  if ('kind' in quote || quote.source.address !== packet.destination) {
    return undefined;
  }
  const { table } = workers.ofFlow(quote.protocol, quote.destination, quote.source);
  return table.sessionOnAnyUplink(plan, quote.protocol, quote.destination, quote.source, 'gateway-sourced');
}

/** The address of the gateway on the device that leads to an internal host. */
export function apparentAddress({ plan }: Nat44Context, device: number): number | undefined {
  return deviceAt(plan, device).ipv4[0]?.address;
}

/** An endpoint of the gateway that the internal one does not know yet: with the remote port if possible; or none. */
export function apparentEndpoint(
  { plan, table, options }: Nat44Context,
  protocol: number,
  { internal }: StaticPair,
  remote: Endpoint,
  address: number,
): Endpoint | undefined {
  const hashed = Array.from(
    { length: HASHED_CANDIDATES },
    (_, k) => PORT_LOW + Number(candidateHash(options.secret, protocol, internal, remote, k) % BigInt(PORTS)),
  );
  return [remote.port, ...hashed]
    .map((port) => ({ address, port }))
    .find((apparent) => !table.isKnown(plan, protocol, internal, apparent));
}

function candidateHash(secret: Uint8Array, protocol: number, internal: Endpoint, remote: Endpoint, k: number): bigint {
  const message = new Uint8Array(14);
  writeU8(message, 0, protocol);
  writeU32(message, 1, internal.address);
  writeU16(message, 5, internal.port);
  writeU32(message, 7, remote.address);
  writeU16(message, 11, remote.port);
  writeU8(message, 13, k);
  return sipHash24(secret, message);
}
