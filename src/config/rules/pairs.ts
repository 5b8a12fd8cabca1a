import { type Ipv6Address, ipv6Words, parseIpv6Address } from '../../net/ipv6-address.ts';
import {
  formatIpv6Prefix,
  type Ipv6Prefix,
  ipv6PrefixCovering,
  ipv6PrefixCovers,
  ipv6PrefixesOverlap,
} from '../../net/ipv6-prefix.ts';
import type { DraftContext } from '../draft-context.ts';
import type { ConfigPath } from '../issue.ts';
import { type DraftPair, draftPairs, wholePairs } from '../pairs.ts';
import type { ConfigDraft } from '../schema.ts';
import { internalPrefixes } from './internal.ts';

/** RFC 6296 defines nothing beyond /64 (sections 3.1 and 3.5), whatever section 4.1 says (ambiguity A5). */
const LENGTH_MAX = 64;
/** Up to here the adjustment goes into the subnet number (6296-3.4a). */
const SUBNET_LENGTH_MAX = 48;
/** RFC 4193 section 3.1 with the L bit set (4193-3.1). */
const ULA = wellKnown('fd00::', 8);

/** What no host has as an address beyond its link (6296-4.1b). */
const UNTRANSLATABLE = [
  { prefix: wellKnown('ff00::', 8), reason: 'it has multicast addresses' },
  { prefix: wellKnown('fe80::', 10), reason: 'it has link-local addresses, which no router forwards' },
  { prefix: wellKnown('::', 64), reason: 'it has the unspecified, loopback and IPv4-mapped addresses' },
];

export function checkPairs(draft: ConfigDraft, context: DraftContext): void {
  checkUla(draft, context);
  const reported = new Set<string>();
  for (const [name, { ipv6 }] of Object.entries(draft.uplinks ?? {})) {
    if (ipv6 === undefined) continue;
    const pairs = draftPairs(ipv6, ['uplinks', name, 'ipv6'], draft);
    for (const pair of pairs) {
      checkSide(pair.internal, pair.internalPath, reported, context);
      checkSide(pair.external, pair.externalPath, reported, context);
      checkInternalKnown(pair, context);
    }
    checkAmbiguity(pairs, context);
    checkSubnets(draft, name, wholePairs(pairs).filter(isTranslatable), context);
  }
}

function checkUla({ site }: ConfigDraft, { report }: DraftContext): void {
  if (site?.ula === undefined || ipv6PrefixCovers(ULA, site.ula)) return;
  const prefix = formatIpv6Prefix(site.ula);
  const hint = 'make one with "nptd ula", or give each uplink its "internal" prefix';
  report(['site', 'ula'], { code: 'bad-value', reason: `${prefix} is no unique local prefix in fd00::/8: ${hint}` });
}

/** Several pairs may have one internal prefix in common, which is reported once. */
function checkSide(
  prefix: Ipv6Prefix | undefined,
  path: ConfigPath,
  reported: Set<string>,
  { report }: DraftContext,
): void {
  const key = path.join('/');
  if (prefix === undefined || reported.has(key)) return;
  const reason = untranslatable(prefix);
  if (reason === undefined) return;
  reported.add(key);
  report(path, { code: 'untranslatable-prefix', prefix: formatIpv6Prefix(prefix), reason });
}

function isTranslatable({ internal, external }: { internal: Ipv6Prefix; external: Ipv6Prefix }): boolean {
  return untranslatable(internal) === undefined && untranslatable(external) === undefined;
}

function untranslatable(prefix: Ipv6Prefix): string | undefined {
  if (prefix.length > LENGTH_MAX) return `it is longer than /${LENGTH_MAX}`;
  if (prefix.length === 0) return 'it is the whole address space';
  return UNTRANSLATABLE.find((part) => ipv6PrefixesOverlap(part.prefix, prefix))?.reason;
}

