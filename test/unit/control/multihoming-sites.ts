/** A site with three uplinks and policies that tests choose. */
import type { NptdConfig } from '../../../src/config/config.ts';
import { parsed } from './sites.ts';

export interface MultihomedSite {
  /** Lines of the map `policy`. */
  readonly policy?: string;
  /** More keys of the `probe` of each uplink. */
  readonly probe?: string;
  /** More keys of an uplink, by name. */
  readonly uplinks?: Readonly<Record<string, string>>;
  /** Whose prefix hosts hold themselves. */
  readonly native?: 'fiber' | 'lte';
}

/** `fiber` and `lte` with both families, `dsl` with IPv4 only; `up-after` is 30 s. */
export function multihomed({ policy, probe = '', uplinks = {}, native }: MultihomedSite = {}): NptdConfig {
  const targets4 = '192.0.2.1, 192.0.2.2';
  const targets = `targets: [${targets4}, "2001:db8:ffff::1", "2001:db8:ffff::2"]`;
  const held = (name: string): string => (name === native ? ', native: true' : '');
  const more = (name: string): string => uplinks[name] ?? '';
  return parsed(`
internal:
  office: { device: { tap: lan0 }, ipv4: 192.168.1.1/24, ipv6: "fd12:3456:789a:1::1/64" }
site: { ula: "fd12:3456:789a::/48" }
uplinks:
  fiber:
    device: { tap: wan0 }
    ipv4: { address: 203.0.113.2/29, gateway: 203.0.113.1 }
    ipv6: { address: "2001:db8:a::2/64", gateway: "2001:db8:a::1", prefix: "2001:db8:a100::/48"${held('fiber')} }
    probe: { ${targets}${probe} }
    ${more('fiber')}
  lte:
    device: { tap: wan1 }
    ipv4: { address: 198.51.100.2/24, gateway: 198.51.100.1 }
    ipv6: { address: "2001:db8:b::2/64", gateway: "2001:db8:b::1", prefix: "2001:db8:b100::/48"${held('lte')} }
    probe: { ${targets}${probe} }
    ${more('lte')}
  dsl:
    device: { tap: wan2 }
    ipv4: { address: 192.0.2.130/30, gateway: 192.0.2.129 }
    probe: { targets: [${targets4}]${probe} }
    ${more('dsl')}
policy:
${policy ?? '  default: { prefer: [fiber, lte, dsl] }'}
`);
}
