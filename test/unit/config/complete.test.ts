import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { fileJsonSchema } from '../../../src/config/schema.ts';
import { formatIpv4Address } from '../../../src/net/ipv4-address.ts';
import { formatIpv4Prefix } from '../../../src/net/ipv4-prefix.ts';
import { formatIpv6Address } from '../../../src/net/ipv6-address.ts';
import { formatIpv6Prefix } from '../../../src/net/ipv6-prefix.ts';
import { formatMacAddress } from '../../../src/net/mac-address.ts';
import { preferredUplinks } from '../../../src/plan/policy.ts';
import { issuesOf, parsed } from './support.ts';

function fixture(name: string): string {
  return readFileSync(new URL(`../../../fixtures/config/valid/${name}.yaml`, import.meta.url), 'utf8');
}

const macsOf = (name: string) =>
  parsed(fixture(name)).config.uplinks.map(({ device }) => device.mac && formatMacAddress(device.mac));

describe('defaults', () => {
  const { config } = parsed(fixture('minimal'));

  it('are those of the RFCs for NAT44 (4787-R5c, 5508-R2, 5382-R5, 5382-R4, 5597-R5, 6146-T10, 6888-R8)', () => {
    expect(config.nat44).toEqual({
      timeouts: {
        udpMs: 300_000,
        icmpMs: 60_000,
        otherMs: 300_000,
        tcpOpeningMs: 240_000,
        tcpClosingMs: 240_000,
        tcpEstablishedMs: 7_440_000,
        dccpTransitoryMs: 480_000,
        dccpEstablishedMs: 7_440_000,
        heldSynMs: 6000,
        fragmentMs: 5000,
      },
      portRestMs: 120_000,
      restingPorts: 65_536,
      filtering: {
        udp: 'address-dependent',
        tcp: 'address-dependent',
        icmp: 'address-dependent',
        dccp: 'address-dependent',
      },
      filtered: 'drop',
      unsolicitedSyn: 'refuse',
      parity: 'any',
      otherProtocols: 'translate',
      exempt: [],
    });
    expect(config.nptv6.allZerosInterfaceId).toBe('drop');
  });

  it('make a translated uplink with its own address as the pool and all ports', () => {
    const [uplink] = config.uplinks;
    expect(uplink?.ipv4?.pool.map(formatIpv4Address)).toEqual(['203.0.113.2']);
    expect(uplink?.ipv4).toMatchObject({ nat44: true, ports: { low: 1, high: 65_535 } });
    expect(uplink?.ipv6).toBeUndefined();
    expect(uplink?.metered).toBe(false);
    expect(uplink?.probe).toMatchObject({ intervalMs: 500, timeoutMs: 800, upAfterMs: 30_000, quorum: 1 });
  });

  it('give a device an MTU of 1500 and a link address that depends on its namespace and name', () => {
    const macs = macsOf('twin-modems');
    expect(new Set(macs).size).toBe(3);
    expect(macsOf('twin-modems')).toEqual(macs);
    expect(config.internal[0]?.device).toMatchObject({ kind: 'tap', name: 'lan0', mtu: 1500, offload: true });
  });

  it('prefer uplinks in file order', () => {
    const { policies } = parsed(fixture('twin-modems')).config;
    expect(policies).toHaveLength(1);
    expect(policies[0]).toMatchObject({ name: 'default', matches: [], lastResort: 'keep' });
    expect(policies.flatMap(preferredUplinks)).toEqual(['left', 'right', 'vpn']);
  });
});

