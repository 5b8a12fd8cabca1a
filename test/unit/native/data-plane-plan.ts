/** A data plane with one internal device and one uplink, and a plan for it. */
import type { DataPlaneOptions, DeviceOptions } from '../../../src/native/data-plane.ts';
import type { Plan } from '../../../src/plan/plan.ts';
import { ipv4 } from '../../support/packet-builder.ts';
import { NAT44 } from '../../support/plans.ts';

export const INTERNAL = 0;
export const UPLINK = 1;

export function tap(name: string, netns: string, mtu = 1500): DeviceOptions {
  return { kind: 'tap', name, netns, mtu };
}

export function options(devices: readonly DeviceOptions[]): DataPlaneOptions {
  const key = (octet: number) => new Uint8Array(16).fill(octet);
  return {
    devices,
    secret: key(1),
    hashKey: key(2),
    mappingsMax: 1000,
    sessionsMax: 1000,
    hostsMax: 1000,
    neighboursMax: 100,
  };
}

const mac = (last: number) => Uint8Array.from([2, 0, 0, 0, 0, last]);

/** 10.0.0.1/24 towards the site, 203.0.113.2/24 towards the ISP at 203.0.113.1. */
export function plan(generation: number): Plan {
  return {
    generation,
    devices: [
      { mac: mac(1), mtu: 1500, ipv4: [{ address: ipv4('10.0.0.1'), prefixLength: 24 }], ipv6: [] },
      { mac: mac(2), uplinkSlot: 0, mtu: 1500, ipv4: [{ address: ipv4('203.0.113.2'), prefixLength: 24 }], ipv6: [] },
    ],
    routes: [],
    uplinks: [
      {
        slot: 0,
        epoch: 0,
        device: UPLINK,
        ipv4: {
          usable: true,
          lastResort: true,
          gateway: ipv4('203.0.113.1'),
          pool: [ipv4('203.0.113.2')],
          portLow: 1,
          portHigh: 65535,
          nat44: true,
          reserved: [],
        },
      },
    ],
    policies: [{ prefer: [0] }],
    nat44: NAT44,
    nptv6: { translateZeroInterfaceId: false },
    errorRate: { perSecond: 100, burst: 100 },
  };
}
