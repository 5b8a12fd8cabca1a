/** The plan of the test bed with a third ISP, and what cases about policies ask of packets. */
import { expect } from 'vitest';
import type { Plan, PlanMatch, PlanPolicy, PlanPrefix6, PlanUplink4, PlanUplink6 } from '../../src/plan/plan.ts';
import { ipv4 } from './packet-builder.ts';
import { ipv6 } from './packet-builder-ipv6.ts';
import { device, ISP_A, ISP_B, LAN, type PlanChanges, prefixPair, twoUplinks, UPLINK_A4, UPLINK_A6 } from './plans.ts';
import type { TranslatorBed } from './translator-bed.ts';

/** The device of the third uplink, which has slot 2. */
const ISP_C = 4;

/** Devices of uplinks by slot. */
const EXITS: readonly number[] = [ISP_A, ISP_B, ISP_C];

export interface ThreeChanges extends PlanChanges {
  readonly c4?: Partial<PlanUplink4>;
  readonly c6?: Partial<PlanUplink6>;
}

/** A, B and C in this order; C is 100.64.3.2 and 2001:db8:9999::/48. The hosts of 10.64.0.0/16 are behind the inner router. */
export function threeUplinks(policies: readonly PlanPolicy[], changes: ThreeChanges = {}): Plan {
  const two = twoUplinks(changes);
  const c = {
    slot: 2,
    epoch: 0,
    device: ISP_C,
    ipv4: { ...UPLINK_A4, gateway: ipv4('100.64.3.1'), pool: [ipv4('100.64.3.2')], ...changes.c4 },
    ipv6: { ...UPLINK_A6, pairs: [prefixPair('fd01:203:405::/48', '2001:db8:9999::/48')], ...changes.c6 },
  };
  const inner = { device: LAN, ipv4: { prefix: ipv4('10.64.0.0'), prefixLength: 16, via: ipv4('10.0.0.254') } };
  return {
    ...two,
    devices: [...two.devices, device({ ipv4: ['100.64.3.2/24'], ipv6: ['2001:db8:c::2/64'] }, { uplinkSlot: 2 })],
    routes: [...two.routes, inner],
    uplinks: [...two.uplinks, c],
    policies,
  };
}

/** `fd01:203::/32` in a match. */
export function prefix6(text: string): PlanPrefix6 {
  const [address = '', length = ''] = text.split('/');
  return { prefix: ipv6(address), prefixLength: Number(length) };
}

/** What meets a match takes B, all else A. */
export function onlyToB(...matches: readonly PlanMatch[]): readonly PlanPolicy[] {
  return [{ prefer: [1], matches }, { prefer: [0] }];
}

/** The slot of the uplink that a packet of the site leaves by. */
export function exitOf(bed: TranslatorBed, packet: Uint8Array): number {
  const { verdict, outgoing } = bed.send(LAN, packet);
  expect([verdict, outgoing.length]).toEqual(['Forward', 1]);
  return EXITS.indexOf(outgoing[0]?.device ?? -1);
}

/** The slots of the uplinks that packets leave by, each as the first one after a start. */
export function exitsOf(bed: TranslatorBed, plan: Plan, packets: readonly Uint8Array[]): number[] {
  return packets.map((packet) => {
    bed.restart(plan);
    return exitOf(bed, packet);
  });
}
