/** What is as configured, and yet may surprise: shown by `nptd check` and `nptd status`. */
import type { NptdConfig } from '../config/config.ts';
import { preferenceNote } from './address-preference.ts';

export function configNotes(config: NptdConfig): string[] {
  return [preferenceNote(config), filterNote(config)].filter((note) => note !== undefined);
}

/** Without sessions the uplink of a packet follows from its source and the plan alone. */
function filterNote({ filter, uplinks }: NptdConfig): string | undefined {
  const several = uplinks.filter(({ ipv6 }) => ipv6 !== undefined).length > 1;
  if (filter.mode === 'on' || !several) return undefined;
  return "without the IPv6 filter nothing ties a packet to the uplink of its connection: connections break when an uplink fails or comes back, and answers to a published server's clients leave by the preferred uplink";
}
