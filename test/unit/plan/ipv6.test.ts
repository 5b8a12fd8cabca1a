import { describe, expect, it } from 'vitest';
import type { NptdConfig } from '../../../src/config/config.ts';
import { formatIpv6Address, ipv6FromOctets } from '../../../src/net/ipv6-address.ts';
import { compilePlan } from '../../../src/plan/compile.ts';
import { configNotes } from '../../../src/plan/notes.ts';
import type { Plan } from '../../../src/plan/plan.ts';
import { configOf, healthyState } from './support.ts';

/** Hosts hold both ISPs' prefixes and a ULA, and have a resolver from each ISP. */
const NATIVE = configOf(`internal:
  office:
    device: { tap: lan0, mtu: 1480 }
    ipv6: ["2001:db8:a100:1::1/64", "2001:db8:b100:2::1/64", "fd12:3456:789a:1::1/64"]
    advertise: { interval: 60s, lifetime: 20m, preference: high, valid: 1h, preferred: 30m, resolvers: ["fd12:3456:789a:1::53"] }
  guests: { device: { tap: lan1 }, ipv6: "fd12:3456:789a:2::1/64", advertise: { mode: off } }
site: { ula: "fd12:3456:789a::/48" }
uplinks:
  fiber:
    device: { tap: wan0 }
    ipv6: { address: "2001:db8:a::2/64", gateway: "2001:db8:a::1", prefix: "2001:db8:a100::/48", native: true, resolvers: ["2001:db8:a::53"] }
  lte:
    device: { tap: wan1, mtu: 1420 }
    ipv6: { address: "2001:db8:b::2/64", gateway: "2001:db8:b::1", prefix: "2001:db8:b100::/48", native: true, resolvers: ["2001:db8:b::53"], mss-clamp: off, neighbour-proxy: true }
publish:
  web: { to: ["2001:db8:a100:1::80", "2001:db8:b100:2::80"], tcp: ["8443:443"], on: [] }
`);

function text(octets: Uint8Array): string {
  return formatIpv6Address(ipv6FromOctets(octets));
}

function planWith(up: { readonly fiber: boolean; readonly lte: boolean }): Plan {
  const state = healthyState(NATIVE, 1);
  const uplinks = [...state.uplinks].map(
    ([name, one]) => [name, { ...one, usable6: name === 'fiber' ? up.fiber : up.lte }] as const,
  );
  return compilePlan(NATIVE, { ...state, uplinks: new Map(uplinks) });
}

function advertised(up: { readonly fiber: boolean; readonly lte: boolean }) {
  const say = planWith(up).devices[0]?.advertise;
  if (say === undefined) throw new Error('nothing is advertised');
  return {
    router: say.routerLifetimeS,
    prefixes: say.prefixes.map(({ prefix, validS, preferredS }) => [text(prefix), validS, preferredS]),
    resolvers: say.resolvers.map(({ address, lifetimeS }) => [text(address), lifetimeS]),
    routes: say.routes.map(({ prefix, prefixLength }) => `${text(prefix)}/${prefixLength}`),
  };
}

describe('router advertisements', () => {
  it('say what hosts need, on devices where they are not switched off', () => {
    const plan = planWith({ fiber: true, lte: true });
    expect(plan.devices[0]?.advertise).toMatchObject({ preference: 'high', intervalMs: 60_000, linkMtu: 1480 });
    expect(plan.devices[1]?.advertise).toBeUndefined();
    expect(advertised({ fiber: true, lte: true })).toEqual({
      router: 1200,
      prefixes: [
        ['2001:db8:a100:1::', 3600, 1800],
        ['2001:db8:b100:2::', 3600, 1800],
        ['fd12:3456:789a:1::', 3600, 1800],
      ],
      resolvers: [
        ['fd12:3456:789a:1::53', 1200],
        ['2001:db8:a::53', 1200],
        ['2001:db8:b::53', 1200],
      ],
      routes: ['fd12:3456:789a::/48', '2001:db8:a100::/48', '2001:db8:b100::/48'],
    });
  });

  it('prefer no prefix for longer than it is valid', () => {
    const short = configOf(`internal:
  office: { device: { tap: lan0 }, ipv6: "fd12:3456:789a:1::1/64", advertise: { valid: 10m, preferred: 30m } }
site: { ula: "fd12:3456:789a::/48" }
uplinks:
  fiber: { device: { tap: wan0 }, ipv6: { address: "2001:db8:a::2/64", gateway: "2001:db8:a::1", prefix: "2001:db8:a100::/48" } }
`);
    const [prefix] = compilePlan(short, healthyState(short, 1)).devices[0]?.advertise?.prefixes ?? [];
    expect(prefix).toMatchObject({ validS: 600, preferredS: 600 });
  });

  it("deprecate a dead uplink's prefix and withdraw its resolver (8475-1, 8475-2, 8028-1)", () => {
    const { router, prefixes, resolvers } = advertised({ fiber: false, lte: true });
    expect(router).toBe(1200);
    expect(prefixes).toEqual([
      ['2001:db8:a100:1::', 3600, 0],
      ['2001:db8:b100:2::', 3600, 1800],
      ['fd12:3456:789a:1::', 3600, 1800],
    ]);
    expect(resolvers).toContainEqual(['2001:db8:a::53', 0]);
    expect(resolvers).toContainEqual(['2001:db8:b::53', 1200]);
  });

  it('take the default route back when the last uplink goes, and keep the routes of the site (7084-G4, 7084-G5, 7084-L3)', () => {
    const { router, routes } = advertised({ fiber: false, lte: false });
    expect(router).toBe(0);
    expect(routes).toContain('fd12:3456:789a::/48');
  });
});

