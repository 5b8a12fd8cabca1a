import type { Ipv6Prefix } from '../net/ipv6-prefix.ts';
import type { ConfigPath } from './issue.ts';
import type { ConfigDraft, Uplink6Draft } from './schema.ts';

/** A prefix pair as the file has it, with the place of each side; a side is undefined where it could not be read. */
export interface DraftPair {
  readonly internal: Ipv6Prefix | undefined;
  readonly internalPath: ConfigPath;
  readonly external: Ipv6Prefix | undefined;
  readonly externalPath: ConfigPath;
  /** Its internal side is a prefix that hosts hold from an ISP. */
  readonly isNative?: boolean;
}

/**
 * The pair of `prefix`, whose internal side is `internal` or else `site.ula`, and then those of `pairs` (6296-3.1a,
 * 6296-4.1a). Of a native prefix the pair with itself, and those of the other uplinks' native prefixes with it.
 */
export function draftPairs(ipv6: Uplink6Draft, path: ConfigPath, { site, uplinks }: ConfigDraft): DraftPair[] {
  const listed = (ipv6.pairs ?? []).map((pair, index) => ({
    internal: pair?.internal,
    internalPath: [...path, 'pairs', index, 'internal'],
    external: pair?.external,
    externalPath: [...path, 'pairs', index, 'external'],
  }));
  if (ipv6.prefix === undefined) return listed;
  if (ipv6.native === true) return [...nativePairs(ipv6, path, uplinks), ...listed];
  const own = {
    internal: ipv6.internal ?? site?.ula,
    internalPath: ipv6.internal === undefined ? ['site', 'ula'] : [...path, 'internal'],
    external: ipv6.prefix,
    externalPath: [...path, 'prefix'],
  };
  return [own, ...listed];
}

function nativePairs(ipv6: Uplink6Draft, path: ConfigPath, uplinks: ConfigDraft['uplinks']): DraftPair[] {
  const external = { external: ipv6.prefix, externalPath: [...path, 'prefix'], isNative: true };
  const others = Object.entries(uplinks ?? {}).flatMap(([name, other]) =>
    other.ipv6?.native === true && other.ipv6 !== ipv6
      ? [{ ...external, internal: other.ipv6.prefix, internalPath: ['uplinks', name, 'ipv6', 'prefix'] }]
      : [],
  );
  return [{ ...external, internal: ipv6.prefix, internalPath: external.externalPath }, ...others];
}

/** The pairs of which both sides could be read. */
export function wholePairs(
  pairs: readonly DraftPair[],
): (DraftPair & { internal: Ipv6Prefix; external: Ipv6Prefix })[] {
  return pairs.flatMap((pair) => {
    const { internal, external } = pair;
    return internal === undefined || external === undefined ? [] : [{ ...pair, internal, external }];
  });
}
