/** Names and internal addresses → the records that each uplink's addresses deserve. Pure; NPTv6 itself is passed in. */
import type { NptdConfig, UplinkConfig } from '../config/config.ts';
import { formatIpv4Address, type Ipv4Address, parseIpv4Address } from '../net/ipv4-address.ts';
import { formatIpv6Address, type Ipv6Address, ipv6Words, parseIpv6Address } from '../net/ipv6-address.ts';
import { err, ok, type Result } from '../result.ts';
import { addressForms6, type MapAddress6 } from './external-forms.ts';

/** A line of the file of names: an internal address and what it is called. */
export interface NamedAddress {
  readonly names: readonly string[];
  readonly address:
    | { readonly family: 4; readonly value: Ipv4Address }
    | { readonly family: 6; readonly value: Ipv6Address };
}

export interface ZoneRecord {
  /** Absolute owner name, with a dot at its end. */
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'PTR';
  readonly data: string;
}

export interface ZoneSection {
  /** Name of the uplink, or `internal`. */
  readonly title: string;
  readonly records: readonly ZoneRecord[];
  /** What has no record here, and why. */
  readonly left: readonly string[];
}

/**
 * Lines as in a hosts file: an address, then names, which are absolute; `#` begins a comment. The error is the
 * sentence about a line.
 */
export function readNames(text: string): Result<NamedAddress[], string> {
  const named: NamedAddress[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const [addressText = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (addressText === '') continue;
    const [ipv4, ipv6] = [parseIpv4Address(addressText), parseIpv6Address(addressText)];
    if (ipv4 === undefined && ipv6 === undefined)
      return err(`line ${index + 1}: "${addressText}" is not an IP address`);
    const wrong = names.find((name) => !isDomainName(name));
    if (wrong !== undefined) return err(`line ${index + 1}: "${wrong}" is not a domain name`);
    if (names.length === 0) return err(`line ${index + 1}: ${addressText} has no name`);
    const absolute = names.map((name) => (name.endsWith('.') ? name : `${name}.`));
    if (ipv4 !== undefined) named.push({ names: absolute, address: { family: 4, value: ipv4 } });
    if (ipv6 !== undefined) named.push({ names: absolute, address: { family: 6, value: ipv6 } });
  }
  return ok(named);
}

/** What the site's own resolver answers: the addresses as they are (split horizon). */
export function internalSection(named: readonly NamedAddress[]): ZoneSection {
  const records = named.flatMap(({ names, address }) => names.map((name) => addressRecord(name, address)));
  return { title: 'internal', records, left: [] };
}

/** AAAA of the external forms by NPTv6, and A where a server is published. */
export function uplinkSection(
  config: NptdConfig,
  { name: uplink }: UplinkConfig,
  named: readonly NamedAddress[],
  mapAddress6: MapAddress6,
): ZoneSection {
  const records: ZoneRecord[] = [];
  const left: string[] = [];
  for (const { names, address } of named) {
    const external =
      address.family === 4
        ? published4(config, uplink, address.value)
        : external6(config, uplink, address.value, mapAddress6);
    if (!external.ok) left.push(`${names.join(', ')}: ${external.error}`);
    else for (const name of names) for (const one of external.value) records.push(addressRecord(name, one));
  }
  return { title: uplink, records, left };
}

/** The PTR of each address record; of several names of an address the first. */
export function reverseSection({ title, records, left }: ZoneSection): ZoneSection {
  const pointers = new Map<string, ZoneRecord>();
  for (const { name, type, data } of records) {
    const owner = type === 'A' ? reverse4(data) : reverse6(data);
    if (owner !== undefined && !pointers.has(owner)) pointers.set(owner, { name: owner, type: 'PTR', data: name });
  }
  return { title, records: [...pointers.values()], left };
}

function addressRecord(name: string, address: NamedAddress['address']): ZoneRecord {
  return address.family === 4
    ? { name, type: 'A', data: formatIpv4Address(address.value) }
    : { name, type: 'AAAA', data: formatIpv6Address(address.value) };
}

function published4(
  config: NptdConfig,
  uplink: string,
  server: Ipv4Address,
): Result<NamedAddress['address'][], string> {
  const entries = config.publish.filter(({ to4 }) => to4.includes(server)).flatMap(({ on }) => on);
  const addresses = new Set(entries.filter((entry) => entry.uplink === uplink).map(({ address }) => address));
  if (addresses.size === 0) return err(`${formatIpv4Address(server)} is not published`);
  return ok([...addresses].map((value) => ({ family: 4, value })));
}

function external6(
  config: NptdConfig,
  uplink: string,
  address: Ipv6Address,
  mapAddress6: MapAddress6,
): Result<NamedAddress['address'][], string> {
  const forms = addressForms6(config, address, mapAddress6);
  const form = forms.find((one) => one.uplink === uplink && one.direction === 'outbound');
  if (form === undefined) return err(`no prefix pair covers ${formatIpv6Address(address)}`);
  const value = form.external === undefined ? undefined : parseIpv6Address(form.external);
  return value === undefined
    ? err(`${formatIpv6Address(address)} cannot be translated: ${form.drop}`)
    : ok([{ family: 6, value }]);
}

/** `10.2.0.192.in-addr.arpa.` */
function reverse4(text: string): string {
  return `${text.split('.').reverse().join('.')}.in-addr.arpa.`;
}

/** RFC 3596 section 2.5: a label for each of the 32 digits, the last one first. */
function reverse6(text: string): string | undefined {
  const address = parseIpv6Address(text);
  if (address === undefined) return undefined;
  const digits = ipv6Words(address).map((word) => word.toString(16).padStart(4, '0'));
  return `${[...digits.join('')].reverse().join('.')}.ip6.arpa.`;
}

/** Labels of 1 to 63 characters, the first of them perhaps a wildcard; absolute with a dot at its end. */
function isDomainName(text: string): boolean {
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  const labels = name.split('.');
  return (
    name.length <= 253 &&
    labels.every((label, index) => /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/.test(label) || (index === 0 && label === '*'))
  );
}
