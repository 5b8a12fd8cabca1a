/** Text of probe targets → values. */
import { formatIpv4Address } from '../net/ipv4-address.ts';
import { formatIpv6Address } from '../net/ipv6-address.ts';
import { err, ok } from '../result.ts';
import { type Address, probeTarget, type Value } from './values.ts';

/** An address, and a port there. */
export interface Endpoint {
  readonly address: Address;
  readonly port: number;
}

const DNS_PORT = 53;

/** `192.0.2.53`, `2001:db8::53`, or with a port as `192.0.2.53:5353`, `[2001:db8::53]:5353` */
export function dnsServer(text: string): Value<Endpoint> {
  const isBare = /^[^:]*$/.test(text) || /^[^[\]]*:[^[\]]*:[^[\]]*$/.test(text);
  return isBare ? withPort(text, String(DNS_PORT)) : endpoint(text);
}

/** `192.0.2.1:443`, `[2001:db8::1]:443` */
export function endpoint(text: string): Value<Endpoint> {
  const match = /^(?:\[([^[\]]+)\]|([^[\]:]+)):(\d{1,5})$/.exec(text);
  if (match === null) return err(`"${text}" is no address with a port like 192.0.2.1:443 or [2001:db8::1]:443`);
  return withPort(match[1] ?? match[2] ?? '', match[3] ?? '');
}

/** Of at most 253 characters, in labels of at most 63 (RFC 1035); without the dot at its end, but for the root. */
export function dnsName(text: string): Value<string> {
  if (text === '.') return ok(text);
  const name = text.replace(/\.$/, '');
  const labels = name.split('.');
  if (name.length <= 253 && labels.every((label) => /^[A-Za-z0-9_-]{1,63}$/.test(label))) return ok(name);
  return err(`"${text}" is not a domain name like example.com`);
}

export function formatEndpoint({ address, port }: Endpoint): string {
  return address.family === 4
    ? `${formatIpv4Address(address.value)}:${port}`
    : `[${formatIpv6Address(address.value)}]:${port}`;
}

function withPort(addressText: string, portText: string): Value<Endpoint> {
  const address = probeTarget(addressText);
  if (!address.ok) return address;
  const port = Number(portText);
  return port >= 1 && port <= 65_535 ? ok({ address: address.value, port }) : err(`${portText} is no port`);
}
