import { describe, expect, it } from 'vitest';
import { formatIpv6Address, ipv6FromOctets } from '../../../src/net/ipv6-address.ts';
import { assignSlots, compilePlan, deviceOrder } from '../../../src/plan/compile.ts';
import { configOf, fixtureConfig, healthyState } from './support.ts';

/** Octets as IPv6 text, so that a difference can be read. */
function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.length === 16 ? formatIpv6Address(ipv6FromOctets(value)) : [...value];
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, readable(inner)]));
}

function uplinksNamed(...names: string[]) {
  const uplink = (name: string, index: number): string =>
    `  ${name}: { device: { tap: wan${index} }, ipv4: { address: 203.0.113.2/30, gateway: 203.0.113.1 } }\n`;
  return configOf(
    `internal: { office: { device: { tap: lan0 }, ipv4: 192.168.1.1/24 } }\nuplinks:\n${names.map(uplink).join('')}`,
  );
}

describe('a compiled plan', () => {
  const config = fixtureConfig('valid/two-isps');
  const plan = compilePlan(config, healthyState(config, 7));

  it('numbers devices: internal ones in file order, then uplinks', () => {
    expect(plan.generation).toBe(7);
    expect(readable(plan.devices)).toMatchObject([
      {
        mtu: 1500,
        ipv4: [{ address: 0xc0a8_0101, prefixLength: 24 }],
        ipv6: [{ address: 'fd12:3456:789a:1::1', prefixLength: 64 }],
      },
      { uplinkSlot: 0, mtu: 1500, ipv4: [{ address: 0xcb00_7102, prefixLength: 29 }] },
      { uplinkSlot: 1, mtu: 1420, mac: [2, 0, 0, 0, 0, 2], ipv6: [{ address: '2001:db8:b::2', prefixLength: 64 }] },
    ]);
    expect(plan.devices[0]).not.toHaveProperty('uplinkSlot');
  });

  it('keeps routes with the index of their device', () => {
    expect(readable(plan.routes)).toEqual([
      { device: 0, ipv4: { prefix: 0xc0a8_0700, prefixLength: 24, via: 0xc0a8_01fe } },
      { device: 0, ipv6: { prefix: 'fd12:3456:789a:7::', prefixLength: 64, via: 'fe80::7' } },
    ]);
  });

  it('has both families of each uplink', () => {
    expect(readable(plan.uplinks)).toEqual([
      {
        slot: 0,
        epoch: 0,
        device: 1,
        ipv4: {
          usable: true,
          lastResort: true,
          gateway: 0xcb00_7101,
          pool: [0xcb00_7102, 0xcb00_7104, 0xcb00_7105, 0xcb00_7106],
          portLow: 1024,
          portHigh: 65_535,
          nat44: true,
          reserved: [],
          mssClamp: 1460,
        },
        ipv6: {
          usable: true,
          lastResort: true,
          mssClamp: 1440,
          proxyNeighbours: false,
          gateway: '2001:db8:a::1',
          pairs: [
            { internal: 'fd12:3456:789a::', internalLength: 48, external: '2001:db8:a100::', externalLength: 48 },
          ],
        },
      },
      {
        slot: 1,
        epoch: 0,
        device: 2,
        ipv4: {
          usable: true,
          lastResort: true,
          gateway: 0xc633_6401,
          pool: [0xc633_6402],
          portLow: 1,
          portHigh: 65_535,
          nat44: true,
          reserved: [],
          mssClamp: 1220,
        },
        ipv6: {
          usable: true,
          lastResort: true,
          mssClamp: 1360,
          proxyNeighbours: false,
          gateway: 'fe80::1',
          pairs: [
            { internal: 'fd12:3456:789a::', internalLength: 48, external: '2001:db8:b100::', externalLength: 56 },
          ],
        },
      },
    ]);
  });

  it('carries policy, timers, filtering and rates', () => {
    expect(plan.policies).toEqual([
      {
        prefer: [1, 0],
        number: 0,
        persistence: 'source',
        refuse: false,
        onFailure: { tcp: 'reset', udp: 'move', other: 'move' },
      },
    ]);
    expect(plan.nat44).toEqual({
      udpMs: 600_000,
      icmpMs: 90_000,
      otherMs: 300_000,
      tcpOpeningMs: 300_000,
      tcpClosingMs: 300_000,
      tcpEstablishedMs: 10_800_000,
      dccpTransitoryMs: 480_000,
      dccpEstablishedMs: 7_440_000,
      fragmentMs: 3000,
      holdMs: 6000,
      portRestMs: 180_000,
      restingPortsMax: 65_536,
      filteringUdp: 'endpoint-independent',
      filteringTcp: 'address-and-port-dependent',
      filteringIcmp: 'address-dependent',
      filteringDccp: 'address-dependent',
      otherProtocols: true,
      refuseFiltered: false,
      preserveParity: false,
      staticMappings: [],
      hostLimits: {
        mappingsPerProtocol: 32_768,
        sessions: 65_536,
        sessionsPerMapping: 65_536,
        flows: { perSecond: 2000, burst: 10_000 },
      },
      exempt: [
        { prefix: 0xc000_0200, prefixLength: 24 },
        { prefix: 0xc612_0701, prefixLength: 32 },
      ],
    });
    expect(plan.nptv6).toEqual({ translateZeroInterfaceId: true, forwardUnassignedIcmp: false });
    expect(plan.errorRate).toEqual({ perSecond: 10, burst: 20 });
  });

  it('takes health and epoch of each family from the state', () => {
    const { generation, uplinks } = healthyState(config);
    const lte = { slot: 1, epoch: 9, usable4: false, usable6: true };
    const changed = compilePlan(config, { generation, uplinks: new Map(uplinks).set('lte', lte) });
    expect(changed.uplinks.map(({ epoch, ipv4, ipv6 }) => [epoch, ipv4?.usable, ipv6?.usable])).toEqual([
      [0, true, true],
      [9, false, true],
    ]);
  });

  it('leaves out a family that an uplink does not carry, and says where nothing is translated', () => {
    const twin = fixtureConfig('valid/twin-modems');
    const uplinks = compilePlan(twin, healthyState(twin)).uplinks;
    expect(uplinks.map((uplink) => 'ipv6' in uplink)).toEqual([false, false, false]);
    expect(uplinks.map(({ ipv4 }) => ipv4?.nat44)).toEqual([true, true, false]);
  });

  it('is refused if the state lacks an uplink', () => {
    expect(() => compilePlan(config, { generation: 1, uplinks: new Map() })).toThrow('has no slot');
  });
});