function checkInternalKnown(
  { internal, internalPath, external, externalPath }: DraftPair,
  context: DraftContext,
): void {
  if (internal !== undefined || external === undefined || context.given(internalPath)) return;
  // Of an entry of `pairs` the missing key is reported where the entry is completed.
  if (internalPath.includes('pairs')) return;
  const own = [...externalPath.slice(0, -1), 'internal'];
  if (context.given(own)) return;
  context.report(externalPath, { code: 'pair-without-internal', prefix: formatIpv6Prefix(external) });
}

/** Within one uplink a source must have one pair, and so must a destination. */
function checkAmbiguity(pairs: readonly DraftPair[], { report }: DraftContext): void {
  for (const [index, later] of pairs.entries()) {
    for (const side of ['internal', 'external'] as const) {
      const prefix = later[side];
      if (prefix === undefined) continue;
      // Native prefixes share their external one: the route behind it tells them apart.
      const mayShare = (pair: DraftPair): boolean =>
        side === 'external' && later.isNative === true && pair.isNative === true;
      const earlier = pairs.slice(0, index).find((pair) => overlaps(pair[side], prefix) && !mayShare(pair));
      if (earlier?.[side] === undefined) continue;
      const other = { prefix: formatIpv6Prefix(earlier[side]), path: sidePath(earlier, side) };
      report(sidePath(later, side), { code: 'ambiguous-pair', side, prefix: formatIpv6Prefix(prefix), other });
    }
  }
}

/** Whether the subnets of the site have an external form on an uplink. */
function checkSubnets(
  draft: ConfigDraft,
  uplink: string,
  pairs: readonly { internal: Ipv6Prefix; external: Ipv6Prefix }[],
  { report }: DraftContext,
): void {
  if (pairs.length === 0) return;
  for (const { prefix: subnet, path } of internalPrefixes(draft)) {
    if (subnet.family !== 6) continue;
    const prefix = formatIpv6Prefix(subnet);
    const pair = pairs.find(({ internal }) => ipv6PrefixCovers(internal, subnet));
    if (pair === undefined) {
      report(path, { code: 'prefix-not-covered', prefix, uplink });
      continue;
    }
    if (isReservedSubnet(subnet, pair)) report(path, { code: 'reserved-subnet', prefix, uplink });
    if (!isMappable(subnet, pair)) {
      const [internal, external] = [formatIpv6Prefix(pair.internal), formatIpv6Prefix(pair.external)];
      report(path, { code: 'unmappable-subnet', prefix, uplink, internal, external });
    }
  }
}

/** Subnet ffff would come out as subnet ffff or 0 (6296-3.2a, 6296-4.2). */
function isReservedSubnet(subnet: Ipv6Prefix, { internal, external }: { internal: Ipv6Prefix; external: Ipv6Prefix }) {
  if (isIdentity({ internal, external })) return false;
  if (Math.max(internal.length, external.length) > SUBNET_LENGTH_MAX) return false;
  return subnet.length >= 64 && ipv6Words(subnet.address)[3] === 0xffff;
}

/** The bits by which the external prefix is longer are zero in the internal address, or have no external place (6296-3.7a). */
function isMappable(subnet: Ipv6Prefix, { internal, external }: { internal: Ipv6Prefix; external: Ipv6Prefix }) {
  if (external.length <= internal.length) return true;
  const extended = ipv6PrefixCovering(internal.address, external.length);
  return ipv6PrefixesOverlap(extended, subnet);
}

function isIdentity({ internal, external }: { internal: Ipv6Prefix; external: Ipv6Prefix }): boolean {
  return internal.address === external.address && internal.length === external.length;
}

function overlaps(a: Ipv6Prefix | undefined, b: Ipv6Prefix): boolean {
  return a !== undefined && ipv6PrefixesOverlap(a, b);
}

function sidePath(pair: DraftPair, side: 'internal' | 'external'): ConfigPath {
  return side === 'internal' ? pair.internalPath : pair.externalPath;
}

function wellKnown(address: string, length: number): Ipv6Prefix {
  const parsed: Ipv6Address | undefined = parseIpv6Address(address);
  if (parsed === undefined) throw new TypeError(`${address} is no IPv6 address`);
  return ipv6PrefixCovering(parsed, length);
}
