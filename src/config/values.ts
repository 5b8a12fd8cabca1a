/** Text of one value in the file → the value, or a sentence that says what is wrong with it. */
import { formatIpv4Address, type Ipv4Address, isIpv4Unicast, parseIpv4Address } from '../net/ipv4-address.ts';
import {
  formatIpv4Prefix,
  type Ipv4Interface,
  type Ipv4Prefix,
  isIpv4Host,
  parseIpv4Interface,
} from '../net/ipv4-prefix.ts';
import {
  formatIpv6Address,
  type Ipv6Address,
  isIpv6LinkLocal,
  isIpv6RoutedUnicast,
  parseIpv6Address,
} from '../net/ipv6-address.ts';
import { formatIpv6Prefix, type Ipv6Interface, type Ipv6Prefix, parseIpv6Interface } from '../net/ipv6-prefix.ts';
import { isMacUnicast, type MacAddress, parseMacAddress } from '../net/mac-address.ts';
import { err, ok, type Result } from '../result.ts';
import type { ExemptConfig, PortRange, ProtocolPorts } from './config.ts';
import { PORTED_PROTOCOLS, type PortedProtocol, PROTOCOLS } from './protocols.ts';

/** A value, or the sentence about it. */
export type Value<T> = Result<T, string>;

export type Address =
  | { readonly family: 4; readonly value: Ipv4Address }
  | { readonly family: 6; readonly value: Ipv6Address };

export function ipv4Unicast(text: string): Value<Ipv4Address> {
  const address = parseIpv4Address(text);
  if (address === undefined) return err(`"${text}" is not an IPv4 address`);
  return isIpv4Unicast(address) ? ok(address) : err(`${text} is not the address of one host`);
}

/** Routed unicast or link-local. */
export function ipv6NextHop(text: string): Value<Ipv6Address> {
  const address = parseIpv6Address(text);
  if (address === undefined) return err(`"${text}" is not an IPv6 address`);
  if (isIpv6LinkLocal(address) || isIpv6RoutedUnicast(address)) return ok(address);
  return err(`${text} is not the address of one host`);
}

/** Of either family; IPv6 may be link-local. */
export function nextHop(text: string): Value<Address> {
  if (text.includes(':')) {
    const ipv6 = ipv6NextHop(text);
    return ipv6.ok ? ok({ family: 6, value: ipv6.value }) : ipv6;
  }
  const ipv4 = ipv4Unicast(text);
  return ipv4.ok ? ok({ family: 4, value: ipv4.value }) : ipv4;
}

/** Of either family, and of one host that routers reach. */
export function serverAddress(text: string): Value<Address> {
  const address = nextHop(text);
  if (!address.ok || address.value.family === 4 || !isIpv6LinkLocal(address.value.value)) return address;
  return err(`${text} is link-local: nobody beyond the link can reach it`);
}

/** Routed unicast. */
export function ipv6Host(text: string): Value<Ipv6Address> {
  const address = parseIpv6Address(text);
  if (address === undefined) return err(`"${text}" is not an IPv6 address`);
  return isIpv6RoutedUnicast(address) ? ok(address) : err(`${text} is not the address of one host`);
}

/** Of either family, and beyond the link. */
export function probeTarget(text: string): Value<Address> {
  const address = nextHop(text);
  if (!address.ok || address.value.family === 4 || !isIpv6LinkLocal(address.value.value)) return address;
  return err(`${text} is link-local: a target beyond the ISP's router says more`);
}

export function formatAddress(address: Address): string {
  return address.family === 4 ? formatIpv4Address(address.value) : formatIpv6Address(address.value);
}

export function ipv4Interface(text: string): Value<Ipv4Interface> {
  const parsed = parseIpv4Interface(text);
  if (parsed === undefined) return err(withoutLength(text, parseIpv4Address(text), 'IPv4', 24));
  if (!isIpv4Unicast(parsed.address)) return err(`${text} is not the address of one host`);
  if (isIpv4Host(parsed.prefix, parsed.address)) return ok(parsed);
  return err(`${text} is not a host's address: it is the first or the last of its prefix`);
}

export function ipv6Interface(text: string): Value<Ipv6Interface> {
  const parsed = parseIpv6Interface(text);
  if (parsed === undefined) return err(withoutLength(text, parseIpv6Address(text), 'IPv6', 64));
  if (isIpv6LinkLocal(parsed.address)) return err(`${text} is link-local: every device has such an address by itself`);
  if (!isIpv6RoutedUnicast(parsed.address)) return err(`${text} is not the address of one host`);
  if (parsed.address !== parsed.prefix.address || parsed.prefix.length >= 127) return ok(parsed);
  return err(`${text} is the address of all routers of its prefix (RFC 4291 section 2.6.1): choose another one`);
}

