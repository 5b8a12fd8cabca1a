import { describe, expect, it } from 'vitest';
import { compilePlan } from '../../../src/plan/compile.ts';
import { configOf, healthyState } from '../plan/support.ts';
import { BASE, issuesOf, parsed } from './support.ts';

const TWO = `${BASE}  lte:
    device: { tap: wan1 }
    ipv4: { address: 198.51.100.2/24, gateway: 198.51.100.1, pool: [198.51.100.8/31] }
    probe: { targets: [192.0.2.1, 192.0.2.2] }
`;

function published(server: string): string {
  return `${TWO}publish:\n${server}`;
}

describe('published servers', () => {
  it('are reached on every uplink with NAT44, at its own address, under the same ports', () => {
    const { config } = parsed(
      published('  mail: { to: 192.168.1.25, tcp: [25, 8000-8099, "8443:443"], udp: ["53:5353"] }\n'),
    );
    expect(config.publish).toEqual([
      {
        name: 'mail',
        to4: [0xc0a8_0119],
        to6: [],
        on: [
          { uplink: 'fiber', address: 0xcb00_7102 },
          { uplink: 'lte', address: 0xc633_6402 },
        ],
        ports: [
          { protocol: 6, external: 25, internal: 25, count: 1 },
          { protocol: 6, external: 8000, internal: 8000, count: 100 },
          { protocol: 6, external: 8443, internal: 443, count: 1 },
          { protocol: 17, external: 53, internal: 5353, count: 1 },
        ],
        source: 'client',
      },
    ]);
  });

  it('become static mappings of the plan, uplink by uplink', () => {
    const config = configOf(
      published(`  web: { to: 192.168.1.80, tcp: [443], on: [lte], address: { lte: 198.51.100.9 }, source: gateway }
  box: { to: 192.168.1.7, whole-address: true, on: [lte], address: { lte: 198.51.100.20 } }
`),
    );
    expect(compilePlan(config, healthyState(config, 1)).nat44.staticMappings).toEqual([
      {
        slot: 1,
        externalAddress: 0xc633_6409,
        internalAddress: 0xc0a8_0150,
        ports: { protocol: 6, external: 443, internal: 443, count: 1, gatewaySource: true },
      },
      { slot: 1, externalAddress: 0xc633_6414, internalAddress: 0xc0a8_0107 },
    ]);
  });

  it.each([
    [
      'neither ports nor a whole address',
      '  a: { to: 192.168.1.5 }\n',
      ['f:15:6: publish.a: nothing is published: give ports ("tcp", "udp", …) or "whole-address: true"'],
    ],
    [
      'beyond the site, and the gateway itself',
      '  a: { to: 10.0.0.5, tcp: [80] }\n  b: { to: 192.168.1.1, tcp: [81] }\n',
      [
        'f:15:12: publish.a.to: 10.0.0.5 is in no internal prefix',
        "f:16:12: publish.b.to: 192.168.1.1 is the gateway's own address",
      ],
    ],
    [
      'an uplink that is not there',
      '  a: { to: 192.168.1.5, tcp: [80], on: [fibre] }\n',
      ['f:15:41: publish.a.on[0]: there is no uplink "fibre", did you mean "fiber"?'],
    ],
    [
      'one external port for two servers',
      '  a: { to: 192.168.1.5, tcp: [80-90], on: [fiber] }\n  b: { to: 192.168.1.6, tcp: [443, "85:80"] }\n',
      [
        'f:16:36: publish.b.tcp[1]: uplink "fiber" cannot tell it from publish.a.tcp[0]: they share an external or an internal endpoint',
      ],
    ],
    [
      'one server port under two external ones',
      '  a: { to: 192.168.1.5, tcp: [80, "8080:80"], on: [fiber] }\n',
      [
        'f:15:35: publish.a.tcp[1]: uplink "fiber" cannot tell it from publish.a.tcp[0]: they share an external or an internal endpoint',
      ],
    ],
    [
      'a whole address that others use, or that is not given',
      '  a: { to: 192.168.1.5, whole-address: true, address: { lte: 198.51.100.8 } }\n',
      [
        'f:15:3: publish.a: key "address" is missing (an external address on uplink "fiber")',
        'f:15:62: publish.a.address.lte: 198.51.100.8 serves other hosts of uplink "lte" too: a whole address is no other address of it',
      ],
    ],
    [
      'ports that are none',
      '  a: { to: 192.168.1.5, tcp: [0, "1:2:3", 5-1, "1-3:5"] }\n',
      [
        'f:15:31: publish.a.tcp[0]: must be a whole number from 1 to 65535, found the number 0',
        'f:15:34: publish.a.tcp[1]: "1:2:3" is neither a port, nor a range like 8000-8099, nor external:internal like 8443:443',
        'f:15:43: publish.a.tcp[2]: "5-1" is neither a port, nor a range like 8000-8099, nor external:internal like 8443:443',
        'f:15:48: publish.a.tcp[3]: the two ranges of "1-3:5" differ in length',
      ],
    ],
  ])('%s', (_name, server, issues) => {
    expect(issuesOf(published(server))).toEqual(issues);
  });
});

