/**
 * Whether the kernel has a route to a target by a device. A socket bound to a device without one would take the
 * target for a neighbour on the link and wait in vain, which looks like a dead uplink and is none.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { parseIpv4Address } from '../../net/ipv4-address.ts';
import { ipv4PrefixContains, parseIpv4Prefix } from '../../net/ipv4-prefix.ts';
import { parseIpv6Address } from '../../net/ipv6-address.ts';
import { ipv6PrefixContains, parseIpv6Prefix } from '../../net/ipv6-prefix.ts';
import type { Family } from '../family.ts';
import { ProbeFailure } from './probe-failure.ts';

const run = promisify(execFile);

/** `ip` answers at once; longer means that the machine is in trouble. */
const IP_MS_MAX = 2000;

/** Destinations of the unicast routes by a device, in all tables, as `ip` writes them. */
async function routesByDevice(device: string, family: Family): Promise<string[]> {
  const argumentsOfIp = ['-j', `-${family}`, 'route', 'show', 'table', 'all', 'dev', device];
  try {
    const { stdout } = await run('ip', argumentsOfIp, { timeout: IP_MS_MAX });
    return destinationsOf(JSON.parse(stdout || '[]'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (/cannot find device/i.test(reason)) {
      throw new ProbeFailure('DEVICE_MISSING', `there is no device ${device}`, { cause: error });
    }
    throw new ProbeFailure('NO_ROUTE', `the routes by ${device} cannot be read: ${reason.trim()}`, { cause: error });
  }
}

/** Throws a `ProbeFailure` unless a route by the device covers one of the targets. */
export async function requireRoute(device: string, family: Family, targets: readonly string[]): Promise<void> {
  const routes = await routesByDevice(device, family);
  if (!targets.some((target) => routes.some((destination) => covers(destination, family, target)))) {
    throw new ProbeFailure('NO_ROUTE', `no route via ${device}`);
  }
}

/** Whether a destination as `ip route` writes it (`default`, a prefix, or an address) covers a target. */
export function covers(destination: string, family: Family, target: string): boolean {
  if (destination === 'default') return true;
  return family === 4 ? covers4(destination, target) : covers6(destination, target);
}

function covers4(destination: string, target: string): boolean {
  const prefix = parseIpv4Prefix(destination.includes('/') ? destination : `${destination}/32`);
  const address = parseIpv4Address(target);
  return prefix !== undefined && address !== undefined && ipv4PrefixContains(prefix, address);
}

function covers6(destination: string, target: string): boolean {
  const prefix = parseIpv6Prefix(destination.includes('/') ? destination : `${destination}/128`);
  const address = parseIpv6Address(target);
  return prefix !== undefined && address !== undefined && ipv6PrefixContains(prefix, address);
}

/** Routes of other types (local, broadcast, multicast, unreachable …) lead nowhere; unicast ones do not name theirs. */
function destinationsOf(routes: unknown): string[] {
  if (!Array.isArray(routes)) return [];
  return routes.flatMap((route: unknown) => {
    if (typeof route !== 'object' || route === null || !('dst' in route) || typeof route.dst !== 'string') return [];
    return !('type' in route) || route.type === 'unicast' ? [route.dst] : [];
  });
}