export function ipv4Prefix(text: string): Value<Ipv4Prefix> {
  const parsed = parseIpv4Interface(text);
  if (parsed === undefined) return err(withoutLength(text, parseIpv4Address(text), 'IPv4', 24, 'prefix'));
  if (parsed.address === parsed.prefix.address) return ok(parsed.prefix);
  return err(hostBits(text, formatIpv4Prefix(parsed.prefix)));
}

export function ipv6Prefix(text: string): Value<Ipv6Prefix> {
  const parsed = parseIpv6Interface(text);
  if (parsed === undefined) return err(withoutLength(text, parseIpv6Address(text), 'IPv6', 48, 'prefix'));
  if (parsed.address === parsed.prefix.address) return ok(parsed.prefix);
  return err(hostBits(text, formatIpv6Prefix(parsed.prefix)));
}

/** Of either family. */
export function prefix(text: string): Value<Ipv4Prefix | Ipv6Prefix> {
  return text.includes(':') ? ipv6Prefix(text) : ipv4Prefix(text);
}

/** One address, or a prefix that stands for all its addresses. */
export function poolEntry(text: string): Value<Ipv4Prefix> {
  const parsed = text.includes('/') ? ipv4Prefix(text) : ipv4Prefix(`${text}/32`);
  if (!parsed.ok) return text.includes('/') ? parsed : err(`"${text}" is not an IPv4 address or prefix`);
  return isIpv4Unicast(parsed.value.address) ? parsed : err(`${text} has addresses that are not those of one host`);
}

/** `1024-65535` */
export function portRange(text: string): Value<PortRange> {
  const match = /^(\d{1,5})\s*-\s*(\d{1,5})$/.exec(text);
  const [low, high] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null) return err(`"${text}" is not a range of ports like 1024-65535`);
  if (low < 1 || high > 65_535) return err(`"${text}" goes beyond the ports 1-65535`);
  return low <= high ? ok({ low, high }) : err(`"${text}" ends before it begins`);
}

/** Ports that are published: `443`, `8000-8099`, or external and internal ones like `8443:443` and `8000-8099:9000-9099`. */
export interface PublishedPorts {
  readonly external: number;
  readonly internal: number;
  readonly count: number;
}

export function publishedPorts(text: string): Value<PublishedPorts> {
  const [externalText = '', internalText = externalText, ...rest] = text.split(':');
  const external = portOrRange(externalText);
  const internal = portOrRange(internalText);
  if (rest.length > 0 || !external.ok || !internal.ok) {
    return err(`"${text}" is neither a port, nor a range like 8000-8099, nor external:internal like 8443:443`);
  }
  const count = external.value.high - external.value.low + 1;
  if (internal.value.high - internal.value.low + 1 !== count)
    return err(`the two ranges of "${text}" differ in length`);
  return ok({ external: external.value.low, internal: internal.value.low, count });
}

/** `tcp 22`, `udp 500-510` */
export function protocolPorts(text: string): Value<ProtocolPorts> {
  const [name = '', portsText = '', ...rest] = text.trim().split(/\s+/);
  const ports = portOrRange(portsText);
  if (rest.length > 0 || !isPorted(name) || !ports.ok) {
    return err(`"${text}" is not a protocol and its ports like "tcp 22" or "udp 500-510"`);
  }
  return ok({ protocol: PORTED_PROTOCOLS[name], ...ports.value });
}

/** A prefix, and perhaps a protocol and remote ports: `192.0.2.0/24`, `192.0.2.20/32 tcp 443`, `192.0.2.0/24 udp` */
export function exemptEntry(text: string): Value<ExemptConfig> {
  const [prefixText = '', name, ...rest] = text.trim().split(/\s+/);
  const to = ipv4Prefix(prefixText);
  if (!to.ok) return to;
  if (name === undefined) return ok({ to: to.value });
  if (!isPorted(name)) return err(`"${name}" is none of ${Object.keys(PORTED_PROTOCOLS).join(', ')}`);
  if (rest.length === 0) return ok({ to: to.value, protocol: PORTED_PROTOCOLS[name] });
  const ports = portOrRange(rest.join(' '));
  return ports.ok ? ok({ to: to.value, protocol: PORTED_PROTOCOLS[name], ports: ports.value }) : ports;
}

/** `443`, `5060-5070` */
export function portOrRange(text: string): Value<PortRange> {
  return portRange(/^\d+$/.test(text) ? `${text}-${text}` : text);
}

