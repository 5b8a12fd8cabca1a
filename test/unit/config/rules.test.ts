import { describe, expect, it } from 'vitest';
import { BASE, base, issuesOf } from './support.ts';

/** A change of the base file, and what is said about it. */
interface Case {
  readonly name: string;
  readonly text: string;
  readonly issues: readonly string[];
}

function check(cases: readonly Case[]): void {
  it.each(cases)('$name', ({ text, issues }) => {
    expect(issuesOf(text)).toEqual(issues);
  });
}

/** So many addresses in a list. */
const resolvers = (count: number) => Array.from({ length: count }, (_, index) => `"fd12::${index + 1}"`).join();

const SECOND = `  lte:
    device: { tap: wan1 }
    ipv4: { address: 198.51.100.2/24, gateway: 198.51.100.1 }
    probe: { targets: [192.0.2.1, 192.0.2.2] }
`;

describe('martians', () => {
  const real = BASE.replace('203.0.113.2/30, gateway: 203.0.113.1', '198.18.0.2/30, gateway: 198.18.0.1')
    .replace(
      '2001:db8:a::2/64", gateway: "2001:db8:a::1", prefix: "2001:db8:a100::/48',
      '2a00:a::2/64", gateway: "2a00:a::1", prefix: "2a00:a100::/48',
    )
    .replace(
      '192.0.2.1, 192.0.2.2, "2001:db8:ffff::1", "2001:db8:ffff::2"',
      '198.19.0.1, 198.19.0.2, "2a00:1::1", "2a00:1::2"',
    );
  const why = 'has addresses kept for documentation, which "martians.documentation: drop" drops';
  check([
    {
      name: '6092-R3 addresses of examples may be dropped',
      text: `${real}martians: { documentation: drop }\n`,
      issues: [],
    },
    { name: '6092-R3 by default they are like others', text: `${BASE}martians: { documentation: pass }\n`, issues: [] },
    {
      name: '6092-R3 but not where the file is numbered from them',
      text: `${BASE.replace('gateway: 203.0.113.1 }', 'gateway: 203.0.113.1, pool: [198.51.100.8/29] }')}martians: { documentation: drop }\n`,
      issues: [
        `f:7:22: uplinks.fiber.ipv4.address: 203.0.113.0/30 ${why}`,
        `f:7:67: uplinks.fiber.ipv4.pool[0]: 198.51.100.8/29 ${why}`,
        `f:8:22: uplinks.fiber.ipv6.address: 2001:db8:a::/64 ${why}`,
        `f:8:76: uplinks.fiber.ipv6.prefix: 2001:db8:a100::/48 ${why}`,
        `f:9:24: uplinks.fiber.probe.targets[0]: 192.0.2.1/32 ${why}`,
        `f:9:35: uplinks.fiber.probe.targets[1]: 192.0.2.2/32 ${why}`,
        `f:9:46: uplinks.fiber.probe.targets[2]: 2001:db8:ffff::1/128 ${why}`,
        `f:9:66: uplinks.fiber.probe.targets[3]: 2001:db8:ffff::2/128 ${why}`,
      ],
    },
    {
      name: '6092-R3 nor where a device of the site is',
      text: `${real.replace('192.168.1.1/24', '192.0.0.1/16').replace('fd12:3456:789a:1::1/64"', '2001:db8:1::1/64"')}martians: { documentation: drop }\n`,
      issues: [
        `f:2:42: internal.office.ipv4: 192.0.0.0/16 ${why}`,
        'f:2:62: warning: internal.office.ipv6: 2001:db8:1::/64 is covered by no prefix pair of uplink "fiber": its hosts have no IPv6 there',
        `f:2:62: internal.office.ipv6: 2001:db8:1::/64 ${why}`,
      ],
    },
  ]);
});

