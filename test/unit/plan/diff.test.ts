import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compilePlan } from '../../../src/plan/compile.ts';
import { diffPlans } from '../../../src/plan/diff.ts';
import { configOf, fixturePath, healthyState } from './support.ts';

const TEXT = readFileSync(fixturePath('valid/two-isps'), 'utf8');
const config = configOf(TEXT);
const plan = compilePlan(config, healthyState(config));
const names = ['fiber', 'lte'];
const nameOf = (slot: number): string => `"${names[slot] ?? slot}"`;

/** Differences that one change of the file makes. */
function diffOf(from: string | RegExp, to: string): string[] {
  const changed = configOf(TEXT.replace(from, to));
  return diffPlans(plan, compilePlan(changed, healthyState(changed, 2)), nameOf);
}

describe('the difference of two plans', () => {
  it('is nothing if only the generation differs', () => {
    expect(diffPlans(plan, { ...plan, generation: 2 })).toEqual([]);
  });

  it('says which uplink can no longer be used, by family', () => {
    const state = healthyState(config, 2);
    const fiber = { slot: 0, epoch: 1, usable4: false, usable6: true };
    const after = compilePlan(config, { ...state, uplinks: new Map(state.uplinks).set('fiber', fiber) });
    expect(diffPlans(plan, after, nameOf)).toEqual([
      'uplink "fiber" begins anew (epoch 1): its sessions end',
      'uplink "fiber": IPv4: usable → not usable',
    ]);
    expect(diffPlans(plan, after)[1]).toBe('uplink in slot 0: IPv4: usable → not usable');
  });

  it('says that addresses of examples are dropped from now on (6092-R3)', () => {
    expect(diffPlans(plan, { ...plan, dropDocumentation: true })).toEqual([
      'addresses of examples: forwarded → dropped',
    ]);
  });

  it.each([
    ['gateway: 198.51.100.1', 'gateway: 198.51.100.9', ['uplink "lte": IPv4 gateway: 198.51.100.1 → 198.51.100.9']],
    ['prefer: [lte, fiber]', 'prefer: [fiber, lte]', ['preferred uplinks: "lte", "fiber" → "fiber", "lte"']],
    [
      'b100::/56',
      'b200::/48',
      [
        'uplink "lte": prefix pairs: fd12:3456:789a::/48 ↔ 2001:db8:b100::/56 → fd12:3456:789a::/48 ↔ 2001:db8:b200::/48',
      ],
    ],
    [
      '192.168.7.0/24',
      '192.168.8.0/24',
      [
        'route 192.168.7.0/24 via 192.168.1.254 on device 0 is removed',
        'route 192.168.8.0/24 via 192.168.1.254 on device 0 is added',
      ],
    ],
    ['mss-clamp: 1220', 'mss-clamp: off', ['uplink "lte": largest TCP segment: 1220 → left alone']],
    ['fragment: 3s', 'fragment: 4s', ['fragment timeout: 3000 ms → 4000 ms']],
    [
      'exempt: [192.0.2.0/24, 198.18.7.1/32]',
      'exempt: []',
      ['destinations that are not translated: 192.0.2.0/24, 198.18.7.1/32 → none'],
    ],
    ['udp: 10m', 'udp: 5m', ['UDP timeout: 600000 ms → 300000 ms']],
    ['burst: 20', 'burst: 21', ['own ICMP errors: 10 per second, 20 at once → 10 per second, 21 at once']],
    ['interface-id: translate', 'interface-id: drop', ['all-zeros interface identifiers: translated → dropped']],
    [
      'mtu: 1420',
      'mtu: 1400',
      [
        'device 2: uplink slot 1 02:00:00:00:00:02 MTU 1420 198.51.100.2/24 2001:db8:b::2/64 → uplink slot 1 02:00:00:00:00:02 MTU 1400 198.51.100.2/24 2001:db8:b::2/64',
      ],
    ],
    [
      'pool: [203.0.113.4/31, 203.0.113.6], ports: 1024-65535',
      'nat44: off',
      ['uplink "fiber": NAT44: 203.0.113.2, 203.0.113.4, 203.0.113.5, 203.0.113.6 ports 1024-65535 → off'],
    ],
  ])('tells %s → %s', (from, to, sentences) => {
    expect(diffOf(from, to)).toEqual(sentences);
  });

  it('names uplinks that come and go', () => {
    const without = { ...plan, uplinks: plan.uplinks.slice(0, 1) };
    expect(diffPlans(plan, without, nameOf)).toEqual(['uplink "lte" is removed']);
    expect(diffPlans(without, plan, nameOf)).toEqual(['uplink "lte" is added']);
  });
});
