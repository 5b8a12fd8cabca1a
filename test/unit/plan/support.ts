import { readFileSync } from 'node:fs';
import type { NptdConfig } from '../../../src/config/config.ts';
import { renderIssues } from '../../../src/config/issue.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { ipv6Address, ipv6FromOctets, ipv6ToOctets } from '../../../src/net/ipv6-address.ts';
import { assignSlots, type PlanState } from '../../../src/plan/compile.ts';
import type { MapAddress6 } from '../../../src/plan/external-forms.ts';
import { mapInbound, mapOutbound } from '../../../src/reference/nptv6.ts';

export function fixturePath(name: string): string {
  return new URL(`../../../fixtures/config/${name}.yaml`, import.meta.url).pathname;
}

export function configOf(text: string): NptdConfig {
  const parsed = parseConfig(text, 'f');
  if (!parsed.ok) throw new Error(renderIssues(parsed.error));
  return parsed.value.config;
}

export function fixtureConfig(name: string): NptdConfig {
  return configOf(readFileSync(fixturePath(name), 'utf8'));
}

/** All uplinks usable in both families, in their first epoch. */
export function healthyState(config: NptdConfig, generation = 1): PlanState {
  const slots = assignSlots(new Map(), config);
  const uplinks = [...slots].map(([name, slot]) => [name, { slot, epoch: 0, usable4: true, usable6: true }] as const);
  return { generation, uplinks: new Map(uplinks) };
}

/** The algorithm of the reference behind the signature of the engine's. */
export const referenceMap: MapAddress6 = (pair, direction, octets, translateZeroInterfaceId) => {
  const map = direction === 'outbound' ? mapOutbound : mapInbound;
  const mapped = map(pair, { translateZeroInterfaceId }, ipv6FromOctets(octets));
  return typeof mapped === 'bigint' ? { address: ipv6ToOctets(ipv6Address(mapped)) } : { drop: mapped };
};