describe('internal devices', () => {
  check([
    {
      name: 'a route overlaps a link',
      text: base('1::1/64" }', '1::1/64", routes: [{ to: 192.168.1.0/25, via: 192.168.1.9 }] }'),
      issues: [
        'f:2:105: internal.office.routes[0].to: internal prefix 192.168.1.0/25 overlaps 192.168.1.0/24 of internal.office.ipv4',
      ],
    },
    {
      name: 'routers beyond the link, of the other family, and the gateway itself',
      text: base(
        '1::1/64" }',
        `1::1/64"
    , routes: [ { to: 10.0.0.0/8, via: 192.168.2.1 }
    , { to: 172.16.0.0/12, via: "fe80::1" }
    , { to: 172.32.0.0/12, via: 192.168.1.1 } ] }`,
      ),
      issues: [
        'f:3:40: internal.office.routes[0].via: the router 192.168.2.1 is not on the link 192.168.1.0/24',
        'f:4:33: internal.office.routes[1].via: fe80::1 cannot be the next hop of 172.16.0.0/12: the families differ',
        "f:5:33: internal.office.routes[2].via: the router 192.168.1.1 is the gateway's own address on this link",
      ],
    },
    {
      name: 'an MTU below that of IPv6, on either side',
      text: base('{ tap: lan0 }', '{ tap: lan0, mtu: 1279 }').replace('{ tap: wan0 }', '{ tap: wan0, mtu: 576 }'),
      issues: [
        'f:2:39: internal.office.device.mtu: an MTU of 1279 is too small for IPv6, which needs 1280',
        'f:6:31: uplinks.fiber.device.mtu: an MTU of 576 is too small for IPv6, which needs 1280',
      ],
    },
    {
      name: 'a default route that ends before it is advertised again',
      text: base('1::1/64" }', '1::1/64", advertise: { lifetime: 60s, interval: 10m } }'),
      issues: [
        'f:2:113: internal.office.advertise.lifetime: hosts would lose the default route after 60s, before the next advertisement after 10m',
      ],
    },
    {
      name: 'no address at all',
      text: base(', ipv4: 192.168.1.1/24, ipv6: "fd12:3456:789a:1::1/64" }', ' }'),
      issues: ['f:2:3: internal.office: key "ipv4" is missing (or "ipv6", or both)'],
    },
    {
      name: 'more than router advertisements of a device may carry, of the device and of ISPs together',
      text: base('1::1/64" }', `1::1/64", advertise: { resolvers: [${resolvers(200)}] } }`).replace(
        'a100::/48" }',
        `a100::/48", resolvers: [${resolvers(55)}] }`,
      ),
      issues: [
        'f:2:11: internal.office: 257 prefixes, routes and resolvers in router advertisements, at most 256 are supported',
      ],
    },
    {
      name: 'as much as they may carry',
      text: base('1::1/64" }', `1::1/64", advertise: { resolvers: [${resolvers(254)}] } }`),
      issues: [],
    },
    {
      name: 'two addresses on one link share its prefix',
      text: base('192.168.1.1/24', '[192.168.1.1/24, 192.168.1.2/24]'),
      issues: [],
    },
  ]);
});

describe('names and devices', () => {
  check([
    {
      name: 'a name on both sides',
      text: base('  fiber:', '  office:'),
      issues: ['f:5:3: uplinks.office: the name "office" is used already by internal.office'],
    },
    {
      name: 'a device on both sides',
      text: base('tap: wan0', 'tap: lan0'),
      issues: ['f:6:20: uplinks.fiber.device.tap: device lan0 is used already by internal.office'],
    },
    {
      name: 'one device name in two namespaces is no mistake',
      text: base('tap: wan0', 'tap: lan0, netns: isp'),
      issues: [],
    },
    {
      name: 'no uplinks, no internal devices',
      text: 'internal: {}\nuplinks: {}\n',
      issues: [
        'f:1:1: internal: there is no internal device: name at least one below "internal"',
        'f:2:1: uplinks: there is no uplink: name at least one below "uplinks"',
      ],
    },
    {
      name: 'an empty file',
      text: '# nothing\n',
      issues: [
        'f:1:1: there is no internal device: name at least one below "internal"',
        'f:1:1: there is no uplink: name at least one below "uplinks"',
      ],
    },
    {
      name: '17 uplinks',
      text:
        BASE + Array.from({ length: 16 }, (_, i) => SECOND.replace('lte', `u${i}`).replace('wan1', `u${i}`)).join(''),
      issues: ['f:5:3: uplinks: 17 uplinks, at most 16 are supported'],
    },
    {
      name: 'a name of digits, which would lose its place in the file',
      text: base('  fiber:', '  7:'),
      issues: [
        'f:5:3: uplinks.7: a name has at most 32 letters, digits, "-" and "_", begins with a letter or digit, and is no number',
      ],
    },
  ]);
});

