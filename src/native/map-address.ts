/** One IPv6 address through one prefix pair, with the engine's own algorithm (RFC 6296). */
import type { PlanPrefixPair } from '../plan/plan.ts';
import { binding } from './load-binding.ts';
import { unwrap } from './unwrap-error.ts';

/**
 * Maps an address of 16 octets.
 * @param direction `outbound` gives the external form of an internal address, `inbound` the reverse
 * @returns the other form, or the name of the drop reason why there is none
 */
export function mapAddress6(
  pair: PlanPrefixPair,
  direction: 'outbound' | 'inbound',
  address: Uint8Array,
  translateZeroInterfaceId: boolean,
): { readonly address: Uint8Array } | { readonly drop: string } {
  return unwrap(binding().mapAddress6(pair, direction, address, translateZeroInterfaceId));
}

/** The same once the addon is loaded, which `mapAddress6` does by itself. Throws an `AddonUnavailable`. */
export function loadMapAddress6(): typeof mapAddress6 {
  binding();
  return mapAddress6;
}
