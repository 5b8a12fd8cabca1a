/** Configurations for tests of the control plane. */
import type { NptdConfig } from '../../../src/config/config.ts';
import { parseConfig } from '../../../src/config/parse.ts';

export interface SiteOptions {
  /** Names of uplinks in order of preference; the file has `fiber`, `lte` and `dsl`. */
  readonly prefer?: readonly string[];
  /** Lines of the map `policy`, instead of `prefer`. */
  readonly policy?: string;
  /** Address of `fiber`. */
  readonly fiber?: string;
  /** Of the probes of `fiber`. */
  readonly transport?: string;
  /** More keys of the `probe` of each uplink. */
  readonly probe?: string;
  /** More keys of an uplink, by name. */
  readonly uplinks?: Readonly<Record<string, string>>;
  /** Whose prefix hosts hold themselves. */
  readonly native?: 'fiber' | 'lte';
}

/** A site with three uplinks: `fiber` and `lte` with both families, `dsl` with IPv4 only; `up-after` is 5 s unless `probe` is given. */
export function siteText({
  prefer = ['fiber', 'lte', 'dsl'],
  policy = `  default: { prefer: [${prefer.join(', ')}] }`,
  fiber = '203.0.113.2',
  transport = 'data-path',
  probe = ', up-after: 5s',
  uplinks = {},
  native,
}: SiteOptions = {}): string {
  const targets4 = '192.0.2.1, 192.0.2.2';
  const targets = `${targets4}, "2001:db8:ffff::1", "2001:db8:ffff::2"`;
  const held = (name: string): string => (name === native ? ', native: true' : '');
  const more = (name: string): string => uplinks[name] ?? '';
  return `
internal:
  office: { device: { tap: lan0 }, ipv4: 192.168.1.1/24, ipv6: "fd12:3456:789a:1::1/64" }
site: { ula: "fd12:3456:789a::/48" }
uplinks:
  fiber:
    device: { tap: wan0 }
    ipv4: { address: ${fiber}/29, gateway: 203.0.113.1 }
    ipv6: { address: "2001:db8:a::2/64", gateway: "2001:db8:a::1", prefix: "2001:db8:a100::/48"${held('fiber')} }
    probe: { targets: [${targets}]${probe}, transport: ${transport} }
    ${more('fiber')}
  lte:
    device: { tap: wan1 }
    ipv4: { address: 198.51.100.2/24, gateway: 198.51.100.1 }
    ipv6: { address: "2001:db8:b::2/64", gateway: "2001:db8:b::1", prefix: "2001:db8:b100::/48"${held('lte')} }
    probe: { targets: [${targets}]${probe} }
    ${more('lte')}
  dsl:
    device: { tap: wan2 }
    ipv4: { address: 192.0.2.130/30, gateway: 192.0.2.129 }
    probe: { targets: [${targets4}]${probe} }
    ${more('dsl')}
policy:
${policy}
`;
}

export function site(options: SiteOptions = {}): NptdConfig {
  return parsed(siteText(options));
}

/** The same with the default times: `up-after` is 30 s. */
export function multihomed(options: SiteOptions = {}): NptdConfig {
  return site({ probe: '', ...options });
}

/** The configuration of a text that is valid. */
export function parsed(text: string): NptdConfig {
  const result = parseConfig(text, 'test.yaml');
  if (!result.ok) throw new Error(result.error.map(({ sentence }) => sentence).join('\n'));
  return result.value.config;
}