/** Of either family: a prefix, or an address that stands for itself. */
export function hostOrPrefix(text: string): Value<Ipv4Prefix | Ipv6Prefix> {
  if (text.includes('/')) return prefix(text);
  const parsed = prefix(`${text}/${text.includes(':') ? 128 : 32}`);
  return parsed.ok ? parsed : err(`"${text}" is neither an IP address nor a prefix`);
}

/** The numbers of a protocol: `icmp` has one in each family. */
export function protocolName(text: string): Value<readonly [number, ...number[]]> {
  const known: Readonly<Record<string, readonly [number, ...number[]]>> = PROTOCOLS;
  const numbers = Object.hasOwn(known, text) ? known[text] : undefined;
  return numbers === undefined
    ? err(`"${text}" is none of ${Object.keys(PROTOCOLS).join(', ')}, nor a number`)
    : ok(numbers);
}

/** `ef`, `cs5`, `af41`, `le`, `va` (RFC 2474, 2597, 3246, 5865, 8622) */
export function dscpName(text: string): Value<number> {
  const single = { ef: 46, va: 44, le: 1, be: 0, df: 0 }[text];
  if (single !== undefined) return ok(single);
  const [, selector] = /^cs([0-7])$/.exec(text) ?? [];
  if (selector !== undefined) return ok(Number(selector) * 8);
  const [, group, drop] = /^af([1-4])([1-3])$/.exec(text) ?? [];
  if (group !== undefined && drop !== undefined) return ok(Number(group) * 8 + Number(drop) * 2);
  return err(`"${text}" is none of ef, va, le, be, cs0 to cs7, af11 to af43, nor a number`);
}

/** `20%`, as a share of 1. */
export function percent(text: string): Value<number> {
  const [, number] = /^(\d{1,3}(?:\.\d+)?)\s*%$/.exec(text) ?? [];
  const share = Number(number) / 100;
  return number !== undefined && share <= 1 ? ok(share) : err(`"${text}" is not a share from 0% to 100%`);
}

/** That a POST may go to. */
export function webAddress(text: string): Value<string> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol)
    ? ok(url.href)
    : err(`"${text}" is not an http or https address`);
}

/** `100Mbit`, in bits per second. */
export function bitRate(text: string): Value<number> {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kMG])bit$/.exec(text) ?? [];
  const scale = { k: 1e3, M: 1e6, G: 1e9 }[unit];
  const rate = Number(number) * (scale ?? Number.NaN);
  return rate > 0 ? ok(rate) : err(`"${text}" is not a rate like 100Mbit, 1.5Gbit or 512kbit`);
}

function isPorted(name: string): name is PortedProtocol {
  return Object.hasOwn(PORTED_PROTOCOLS, name);
}

/** Of a file that nptd writes. */
export function filePath(text: string): Value<string> {
  return text.startsWith('/') && !text.includes('\0') ? ok(text) : err(`"${text}" is not an absolute path`);
}

export function unicastMac(text: string): Value<MacAddress> {
  const mac = parseMacAddress(text);
  if (mac === undefined) return err(`"${text}" is not a MAC address like 02:00:00:00:00:01`);
  return isMacUnicast(mac) ? ok(mac) : err(`${text} is not the address of one station`);
}

/** What the data plane makes: printable ASCII without what Linux refuses (`/`, `:`) or takes as a wish for a number (`%`). */
export function deviceName(text: string): Value<string> {
  if (/^[!-~]{1,15}$/.test(text) && !/[/:%]/.test(text) && text !== '.' && text !== '..') return ok(text);
  return err(`"${text}" is not an interface name: at most 15 printable ASCII characters, without "/", ":" and "%"`);
}

export function netnsName(text: string): Value<string> {
  if (/^[^\s/]+$/.test(text) && text !== '.' && text !== '..' && Buffer.byteLength(text) <= 255) return ok(text);
  return err(`"${text}" is not the name of a network namespace as in "ip netns"`);
}

/** Unix socket addresses hold 107 octets and a zero. */
export function socketPath(text: string): Value<string> {
  if (!text.startsWith('/') || text.includes('\0')) return err(`"${text}" is not an absolute path`);
  return Buffer.byteLength(text) <= 107 ? ok(text) : err('a socket path has at most 107 octets');
}

function withoutLength(text: string, address: unknown, family: string, length: number, noun = 'address'): string {
  if (address !== undefined) return `${text} has no prefix length: write ${text}/${length}, say`;
  return `"${text}" is not an ${family} ${noun === 'address' ? 'address with a prefix length' : noun}`;
}

function hostBits(text: string, meant: string): string {
  return `${text} has bits set beyond its length: the prefix is ${meant}`;
}
