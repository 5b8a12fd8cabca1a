/**
 * Questions to the plan: who owns an address, where is it routed, which uplink is meant.
 *
 * Routes are to internal devices only and answer with the device's index.
 */
import type { Plan, PlanDevice, PlanUplink } from '../plan/plan.ts';
import { inPrefix4, inPrefix6, ipv6FromOctets } from './address.ts';

export function isInternal(device: PlanDevice): boolean {
  return device.uplinkSlot === undefined;
}

/** The device at an index that the plan itself names. */
export function deviceAt(plan: Plan, index: number): PlanDevice {
  const device = plan.devices[index];
  if (device === undefined) {
    throw new RangeError(`the plan names device ${index}, which it does not have`);
  }
  return device;
}

export function uplinkAt(plan: Plan, slot: number): PlanUplink | undefined {
  return plan.uplinks.find((uplink) => uplink.slot === slot);
}

export function uplinkOfDevice(plan: Plan, device: number): PlanUplink | undefined {
  return plan.uplinks.find((uplink) => uplink.device === device);
}

export function owns4(device: PlanDevice, address: number): boolean {
  return device.ipv4.some((own) => own.address === address);
}

export function owns6(device: PlanDevice, address: bigint): boolean {
  return device.ipv6.some((own) => ipv6FromOctets(own.address) === address);
}

export function onLink4(device: PlanDevice, address: number): boolean {
  return device.ipv4.some((own) => inPrefix4(address, own.address, own.prefixLength));
}

export function onLink6(device: PlanDevice, address: bigint): boolean {
  return device.ipv6.some((own) => inPrefix6(address, ipv6FromOctets(own.address), own.prefixLength));
}

/** Whether any internal device has this address for its own. */
export function ownedInternally4(plan: Plan, address: number): boolean {
  return plan.devices.some((device) => isInternal(device) && owns4(device, address));
}

export function ownedInternally6(plan: Plan, address: bigint): boolean {
  return plan.devices.some((device) => isInternal(device) && owns6(device, address));
}

interface Route {
  readonly length: number;
  readonly device: number;
}

/** Longest match over on-link prefixes of internal devices and static routes. */
export function internalRoute4(plan: Plan, destination: number): number | undefined {
  const onLink = onInternalDevices(plan, (device) =>
    device.ipv4.filter((own) => inPrefix4(destination, own.address, own.prefixLength)),
  );
  const fixed = plan.routes.flatMap(({ device, ipv4 }) =>
    ipv4 !== undefined && inPrefix4(destination, ipv4.prefix, ipv4.prefixLength)
      ? [{ length: ipv4.prefixLength, device }]
      : [],
  );
  return longest([...onLink, ...fixed]);
}

export function internalRoute6(plan: Plan, destination: bigint): number | undefined {
  const onLink = onInternalDevices(plan, (device) =>
    device.ipv6.filter((own) => {
      const address = ipv6FromOctets(own.address);
      return !isLinkLocal(address) && inPrefix6(destination, address, own.prefixLength);
    }),
  );
  const fixed = plan.routes.flatMap(({ device, ipv6 }) =>
    ipv6 !== undefined && inPrefix6(destination, ipv6FromOctets(ipv6.prefix), ipv6.prefixLength)
      ? [{ length: ipv6.prefixLength, device }]
      : [],
  );
  return longest([...onLink, ...fixed]);
}

function onInternalDevices(
  plan: Plan,
  matching: (device: PlanDevice) => readonly { readonly prefixLength: number }[],
): Route[] {
  return plan.devices.flatMap((device, index) =>
    isInternal(device) ? matching(device).map((own) => ({ length: own.prefixLength, device: index })) : [],
  );
}

/** The first of the longest. */
function longest(routes: readonly Route[]): number | undefined {
  const best = routes.reduce<Route | undefined>(
    (found, route) => (found === undefined || route.length > found.length ? route : found),
    undefined,
  );
  return best?.device;
}

export function isLinkLocal(address: bigint): boolean {
  return inPrefix6(address, 0xfe80n << 112n, 10);
}

/** Of some uplinks a usable one first, then by slot. */
export function preferUsable4(plan: Plan, isMeant: (uplink: PlanUplink) => boolean): PlanUplink | undefined {
  const meant = bySlot(plan).filter(isMeant);
  return meant.find(usable4) ?? meant[0];
}

function usable4(uplink: PlanUplink): boolean {
  return uplink.ipv4?.usable === true;
}

/** The uplink if it is routed without translation. */
export function routedUplink(uplink: PlanUplink | undefined): PlanUplink | undefined {
  return uplink?.ipv4?.nat44 === false ? uplink : undefined;
}

export function bySlot(plan: Plan): PlanUplink[] {
  return [...plan.uplinks].sort((a, b) => a.slot - b.slot);
}