describe('uplinks', () => {
  check([
    {
      name: 'gateways beyond the link and at the own address',
      text: base('gateway: 203.0.113.1', 'gateway: 203.0.113.9').replace('"2001:db8:a::1"', '"2001:db8:a::2"'),
      issues: [
        'f:7:47: uplinks.fiber.ipv4.gateway: the gateway 203.0.113.9 is not on the link 203.0.113.0/30',
        "f:8:51: uplinks.fiber.ipv6.gateway: the gateway 2001:db8:a::2 is the gateway's own address on this link",
      ],
    },
    {
      name: 'a gateway anywhere behind a single address, and a link-local one',
      text: base('203.0.113.2/30', '203.0.113.2/32')
        .replace('gateway: 203.0.113.1', 'gateway: 10.0.0.1')
        .replace('"2001:db8:a::1"', '"fe80::1"'),
      issues: [],
    },
    {
      name: 'neither family',
      text: `${BASE}  lte: { device: { tap: wan1 } }\n`,
      issues: ['f:10:3: uplinks.lte: uplink "lte" has neither ipv4 nor ipv6'],
    },
    {
      name: 'a pool with the gateway, and with too many addresses',
      text: base('gateway: 203.0.113.1 }', 'gateway: 203.0.113.1, pool: [203.0.113.0/30, 198.51.100.0/24] }'),
      issues: [
        'f:7:66: uplinks.fiber.ipv4.pool: 261 external addresses, at most 64 are supported',
        'f:7:67: uplinks.fiber.ipv4.pool[0]: 203.0.113.0/30 contains the gateway 203.0.113.1',
      ],
    },
    {
      name: 'a shared subnet, gateway and address, and an overlap with the site (4787-R7)',
      text:
        base('203.0.113.2/30, gateway: 203.0.113.1', '192.168.1.2/24, gateway: 192.168.1.1') +
        SECOND.replace('198.51.100.2/24, gateway: 198.51.100.1', '192.168.1.2/24, gateway: 192.168.1.1'),
      issues: [],
    },
  ]);
});

describe('prefix pairs', () => {
  const prefix = 'prefix: "2001:db8:a100::/48"';
  check([
    {
      name: 'no internal prefix to pair with',
      text: base('site: { ula: "fd12:3456:789a::/48" }', 'site: {}'),
      issues: [
        'f:8:76: uplinks.fiber.ipv6.prefix: 2001:db8:a100::/48 has no internal prefix to pair with: add "site: { ula: ... }", or "internal" beside it',
      ],
    },
    {
      name: 'neither prefix nor pairs',
      text: base(`, ${prefix}`, ''),
      issues: ['f:8:5: uplinks.fiber.ipv6: key "prefix" is missing (or "pairs")'],
    },
    {
      name: 'a site.ula that is none (4193-3.1)',
      text: base('fd12:3456:789a::/48', '2001:db8:c::/48').replace('fd12:3456:789a:1::1', '2001:db8:c:1::1'),
      issues: [
        'f:3:14: site.ula: 2001:db8:c::/48 is no unique local prefix in fd00::/8: make one with "nptd ula", or give each uplink its "internal" prefix',
      ],
    },
    {
      name: 'any unicast prefix is accepted as the internal one of an uplink (6296-4.1b, 6296-2.2)',
      text: base('site: { ula: "fd12:3456:789a::/48" }\n', '')
        .replace('fd12:3456:789a:1::1', '2001:db8:c:1::1')
        .replace(prefix, `${prefix}, internal: "2001:db8:c::/48"`),
      issues: [],
    },
    {
      name: 'a prefix longer than /64 (ambiguity A5)',
      text: base('a100::/48', 'a100::/65'),
      issues: [
        'f:8:76: uplinks.fiber.ipv6.prefix: 2001:db8:a100::/65 cannot be translated by NPTv6: it is longer than /64',
      ],
    },
    {
      name: 'a shared internal prefix is blamed once',
      text: base('fd12:3456:789a::/48', 'fd00::/0'),
      issues: ['f:3:14: site.ula: fd00::/0 has bits set beyond its length: the prefix is ::/0'],
    },
    {
      name: 'subnet ffff under pairs of /48 (6296-4.2), and under a /56 only if it cannot be mapped',
      text: base('789a:1::1/64', '789a:ffff::1/64'),
      issues: [
        'f:2:64: internal.office.ipv6: subnet ffff of fd12:3456:789a:ffff::/64 has no external form on uplink "fiber" (RFC 6296 section 4.2): use another subnet number',
      ],
    },
    {
      name: 'bits between unequal lengths (6296-3.7a)',
      text: base('789a:1::1/64', '789a:100::1/64').replace('a100::/48', 'a100::/56'),
      issues: [
        'f:2:64: internal.office.ipv6: fd12:3456:789a:100::/64 has no external form on uplink "fiber": 2001:db8:a100::/56 has fewer subnets than fd12:3456:789a::/48, so the bits between the two lengths must be zero (RFC 6296 section 3.7)',
      ],
    },
    {
      name: 'zero bits between unequal lengths are mapped (6296-3.7a)',
      text: base('789a:1::1/64', '789a:ff::1/64').replace('a100::/48', 'a100::/56'),
      issues: [],
    },
    {
      name: 'two pairs of one uplink with one internal prefix: a source would have two external forms',
      text: base(
        prefix,
        'pairs: [{ internal: "fd12:3456:789a::/48", external: "2001:db8:a100::/48" }, { internal: "fd12:3456:789a::/48", external: "2001:db8:a200::/48" }]',
      ),
      issues: [
        'f:8:157: uplinks.fiber.ipv6.pairs[1].internal: ambiguous prefix pair: internal prefix fd12:3456:789a::/48 overlaps fd12:3456:789a::/48 of uplinks.fiber.ipv6.pairs[0].internal',
      ],
    },
    {
      name: 'a site prefix that no pair covers',
      text: base('789a:1::1/64', '789b:1::1/64'),
      issues: [
        'f:2:64: warning: internal.office.ipv6: fd12:3456:789b:1::/64 is covered by no prefix pair of uplink "fiber": its hosts have no IPv6 there',
      ],
    },
  ]);
});