describe('a full file', () => {
  const { config } = parsed(fixture('two-isps'));
  const [fiber, lte] = config.uplinks;

  it('keeps the internal side', () => {
    const [office] = config.internal;
    expect(office?.routes.map(({ family }) => family)).toEqual([4, 6]);
    expect(office?.ipv6.map(({ address }) => formatIpv6Address(address))).toEqual(['fd12:3456:789a:1::1']);
    expect(office?.ipv4.map(({ prefix }) => formatIpv4Prefix(prefix))).toEqual(['192.168.1.0/24']);
    expect(config.site.ula && formatIpv6Prefix(config.site.ula)).toBe('fd12:3456:789a::/48');
  });

  it('puts the own address first into the pool, then what prefixes stand for', () => {
    expect(fiber?.ipv4?.pool.map(formatIpv4Address)).toEqual([
      '203.0.113.2',
      '203.0.113.4',
      '203.0.113.5',
      '203.0.113.6',
    ]);
    expect(fiber?.ipv4?.ports).toEqual({ low: 1024, high: 65_535 });
  });

  it('6296-3.1a, 6296-4.1a pairs the prefix of an uplink with site.ula', () => {
    const pairs = config.uplinks.map(({ ipv6 }) =>
      ipv6?.pairs.map(({ internal, external }) => [internal, external].map(formatIpv6Prefix)),
    );
    expect(pairs).toEqual([
      [['fd12:3456:789a::/48', '2001:db8:a100::/48']],
      [['fd12:3456:789a::/48', '2001:db8:b100::/56']],
    ]);
  });

  it('takes explicit probe settings, and else those of the profile', () => {
    expect(fiber?.probe).toMatchObject({ intervalMs: 250, timeoutMs: 400, upAfterMs: 5000, quorum: 2 });
    expect(lte?.probe).toMatchObject({ intervalMs: 100, timeoutMs: 120, upAfterMs: 30_000, quorum: 1 });
    const targets = fiber?.probe.targets.map(({ text, method }) => [text, method.kind]);
    expect(targets).toEqual(
      ['192.0.2.1', '192.0.2.2', '2001:db8:ffff::1', '2001:db8:ffff::2'].map((text) => [text, 'echo']),
    );
  });

  it('takes what is said elsewhere', () => {
    expect(lte).toMatchObject({ metered: true, device: { name: 'wan1', mtu: 1420, mac: 0x02_00_00_00_00_02 } });
    expect(fiber?.device.netns).toBe('isp-a');
    expect(config.policies).toMatchObject([{ name: 'default', lastResort: 'keep' }]);
    expect(config.policies.flatMap(preferredUplinks)).toEqual(['lte', 'fiber']);
    expect(config.nat44.timeouts).toEqual({
      udpMs: 600_000,
      icmpMs: 90_000,
      otherMs: 300_000,
      tcpOpeningMs: 300_000,
      tcpClosingMs: 300_000,
      tcpEstablishedMs: 10_800_000,
      dccpTransitoryMs: 480_000,
      dccpEstablishedMs: 7_440_000,
      heldSynMs: 6000,
      fragmentMs: 3000,
    });
    expect(config.nat44.exempt.map(({ to }) => formatIpv4Prefix(to))).toEqual(['192.0.2.0/24', '198.18.7.1/32']);
    expect(config.nat44.filtering.tcp).toBe('address-and-port-dependent');
    expect(config.limits).toEqual({
      mappings: 1000,
      sessions: 2000,
      neighbours: 16,
      hosts: 4096,
      perHost: {
        mappings: 32_768,
        sessions: 65_536,
        sessionsPerMapping: 65_536,
        flows: { perSecond: 2000, burst: 10_000 },
      },
      filterSessions: 262_144,
      icmpErrors: { perSecond: 10, burst: 20 },
    });
    expect(config.nptv6.allZerosInterfaceId).toBe('translate');
    expect(config.control.socket).toBe('/tmp/nptd.sock');
  });

  it.each([
    [1420, {}, 1380],
    [1420, { 'mss-clamp': 'auto' }, 1380],
    [undefined, {}, 1460],
    [1420, { 'mss-clamp': 536 }, 536],
    [1420, { 'mss-clamp': 'off' }, undefined],
  ])('clamps segments for an MTU of %s with %o to %s', (mtu, clamp, octets) => {
    const { fiber } = FULL.uplinks;
    const device = { ...fiber.device, ...(mtu === undefined ? {} : { mtu }) };
    const data = { ...FULL, uplinks: { fiber: { ...fiber, device, ipv4: { ...fiber.ipv4, ...clamp } } } };
    expect(parsed(stringify(data)).config.uplinks[0]?.ipv4?.mssClamp).toBe(octets);
  });

  it('routes an uplink with nat44 off', () => {
    const { uplinks } = parsed(fixture('twin-modems')).config;
    expect(uplinks.map(({ ipv4 }) => ipv4?.nat44)).toEqual([true, true, false]);
  });

  it('pairs several prefixes, one of them with an internal prefix of its own', () => {
    const pairs = parsed(fixture('several-pairs')).config.uplinks.map(({ ipv6 }) =>
      ipv6?.pairs.map(({ internal, external }) => `${formatIpv6Prefix(internal)} ${formatIpv6Prefix(external)}`),
    );
    expect(pairs).toEqual([
      ['fd12:3456:789a::/48 2001:db8:a100::/48', '2001:db8:c::/48 2001:db8:a200::/48'],
      ['fd12:3456:789a::/48 2001:db8:b100::/56', '2001:db8:c::/48 2001:db8:b100:100::/56'],
    ]);
  });
});