describe('slots', () => {
  it('are given in file order at first', () => {
    expect([...assignSlots(new Map(), uplinksNamed('b', 'a'))]).toEqual([
      ['b', 0],
      ['a', 1],
    ]);
  });

  it('stay with the name, whatever the order, and are not inherited while another one is free', () => {
    const before = assignSlots(new Map(), uplinksNamed('a', 'b'));
    const after = assignSlots(before, uplinksNamed('c', 'b'));
    expect(Object.fromEntries(after)).toEqual({ b: 1, c: 2 });
  });

  it('are used again when all were used', () => {
    const names = Array.from({ length: 16 }, (_, index) => `u${index}`);
    const before = assignSlots(new Map(), uplinksNamed(...names));
    const after = assignSlots(before, uplinksNamed(...names.slice(0, 3), 'new'));
    expect(after.get('new')).toBe(3);
  });

  it('order the devices of uplinks, as in the plan', () => {
    const config = uplinksNamed('b', 'a');
    const slots = new Map([
      ['a', 0],
      ['b', 1],
    ]);
    expect(deviceOrder(config, slots).map(({ name }) => name)).toEqual(['lan0', 'wan1', 'wan0']);
    const uplinks = new Map([...slots].map(([name, slot]) => [name, { slot, epoch: 0, usable4: true, usable6: true }]));
    const plan = compilePlan(config, { generation: 1, uplinks });
    expect(plan.devices.map(({ uplinkSlot }) => uplinkSlot)).toEqual([undefined, 0, 1]);
    expect(plan.uplinks.map(({ slot, device }) => [slot, device])).toEqual([
      [0, 1],
      [1, 2],
    ]);
  });
});
