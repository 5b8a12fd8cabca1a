/** Shares of new flows by weighted rendezvous ("Policies" in docs/decisions.md): an uplink that comes or goes moves its own keys only. */
import type { PlanPersistence, PlanUplink } from '../plan/plan.ts';
import { concatOctets, writeU16, writeU32, writeU128 } from './octets.ts';
import { sipHash24 } from './siphash.ts';
import type { Traffic } from './traffic.ts';

/** Of the binary logarithm. */
const FRACTION_BITS = 24;

export interface WeightedUplink {
  readonly uplink: PlanUplink;
  /** Above 0. */
  readonly weight: number;
}

/** The one with the best score, of equals the first; undefined of none. */
export function bestByWeight(
  uplinks: readonly WeightedUplink[],
  key: Uint8Array,
  secret: Uint8Array,
): PlanUplink | undefined {
  const scored = uplinks.map(({ uplink, weight }) => {
    const hash = sipHash24(secret, concatOctets(key, Uint8Array.of(uplink.slot)));
    return { uplink, weight: BigInt(weight), length: lengthOf(hash) };
  });
  const best = scored.reduce<(typeof scored)[number] | undefined>(
    (found, one) => (found === undefined || one.length * found.weight < found.length * one.weight ? one : found),
    undefined,
  );
  return best?.uplink;
}

/** What keeps taking the same uplink. */
export function persistenceKey(persistence: PlanPersistence, traffic: Traffic): Uint8Array {
  const { protocol, ports, identifier } = traffic;
  const source = addressOctets(traffic, 'source');
  const destination = addressOctets(traffic, 'destination');
  switch (persistence) {
    case 'source':
      return source;
    case 'source-destination':
      return concatOctets(source, destination);
    case 'flow': {
      const internal = concatOctets(source, portOctets(ports?.source ?? identifier ?? 0));
      const remote = concatOctets(destination, portOctets(ports?.destination ?? 0));
      return concatOctets(Uint8Array.of(protocol), internal, remote);
    }
  }
}

/** L(h): 64 minus the binary logarithm of a hash, in units of 2^-24. */
function lengthOf(hash: bigint): bigint {
  const value = hash | 1n;
  const highest = value.toString(2).length - 1;
  let mantissa = value << BigInt(63 - highest);
  let fraction = 0n;
  for (let bit = 0; bit < FRACTION_BITS; bit += 1) {
    mantissa = (mantissa * mantissa) >> 63n;
    const isOverTwo = mantissa >= 1n << 64n;
    fraction = fraction * 2n + (isOverTwo ? 1n : 0n);
    mantissa >>= isOverTwo ? 1n : 0n;
  }
  const unit = 1n << BigInt(FRACTION_BITS);
  return 64n * unit - (BigInt(highest) * unit + fraction);
}

function addressOctets(traffic: Traffic, end: 'source' | 'destination'): Uint8Array {
  const octets = new Uint8Array(traffic.family === 4 ? 4 : 16);
  if (traffic.family === 4) {
    writeU32(octets, 0, traffic[end]);
  } else {
    writeU128(octets, 0, traffic[end]);
  }
  return octets;
}

function portOctets(port: number): Uint8Array {
  const octets = new Uint8Array(2);
  writeU16(octets, 0, port);
  return octets;
}