const jsonMap = z.looseObject({
  required: z.array(z.string()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  additionalProperties: z.unknown().optional(),
  items: z.unknown().optional(),
});

/** A file that has every map of the schema, as data. */
const FULL = {
  internal: {
    office: {
      device: { tap: 'lan0' },
      ipv4: '192.168.1.1/24',
      routes: [{ to: '10.0.0.0/8', via: '192.168.1.2' }],
    },
  },
  uplinks: {
    fiber: {
      device: { tap: 'wan0' },
      ipv4: { address: '203.0.113.2/30', gateway: '203.0.113.1' },
      ipv6: {
        address: '2001:db8:a::2/64',
        gateway: 'fe80::1',
        pairs: [{ internal: 'fd12::/48', external: '2001:db8:a100::/48' }],
      },
    },
  },
  policy: { default: { prefer: ['fiber'] } },
};

/** Paths of all keys that the schema requires of a value. */
function requiredPaths(schema: unknown, value: unknown, path: (string | number)[]): (string | number)[][] {
  const { required = [], properties = {}, additionalProperties, items } = jsonMap.parse(schema ?? {});
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(value).flatMap(([key, child]) => {
    const schemaOfChild = Array.isArray(value) ? items : (properties[key] ?? additionalProperties);
    return requiredPaths(schemaOfChild, child, [...path, Array.isArray(value) ? Number(key) : key]);
  });
  return [...required.map((key) => [...path, key]), ...inner];
}

function without(value: unknown, [step, ...rest]: (string | number)[]): unknown {
  if (Array.isArray(value)) return value.map((item, index) => (index === step ? without(item, rest) : item));
  return Object.fromEntries(
    Object.entries(value ?? {}).flatMap(([key, child]) => {
      if (key !== step) return [[key, child]];
      return rest.length === 0 ? [] : [[key, without(child, rest)]];
    }),
  );
}

describe('keys that the schema calls required', () => {
  const paths = requiredPaths(fileJsonSchema(), FULL, []);

  it('are all there in a valid file', () => {
    expect(issuesOf(stringify(FULL)).filter((line) => !line.includes('warning'))).toEqual([]);
    expect(paths).toHaveLength(11);
  });

  it.each(paths.map((path) => [path.join('.'), path] as const))('%s is missed', (_, path) => {
    const errors = issuesOf(stringify(without(FULL, path))).filter((line) => !line.includes('warning'));
    const said = path.length === 1 ? /there is no (uplink|internal device)/ : `key "${path.at(-1)}" is missing`;
    expect(errors.filter((line) => line.match(said))).toHaveLength(1);
  });
});
