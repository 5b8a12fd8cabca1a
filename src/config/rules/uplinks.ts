import { formatIpv4Address } from '../../net/ipv4-address.ts';
import { formatIpv4Prefix, type Ipv4Interface, ipv4PrefixContains } from '../../net/ipv4-prefix.ts';
import { formatIpv6Prefix, type Ipv6Interface } from '../../net/ipv6-prefix.ts';
import { POOL_ADDRESSES_MAX } from '../complete.ts';
import { type DraftContext, readEntries } from '../draft-context.ts';
import type { ConfigPath } from '../issue.ts';
import type { ConfigDraft, Uplink4Draft } from '../schema.ts';
import { type Address, formatAddress } from '../values.ts';
import { checkMtu, isOnLink } from './internal.ts';

/**
 * Each uplink by itself. Uplinks may share a subnet, a gateway, an address, and may overlap the site: neighbours and
 * sessions are kept by uplink (4787-R7).
 */
export function checkUplinks(draft: ConfigDraft, context: DraftContext): void {
  for (const [name, uplink] of Object.entries(draft.uplinks ?? {})) {
    const path = ['uplinks', name];
    if (!context.given([...path, 'ipv4']) && !context.given([...path, 'ipv6'])) {
      context.report(path, { code: 'uplink-without-address', uplink: name });
    }
    if (uplink.ipv4 !== undefined) {
      checkGateway4(uplink.ipv4, [...path, 'ipv4', 'gateway'], context);
      checkPool(uplink.ipv4, [...path, 'ipv4', 'pool'], context);
    }
    if (uplink.ipv6 !== undefined) {
      const { address, gateway } = uplink.ipv6;
      if (address !== undefined && gateway !== undefined) {
        checkGateway({ family: 6, value: gateway }, address, [...path, 'ipv6', 'gateway'], context);
      }
      checkMtu(uplink.device?.mtu, [...path, 'device', 'mtu'], context);
    }
  }
}

function checkGateway4({ address, gateway }: Uplink4Draft, path: ConfigPath, context: DraftContext): void {
  if (address !== undefined && gateway !== undefined)
    checkGateway({ family: 4, value: gateway }, address, path, context);
}

function checkGateway(
  gateway: Address,
  link: Ipv4Interface | Ipv6Interface,
  path: ConfigPath,
  { report }: DraftContext,
): void {
  const address = formatAddress(gateway);
  if (gateway.value === link.address) report(path, { code: 'own-address', what: 'gateway', address });
  else if (!isPointToPoint(link) && !isOnLink(gateway, link)) {
    report(path, { code: 'not-on-link', what: 'gateway', address, link: formatLink(link) });
  }
}

/** A single address has no subnet, so its gateway is the other end, whatever number that has. */
function isPointToPoint({ prefix }: Ipv4Interface | Ipv6Interface): boolean {
  return prefix.length === (prefix.family === 4 ? 32 : 128);
}

function formatLink({ prefix }: Ipv4Interface | Ipv6Interface): string {
  return prefix.family === 4 ? formatIpv4Prefix(prefix) : formatIpv6Prefix(prefix);
}

function checkPool({ pool, address, gateway }: Uplink4Draft, path: ConfigPath, { report }: DraftContext): void {
  const entries = readEntries(pool);
  const count = entries.reduce((sum, { entry }) => sum + 2 ** (32 - entry.length), address === undefined ? 0 : 1);
  if (count > POOL_ADDRESSES_MAX) {
    report(path, { code: 'too-many', what: 'external addresses', count, max: POOL_ADDRESSES_MAX });
  }
  for (const { entry, index } of entries) {
    if (gateway === undefined || !ipv4PrefixContains(entry, gateway)) continue;
    const text = entry.length === 32 ? formatIpv4Address(entry.address) : formatIpv4Prefix(entry);
    report([...path, index], {
      code: 'bad-value',
      reason: `${text} contains the gateway ${formatIpv4Address(gateway)}`,
    });
  }
}
