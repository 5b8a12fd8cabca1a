import { formatIpv4Address, ipv4Address } from '../net/ipv4-address.ts';
import { formatIpv6Address, ipv6FromOctets } from '../net/ipv6-address.ts';
import { formatMacAddress, macAddress } from '../net/mac-address.ts';
import type {
  Plan,
  PlanDevice,
  PlanExempt,
  PlanNat44,
  PlanPrefixPair,
  PlanRoute,
  PlanUplink,
  PlanUplink4,
} from './plan.ts';

/** How an uplink is called in sentences, by its slot. */
export type SlotName = (slot: number) => string;

/** What changes from one plan to the next, in sentences for logs and dry runs; empty if only the generation does. */
export function diffPlans(before: Plan, after: Plan, nameOf: SlotName = (slot) => `in slot ${slot}`): string[] {
  return [
    ...diffUplinks(before, after, nameOf),
    ...diffPolicies(before, after, nameOf),
    ...diffDevices(before.devices, after.devices),
    ...diffRoutes(before.routes, after.routes),
    ...diffNat44(before.nat44, after.nat44),
    ...changed(
      'all-zeros interface identifiers',
      before.nptv6.translateZeroInterfaceId ? 'translated' : 'dropped',
      after.nptv6.translateZeroInterfaceId ? 'translated' : 'dropped',
    ),
    ...changed('addresses of examples', documentationText(before), documentationText(after)),
    ...changed('own ICMP errors', rateText(before), rateText(after)),
  ];
}

function diffUplinks(before: Plan, after: Plan, nameOf: SlotName): string[] {
  const old = new Map(before.uplinks.map((uplink) => [uplink.slot, uplink]));
  const kept = new Set(after.uplinks.map(({ slot }) => slot));
  const gone = before.uplinks.filter(({ slot }) => !kept.has(slot));
  return [
    ...gone.map(({ slot }) => `uplink ${nameOf(slot)} is removed`),
    ...after.uplinks.flatMap((uplink) => {
      const name = `uplink ${nameOf(uplink.slot)}`;
      const earlier = old.get(uplink.slot);
      return earlier === undefined ? [`${name} is added`] : diffUplink(name, earlier, uplink);
    }),
  ];
}

function diffUplink(name: string, before: PlanUplink, after: PlanUplink): string[] {
  return [
    ...(before.epoch === after.epoch ? [] : [`${name} begins anew (epoch ${after.epoch}): its sessions end`]),
    ...changed(`${name}: IPv4`, usableText(before.ipv4), usableText(after.ipv4)),
    ...changed(`${name}: IPv6`, usableText(before.ipv6), usableText(after.ipv6)),
    ...changed(`${name}: IPv4 gateway`, gateway4(before), gateway4(after)),
    ...changed(`${name}: IPv6 gateway`, octets6(before.ipv6?.gateway), octets6(after.ipv6?.gateway)),
    ...changed(`${name}: NAT44`, nat44Text(before.ipv4), nat44Text(after.ipv4)),
    ...changed(`${name}: largest TCP segment`, mssText(before.ipv4), mssText(after.ipv4)),
    ...changed(`${name}: prefix pairs`, pairsText(before.ipv6?.pairs), pairsText(after.ipv6?.pairs)),
  ];
}

function diffPolicies(before: Plan, after: Plan, nameOf: SlotName): string[] {
  const text = ({ policies }: Plan): string =>
    policies.map(({ prefer }) => prefer.map((slot) => nameOf(slot)).join(', ')).join('; ');
  return changed('preferred uplinks', text(before), text(after));
}

function diffDevices(before: readonly PlanDevice[], after: readonly PlanDevice[]): string[] {
  const count = Math.max(before.length, after.length);
  return Array.from({ length: count }, (_, index) => index).flatMap((index) =>
    changed(`device ${index}`, deviceText(before[index]), deviceText(after[index])),
  );
}

function diffRoutes(before: readonly PlanRoute[], after: readonly PlanRoute[]): string[] {
  const old = new Set(before.map(routeText));
  const now = new Set(after.map(routeText));
  return [
    ...[...old].filter((route) => !now.has(route)).map((route) => `route ${route} is removed`),
    ...[...now].filter((route) => !old.has(route)).map((route) => `route ${route} is added`),
  ];
}