describe('probes', () => {
  const targets = '[192.0.2.1, 192.0.2.2, "2001:db8:ffff::1", "2001:db8:ffff::2"]';
  check([
    {
      name: 'none at all',
      text: base(`    probe: { targets: ${targets} }\n`, ''),
      issues: [4, 6].map(
        (family) =>
          `f:5:3: warning: uplinks.fiber: uplink "fiber" has no IPv${family} target: its IPv${family} is never seen to fail`,
      ),
    },
    {
      name: 'targets of a family that the uplink lacks, and one twice',
      text: `${BASE}${SECOND.replace('[192.0.2.1, 192.0.2.2]', '[192.0.2.1, "2001:db8::1", 192.0.2.1]')}`,
      issues: [
        'f:13:35: uplinks.lte.probe.targets[1]: target 2001:db8::1 is IPv6, but uplink "lte" has no ipv6',
        'f:13:50: uplinks.lte.probe.targets[2]: 192.0.2.1 is listed a second time',
      ],
    },
    {
      name: 'a quorum that one family cannot meet',
      text: base(`${targets} }`, '[192.0.2.1, 192.0.2.2, "2001:db8:ffff::1"], quorum: 2 }'),
      issues: ['f:9:75: uplinks.fiber.probe.quorum: a quorum of 2 cannot be met by 1 IPv6 target'],
    },
    {
      name: 'an unreadable target is not also too few targets',
      text: base('192.0.2.2', '192.0.2.02'),
      issues: ['f:9:35: uplinks.fiber.probe.targets[1]: "192.0.2.02" is not an IPv4 address'],
    },
  ]);
});

describe('policy', () => {
  check([
    {
      name: 'an unknown uplink, one twice, and one left out',
      text: `${BASE}${SECOND}policy: { default: { prefer: [fibre, lte, lte, cable] } }\n`,
      issues: [
        'f:5:3: warning: uplinks.fiber: no policy prefers uplink "fiber": it carries no new traffic',
        'f:14:31: policy.default.prefer[0]: there is no uplink "fibre", did you mean "fiber"?',
        'f:14:43: policy.default.prefer[2]: "lte" is listed a second time',
        'f:14:48: policy.default.prefer[3]: there is no uplink "cable"',
      ],
    },
    {
      name: 'an uplink with a mistake in it is not unknown as well',
      text: `${BASE.replace('{ tap: wan0 }', '7')}policy: { default: { prefer: [fiber] } }\n`,
      issues: ['f:6:13: uplinks.fiber.device: expected a map, found the number 7'],
    },
    {
      name: 'no uplink',
      text: `${BASE}policy: { default: { prefer: [] } }\n`,
      issues: [
        'f:5:3: warning: uplinks.fiber: no policy prefers uplink "fiber": it carries no new traffic',
        'f:10:30: policy.default.prefer: at least one uplink is needed',
      ],
    },
  ]);
});

describe('timers below the minimum of an RFC', () => {
  check([
    {
      name: 'are warned of',
      text: `${BASE}nat44:
  timeouts: { udp: 119s, icmp: 59s, tcp-transitory: 239s, tcp-established: 7439s, fragment: 1999ms }
  port-rest: 119s
`,
      issues: [
        'f:11:20: warning: nat44.timeouts.udp: 119s is below the minimum of 2m (4787-R5)',
        'f:11:32: warning: nat44.timeouts.icmp: 59s is below the minimum of 60s (5508-R2)',
        'f:11:53: warning: nat44.timeouts.tcp-transitory: 239s is below the minimum of 4m (5382-R5)',
        'f:11:76: warning: nat44.timeouts.tcp-established: 7439s is below the minimum of 124m (5382-R5)',
        'f:11:93: warning: nat44.timeouts.fragment: 1999ms is below the minimum of 2s (6146-F1)',
        'f:12:14: warning: nat44.port-rest: 119s is below the minimum of 2m (6888-R8)',
      ],
    },
    {
      name: 'the minimum itself is accepted',
      text: `${BASE}nat44:
  timeouts: { udp: 120s, icmp: 60s, tcp-transitory: 240s, tcp-established: 7440s }
  port-rest: 120s
`,
      issues: [],
    },
  ]);
});