describe('other NAT44 settings of the file', () => {
  const { config } = parsed(`${TWO}nat44:
  timeouts: { tcp-transitory: 250s, tcp-closing: 300s, held-syn: 10s }
  unsolicited-syn: refuse
  filtered: refuse
  parity: preserve
  other-protocols: drop
  resting-ports: 100
  exempt: [198.18.0.0/15, "192.0.2.20/32 tcp 443", "192.0.2.0/24 udp"]
limits: { hosts: 10, per-host: { mappings: 5, sessions: 6, sessions-per-mapping: 7, flows: { rate: 8, burst: 9 } } }
policy: { default: { prefer: [fiber, lte], last-resort: refuse } }
state: { file: /var/lib/nptd/state.json }
`);
  const plan = compilePlan(config, healthyState(config, 1));

  it('reach the plan (6888-R4a, 6888-R5a, 6888-R6, 6888-R8, 7857-S2.1, 7857-S8, 1812-13)', () => {
    expect(plan.nat44).toMatchObject({
      tcpOpeningMs: 250_000,
      tcpClosingMs: 300_000,
      holdMs: 10_000,
      refuseFiltered: true,
      preserveParity: true,
      otherProtocols: false,
      restingPortsMax: 100,
      exempt: [
        { prefix: 0xc612_0000, prefixLength: 15 },
        { prefix: 0xc000_0214, prefixLength: 32, protocol: 6, portLow: 443, portHigh: 443 },
        { prefix: 0xc000_0200, prefixLength: 24, protocol: 17 },
      ],
      hostLimits: { mappingsPerProtocol: 5, sessions: 6, sessionsPerMapping: 7, flows: { perSecond: 8, burst: 9 } },
    });
    expect(plan.uplinks.map(({ ipv4 }) => ipv4?.lastResort)).toEqual([false, false]);
    expect(config.limits.hosts).toBe(10);
    expect(config.state.file).toBe('/var/lib/nptd/state.json');
  });

  it('stealth never answers (5382-R4a)', () => {
    const quiet = configOf(`${TWO}nat44: { unsolicited-syn: stealth }\n`);
    expect(compilePlan(quiet, healthyState(quiet, 1)).nat44.holdMs).toBe(0);
  });

  it('ports of the gateway itself are reserved (3022-2.2, 6056-4)', () => {
    const own = configOf(
      TWO.replace('gateway: 203.0.113.1 }', 'gateway: 203.0.113.1, reserved: [tcp 22, udp 500-510] }'),
    );
    expect(compilePlan(own, healthyState(own, 1)).uplinks[0]?.ipv4?.reserved).toEqual([
      { protocol: 6, low: 22, high: 22 },
      { protocol: 17, low: 500, high: 510 },
    ]);
  });

  it('endpoint-independent filtering without a state file is warned of (6888-R8)', () => {
    expect(issuesOf(`${TWO}nat44: { filtering: { udp: endpoint-independent } }\n`)).toEqual([
      'f:14:28: warning: nat44.filtering.udp: with endpoint-independent filtering of UDP a freed port should rest across a restart too (6888-R8): give state.file',
    ]);
  });
});