function diffNat44(before: PlanNat44, after: PlanNat44): string[] {
  const ms = (value: number): string => `${value} ms`;
  return [
    ...changed('UDP timeout', ms(before.udpMs), ms(after.udpMs)),
    ...changed('ICMP timeout', ms(before.icmpMs), ms(after.icmpMs)),
    ...changed('TCP opening timeout', ms(before.tcpOpeningMs), ms(after.tcpOpeningMs)),
    ...changed('TCP closing timeout', ms(before.tcpClosingMs), ms(after.tcpClosingMs)),
    ...changed('TCP established timeout', ms(before.tcpEstablishedMs), ms(after.tcpEstablishedMs)),
    ...changed('fragment timeout', ms(before.fragmentMs), ms(after.fragmentMs)),
    ...changed('rest of freed ports', ms(before.portRestMs), ms(after.portRestMs)),
    ...changed('UDP filtering', before.filteringUdp, after.filteringUdp),
    ...changed('TCP filtering', before.filteringTcp, after.filteringTcp),
    ...changed('ICMP filtering', before.filteringIcmp, after.filteringIcmp),
    ...changed('destinations that are not translated', prefixesText(before.exempt), prefixesText(after.exempt)),
  ];
}

function changed(what: string, before: string, after: string): string[] {
  return before === after ? [] : [`${what}: ${before} → ${after}`];
}

function usableText(family: { readonly usable: boolean } | undefined): string {
  if (family === undefined) return 'none';
  return family.usable ? 'usable' : 'not usable';
}

function gateway4({ ipv4 }: PlanUplink): string {
  return ipv4?.gateway === undefined ? 'none' : address4(ipv4.gateway);
}

function nat44Text(ipv4: PlanUplink4 | undefined): string {
  if (ipv4?.nat44 !== true) return 'off';
  return `${ipv4.pool.map(address4).join(', ')} ports ${ipv4.portLow}-${ipv4.portHigh}`;
}

function mssText(ipv4: PlanUplink4 | undefined): string {
  return ipv4?.mssClamp === undefined ? 'left alone' : `${ipv4.mssClamp}`;
}

function prefixesText(prefixes: readonly PlanExempt[]): string {
  if (prefixes.length === 0) return 'none';
  return prefixes.map(({ prefix, prefixLength }) => `${address4(prefix)}/${prefixLength}`).join(', ');
}

function pairsText(pairs: readonly PlanPrefixPair[] | undefined): string {
  if (pairs === undefined || pairs.length === 0) return 'none';
  const text = (pair: PlanPrefixPair): string =>
    `${octets6(pair.internal)}/${pair.internalLength} ↔ ${octets6(pair.external)}/${pair.externalLength}`;
  return pairs.map(text).join(', ');
}

function deviceText(device: PlanDevice | undefined): string {
  if (device === undefined) return 'none';
  const addresses = [
    ...device.ipv4.map(({ address, prefixLength }) => `${address4(address)}/${prefixLength}`),
    ...device.ipv6.map(({ address, prefixLength }) => `${octets6(address)}/${prefixLength}`),
  ];
  const side = device.uplinkSlot === undefined ? 'internal' : `uplink slot ${device.uplinkSlot}`;
  return [side, macText(device.mac), `MTU ${device.mtu}`, ...addresses].join(' ');
}

function routeText({ device, ipv4, ipv6 }: PlanRoute): string {
  const to = ipv4
    ? `${address4(ipv4.prefix)}/${ipv4.prefixLength} via ${address4(ipv4.via)}`
    : `${octets6(ipv6?.prefix)}/${ipv6?.prefixLength} via ${octets6(ipv6?.via)}`;
  return `${to} on device ${device}`;
}

function documentationText({ dropDocumentation }: Plan): string {
  return dropDocumentation === true ? 'dropped' : 'forwarded';
}

function rateText({ errorRate }: Plan): string {
  return `${errorRate.perSecond} per second, ${errorRate.burst} at once`;
}

function address4(address: number): string {
  return formatIpv4Address(ipv4Address(address));
}

function octets6(octets: Uint8Array | undefined): string {
  return octets === undefined ? 'none' : formatIpv6Address(ipv6FromOctets(octets));
}

function macText(octets: Uint8Array | undefined): string {
  if (octets === undefined) return 'no link address';
  return formatMacAddress(macAddress(octets.reduce((value, octet) => value * 256 + octet, 0)));
}
