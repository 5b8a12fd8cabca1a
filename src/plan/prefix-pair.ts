import type { PrefixPairConfig } from '../config/config.ts';
import { ipv6ToOctets } from '../net/ipv6-address.ts';
import type { PlanPrefixPair } from './plan.ts';

/** A prefix pair as the data path takes it. */
export function planPair({ internal, external }: PrefixPairConfig): PlanPrefixPair {
  return {
    internal: ipv6ToOctets(internal.address),
    internalLength: internal.length,
    external: ipv6ToOctets(external.address),
    externalLength: external.length,
  };
}
