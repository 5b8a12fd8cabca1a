import {
  formatIpv4Prefix,
  type Ipv4Prefix,
  ipv4PrefixCovering,
  ipv4PrefixesOverlap,
  parseIpv4Prefix,
} from '../../net/ipv4-prefix.ts';
import {
  formatIpv6Prefix,
  type Ipv6Prefix,
  ipv6PrefixCovering,
  ipv6PrefixesOverlap,
  parseIpv6Prefix,
} from '../../net/ipv6-prefix.ts';
import { type DraftContext, readEntries } from '../draft-context.ts';
import type { ConfigPath } from '../issue.ts';
import { draftPairs } from '../pairs.ts';
import { readTargets } from '../probe-target.ts';
import type { ConfigDraft, UplinkDraft } from '../schema.ts';
import { internalPrefixes } from './internal.ts';

interface Used {
  readonly prefix: Ipv4Prefix | Ipv6Prefix;
  readonly path: ConfigPath;
}

const DOCUMENTATION4 = ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'].flatMap(
  (text) => parseIpv4Prefix(text) ?? [],
);
const DOCUMENTATION6 = ['2001:db8::/32'].flatMap((text) => parseIpv6Prefix(text) ?? []);

/** A gateway that drops its own addresses would carry nothing. */
export function checkMartians(draft: ConfigDraft, { report }: DraftContext): void {
  if (draft.martians?.documentation !== 'drop') return;
  const uplinks = Object.entries(draft.uplinks ?? {}).flatMap(([name, uplink]) =>
    usedBy(uplink, ['uplinks', name], draft),
  );
  const reported = new Set<string>();
  for (const { prefix, path } of [...internalPrefixes(draft), ...uplinks]) {
    const key = path.join('/');
    if (!isDocumentation(prefix) || reported.has(key)) continue;
    reported.add(key);
    const text = prefix.family === 4 ? formatIpv4Prefix(prefix) : formatIpv6Prefix(prefix);
    report(path, {
      code: 'bad-value',
      reason: `${text} has addresses kept for documentation, which "martians.documentation: drop" drops`,
    });
  }
}

/** Addresses and prefixes of an uplink, and the targets that tell whether it works. */
function usedBy(uplink: UplinkDraft, path: ConfigPath, draft: ConfigDraft): Used[] {
  const { ipv4, ipv6, probe } = uplink;
  const own4 = ipv4?.address === undefined ? [] : [{ prefix: ipv4.address.prefix, path: [...path, 'ipv4', 'address'] }];
  const pool = readEntries(ipv4?.pool).map(({ entry, index }) => ({
    prefix: entry,
    path: [...path, 'ipv4', 'pool', index],
  }));
  const own6 = ipv6?.address === undefined ? [] : [{ prefix: ipv6.address.prefix, path: [...path, 'ipv6', 'address'] }];
  const pairs = ipv6 === undefined ? [] : draftPairs(ipv6, [...path, 'ipv6'], draft);
  const external = pairs.flatMap(({ external: prefix, externalPath }) =>
    prefix === undefined ? [] : [{ prefix, path: externalPath }],
  );
  const targets = readTargets(probe?.targets).map(({ target: { address }, index }) => ({
    prefix: address.family === 4 ? ipv4PrefixCovering(address.value, 32) : ipv6PrefixCovering(address.value, 128),
    path: [...path, 'probe', 'targets', index],
  }));
  return [...own4, ...pool, ...own6, ...external, ...targets];
}

function isDocumentation(prefix: Ipv4Prefix | Ipv6Prefix): boolean {
  return prefix.family === 4
    ? DOCUMENTATION4.some((kept) => ipv4PrefixesOverlap(kept, prefix))
    : DOCUMENTATION6.some((kept) => ipv6PrefixesOverlap(kept, prefix));
}
