import {
  formatIpv4Prefix,
  type Ipv4Interface,
  type Ipv4Prefix,
  ipv4PrefixesOverlap,
  isIpv4Host,
} from '../../net/ipv4-prefix.ts';
import { isIpv6LinkLocal } from '../../net/ipv6-address.ts';
import {
  formatIpv6Prefix,
  type Ipv6Interface,
  type Ipv6Prefix,
  ipv6PrefixContains,
  ipv6PrefixesOverlap,
} from '../../net/ipv6-prefix.ts';
import { DEFAULT_ADVERTISE } from '../defaults.ts';
import { type DraftContext, oneOrMoreEntries, readEntries } from '../draft-context.ts';
import { formatDuration } from '../duration.ts';
import type { ConfigPath } from '../issue.ts';
import type { ConfigDraft, InternalDraft, RouteDraft } from '../schema.ts';
import { type Address, formatAddress } from '../values.ts';

type Prefix = Ipv4Prefix | Ipv6Prefix;

/** A prefix that the site uses: that of a link, or one behind an inner router. */
export interface InternalPrefix {
  readonly prefix: Prefix;
  readonly path: ConfigPath;
  /** Name of the device whose link it is; undefined for a route. */
  readonly link: string | undefined;
}

const IPV6_MTU_MIN = 1280; // RFC 8200 section 5

export function checkInternal(draft: ConfigDraft, context: DraftContext): void {
  checkOverlaps(internalPrefixes(draft), context);
  for (const [name, device] of Object.entries(draft.internal ?? {})) {
    const path = ['internal', name];
    if (device.ipv6 !== undefined) checkMtu(device.device?.mtu, [...path, 'device', 'mtu'], context);
    checkAdvertise(device, [...path, 'advertise'], context);
    for (const { entry, index } of readEntries(device.routes)) {
      checkRoute(entry, device, [...path, 'routes', index], context);
    }
  }
}

/** RFC 4861 section 6.2.1: a default route that ends before the next advertisement would come and go. */
function checkAdvertise({ advertise }: InternalDraft, path: ConfigPath, { report }: DraftContext): void {
  const interval = advertise?.interval ?? DEFAULT_ADVERTISE.intervalMs;
  const lifetime = advertise?.lifetime ?? DEFAULT_ADVERTISE.lifetimeMs;
  if (lifetime === 0 || lifetime >= interval) return;
  const reason = `hosts would lose the default route after ${formatDuration(lifetime)}, before the next advertisement after ${formatDuration(interval)}`;
  report([...path, advertise?.lifetime === undefined ? 'interval' : 'lifetime'], { code: 'bad-value', reason });
}

/** RFC 8200 asks 1280 octets of every link that carries IPv6. */
export function checkMtu(mtu: number | undefined, path: ConfigPath, { report }: DraftContext): void {
  if (mtu !== undefined && mtu < IPV6_MTU_MIN) report(path, { code: 'mtu-too-small', mtu, minimum: IPV6_MTU_MIN });
}

/** All prefixes of the site, in file order. */
export function internalPrefixes(draft: ConfigDraft): InternalPrefix[] {
  return Object.entries(draft.internal ?? {}).flatMap(([name, device]) => {
    const path = ['internal', name];
    const links = [...interfaces4(device, path), ...interfaces6(device, path)];
    const routes = readEntries(device.routes).flatMap(({ entry, index }) =>
      entry.to === undefined ? [] : [{ prefix: entry.to, path: [...path, 'routes', index, 'to'], link: undefined }],
    );
    return [...links.map(({ entry, path }) => ({ prefix: entry.prefix, path, link: name })), ...routes];
  });
}

/** Internal prefixes are one address space: a packet must have one way to go (configuration of uplinks may overlap). */
function checkOverlaps(prefixes: readonly InternalPrefix[], { report }: DraftContext): void {
  for (const [index, later] of prefixes.entries()) {
    const earlier = prefixes
      .slice(0, index)
      .find((other) => overlap(other.prefix, later.prefix) && !sameLink(other, later));
    if (earlier === undefined) continue;
    const other = { prefix: formatPrefix(earlier.prefix), path: earlier.path };
    report(later.path, { code: 'overlapping-internal-prefixes', prefix: formatPrefix(later.prefix), other });
  }
}

/** Two addresses of the gateway on one link share its prefix. */
function sameLink(a: InternalPrefix, b: InternalPrefix): boolean {
  return a.link !== undefined && a.link === b.link && formatPrefix(a.prefix) === formatPrefix(b.prefix);
}

function checkRoute(route: RouteDraft, device: InternalDraft, path: ConfigPath, { report }: DraftContext): void {
  const { to, via } = route;
  if (to === undefined || via === undefined) return;
  const viaPath = [...path, 'via'];
  const address = formatAddress(via);
  if (to.family !== via.family) {
    report(viaPath, { code: 'family-mismatch', prefix: formatPrefix(to), address });
    return;
  }
  const links = linksOf(device, via.family);
  if (links.some((link) => link.address === via.value))
    report(viaPath, { code: 'own-address', what: 'router', address });
  // Without a readable address of this family its own issue says enough.
  else if (links.length > 0 && !links.some((link) => isOnLink(via, link))) {
    const link = links.map(({ prefix }) => formatPrefix(prefix)).join(', ');
    report(viaPath, { code: 'not-on-link', what: 'router', address, link });
  }
}

/** Whether a neighbour on the link can have the address. */
export function isOnLink(address: Address, link: Ipv4Interface | Ipv6Interface): boolean {
  if (address.family === 4) return link.prefix.family === 4 && isIpv4Host(link.prefix, address.value);
  if (isIpv6LinkLocal(address.value)) return true;
  return link.prefix.family === 6 && ipv6PrefixContains(link.prefix, address.value);
}

function linksOf(device: InternalDraft, family: 4 | 6): (Ipv4Interface | Ipv6Interface)[] {
  const links = family === 4 ? interfaces4(device, []) : interfaces6(device, []);
  return links.map(({ entry }) => entry);
}

function interfaces4(device: InternalDraft, path: ConfigPath): { entry: Ipv4Interface; path: ConfigPath }[] {
  return oneOrMoreEntries(device.ipv4, [...path, 'ipv4']);
}

function interfaces6(device: InternalDraft, path: ConfigPath): { entry: Ipv6Interface; path: ConfigPath }[] {
  return oneOrMoreEntries(device.ipv6, [...path, 'ipv6']);
}

function overlap(a: Prefix, b: Prefix): boolean {
  if (a.family === 4) return b.family === 4 && ipv4PrefixesOverlap(a, b);
  return b.family === 6 && ipv6PrefixesOverlap(a, b);
}

function formatPrefix(prefix: Prefix): string {
  return prefix.family === 4 ? formatIpv4Prefix(prefix) : formatIpv6Prefix(prefix);
}
