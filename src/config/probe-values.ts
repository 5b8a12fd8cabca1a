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

/** What is asked of a web server. */
export interface HttpUrl extends Endpoint {
  readonly scheme: HttpScheme;
  /** With the query, if there is one. */
  readonly path: string;
}

export type HttpScheme = keyof typeof HTTP_PORTS;

const DNS_PORT = 53;
const HTTP_PORTS = { http: 80, https: 443 } as const;

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

/** `http://192.0.2.1/generate_204`, `https://[2001:db8::1]:8443/`: no name, since nothing resolves one. */
export function httpUrl(scheme: HttpScheme): (text: string) => Value<HttpUrl> {
  return (text) => {
    const match = /^([a-z]+):\/\/(?:\[([^[\]]+)\]|([^[\]:/?#@]+))(?::(\d{1,5}))?(\/[!-~]*)?$/.exec(text);
    const [, found, ipv6, ipv4, port, path = '/'] = match ?? [];
    if (found !== scheme || path.includes('#')) {
      return err(`"${text}" is no address like ${scheme}://192.0.2.1/ or ${scheme}://[2001:db8::1]:8080/path`);
    }
    if (ipv4 !== undefined && /[a-z]/i.test(ipv4)) {
      return err(`"${ipv4}" is no IP address, and nothing resolves it: write the address, and name: ${ipv4}`);
    }
    const server = withPort(ipv6 ?? ipv4 ?? '', port ?? String(HTTP_PORTS[scheme]));
    return server.ok ? ok({ ...server.value, scheme, path }) : server;
  };
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
  return formatHost(address, port);
}

/** In the one form that it is told in. */
export function formatHttpUrl({ scheme, address, port, path }: HttpUrl): string {
  return `${scheme}://${formatHost(address, port === HTTP_PORTS[scheme] ? undefined : port)}${path}`;
}

/** As in a URL, or in `Host`: IPv6 in brackets, and a port if it is another one than usual. */
export function formatHost(address: Address, port: number | undefined): string {
  const host = address.family === 4 ? formatIpv4Address(address.value) : `[${formatIpv6Address(address.value)}]`;
  return port === undefined ? host : `${host}:${port}`;
}

function withPort(addressText: string, portText: string): Value<Endpoint> {
  const address = probeTarget(addressText);
  if (!address.ok) return address;
  const port = Number(portText);
  return port >= 1 && port <= 65_535 ? ok({ address: address.value, port }) : err(`${portText} is no port`);
}