describe('a site with unique local addresses alone', () => {
  const site = (ipv6: string): NptdConfig =>
    configOf(`internal: { office: { device: { tap: lan0 }, ipv4: 192.168.1.1/24, ipv6: "fd12:3456:789a:1::1/64" } }
site: { ula: "fd12:3456:789a::/48" }
martians: { documentation: drop }
uplinks: { fiber: { device: { tap: wan0 }, ipv4: { address: 198.18.0.2/30, gateway: 198.18.0.1 }${ipv6} } }
`);
  const saidOf = (config: NptdConfig) => compilePlan(config, healthyState(config)).devices[0]?.advertise;

  it('is no way to the Internet without prefix translation: no default route, only its own (8678-ULA, 7084-ULA5, 7084-G4)', () => {
    const said = saidOf(site(''));
    expect(said?.routerLifetimeS).toBe(0);
    expect(said?.routes.map(({ prefix, prefixLength }) => `${text(prefix)}/${prefixLength}`)).toEqual([
      'fd12:3456:789a::/48',
    ]);
  });

  it('is one with it (8678-ULA, 7084-ULA5)', () => {
    const translated = site(', ipv6: { address: "2a00:a::2/64", gateway: "2a00:a::1", prefix: "2a00:a100::/48" }');
    expect(saidOf(translated)?.routerLifetimeS).toBe(1800);
  });

  it('has the prefix that stands in the file, in every plan (7084-ULA2, 7084-ULA3)', () => {
    const config = site('');
    const prefixes = [1, 2].map((generation) =>
      compilePlan(config, healthyState(config, generation)).devices[0]?.advertise?.prefixes.map(({ prefix }) =>
        text(prefix),
      ),
    );
    expect(prefixes).toEqual([['fd12:3456:789a:1::'], ['fd12:3456:789a:1::']]);
  });

  it('knows whether addresses of examples are martians (6092-R3)', () => {
    expect(compilePlan(site(''), healthyState(site(''))).dropDocumentation).toBe(true);
    expect(planWith({ fiber: true, lte: true }).dropDocumentation).toBe(false);
  });
});

it('native prefixes pair with themselves, and those of the other uplinks with them', () => {
  const { uplinks } = planWith({ fiber: true, lte: true });
  const pairs = uplinks.map(({ ipv6 }) =>
    ipv6?.pairs.map(({ internal, external }) => [text(internal), text(external)]),
  );
  expect(pairs).toEqual([
    [
      ['2001:db8:a100::', '2001:db8:a100::'],
      ['2001:db8:b100::', '2001:db8:a100::'],
    ],
    [
      ['2001:db8:b100::', '2001:db8:b100::'],
      ['2001:db8:a100::', '2001:db8:b100::'],
    ],
  ]);
  expect(uplinks.map(({ ipv6 }) => [ipv6?.mssClamp, ipv6?.proxyNeighbours])).toEqual([
    [1440, false],
    [undefined, true],
  ]);
});

describe('the filter of IPv6', () => {
  it('is on, endpoint-independent, lets IPsec in, and knows published servers (6092-R11, 6092-R22)', () => {
    const { filter6 } = planWith({ fiber: true, lte: true });
    expect(filter6).toMatchObject({ filteringUdp: 'endpoint-independent', ipsec: true });
    expect(filter6?.published.map(({ internalAddress, ...rest }) => [text(internalAddress), rest])).toEqual([
      ['2001:db8:a100:1::80', { protocol: 6, portLow: 443, portHigh: 443 }],
      ['2001:db8:b100:2::80', { protocol: 6, portLow: 443, portHigh: 443 }],
    ]);
  });

  it('goes with one key (6092-R49)', () => {
    const open = configOf(`internal: { office: { device: { tap: lan0 }, ipv6: "fd12::1/64" } }
uplinks: { fiber: { device: { tap: wan0 }, ipv6: { address: "2001:db8:a::2/64", gateway: "2001:db8:a::1", prefix: "2001:db8:a100::/48", internal: "fd12::/48" } } }
filter: { mode: off, unassigned-icmp: forward }
`);
    const plan = compilePlan(open, healthyState(open, 1));
    expect(plan.filter6).toBeUndefined();
    expect(plan.nptv6.forwardUnassignedIcmp).toBe(true);
  });
});

describe('notes', () => {
  const site = (addresses: string, more = ''): string => `internal: { office: { device: { tap: lan0 }, ${addresses} } }
uplinks:
  fiber: { device: { tap: wan0 }, ipv4: { address: 203.0.113.2/30, gateway: 203.0.113.1 }, ipv6: { address: "2001:db8:a::2/64", gateway: "2001:db8:a::1", pairs: [{ internal: "fd12::/48", external: "2001:db8:a100::/48" }] } }
  lte: { device: { tap: wan1 }, ipv6: { address: "2001:db8:b::2/64", gateway: "2001:db8:b::1", pairs: [{ internal: "fd12::/48", external: "2001:db8:b100::/48" }] } }
${more}`;

  it.each([
    [
      'hosts with unique local addresses and IPv4 (6724-2)',
      'ipv4: 192.168.1.1/24, ipv6: "fd12::1/64"',
      '',
      ['office prefer IPv4'],
    ],
    ['hosts with unique local addresses alone', 'ipv6: "fd12::1/64"', '', []],
    ['hosts with a global address too', 'ipv4: 192.168.1.1/24, ipv6: ["fd12::1/64", "2001:db8:c::1/64"]', '', []],
    ['several uplinks without the filter', 'ipv6: "fd12::1/64"', 'filter: { mode: off }', ['nothing ties a packet']],
  ])('%s', (_what, addresses, more, parts) => {
    const notes = configNotes(configOf(site(addresses, more)));
    expect(notes).toEqual(parts.map((part) => expect.stringContaining(part)));
  });
});
