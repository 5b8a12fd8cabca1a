import type { AdvertiseConfig, FilterConfig } from './config.ts';
import { DEFAULT_ADVERTISE, DEFAULT_FILTER } from './defaults.ts';
import { readEntries } from './draft-context.ts';
import type { ConfigDraft, InternalDraft } from './schema.ts';

/** 6092-R49: one key opens all. */
export function completeFilter(draft: NonNullable<ConfigDraft['filter']> = {}): FilterConfig {
  return {
    mode: draft.mode ?? DEFAULT_FILTER.mode,
    udp: draft.udp ?? DEFAULT_FILTER.udp,
    tcp: draft.tcp ?? DEFAULT_FILTER.tcp,
    other: draft.other ?? DEFAULT_FILTER.other,
    ipsec: draft.ipsec ?? DEFAULT_FILTER.ipsec,
    unassignedIcmp: draft['unassigned-icmp'] ?? DEFAULT_FILTER.unassignedIcmp,
  };
}

/** Only where there is IPv6, and where it is not switched off. */
export function completeAdvertise({ advertise: draft = {}, ipv6 }: InternalDraft): { advertise?: AdvertiseConfig } {
  if (ipv6 === undefined || draft.mode === 'off') return {};
  return {
    advertise: {
      intervalMs: draft.interval ?? DEFAULT_ADVERTISE.intervalMs,
      lifetimeMs: draft.lifetime ?? DEFAULT_ADVERTISE.lifetimeMs,
      preference: draft.preference ?? DEFAULT_ADVERTISE.preference,
      validMs: draft.valid ?? DEFAULT_ADVERTISE.validMs,
      preferredMs: draft.preferred ?? DEFAULT_ADVERTISE.preferredMs,
      resolvers: readEntries(draft.resolvers).map(({ entry }) => entry),
    },
  };
}
