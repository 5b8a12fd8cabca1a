/** Why a flow takes its uplink: what the engine says agrees with what it then does. */
import { describe, expect, it } from 'vitest';
import type { FlowQuestion } from '../../../src/native/data-plane.ts';
import { NativeTranslator } from '../../../src/native/native-translator.ts';
import type { Plan } from '../../../src/plan/plan.ts';
import { ipv4, tcp, udp } from '../../support/packet-builder.ts';
import { LAN, prefix4, twoUplinks } from '../../support/plans.ts';
import { OPTIONS } from '../../support/translator-bed.ts';

const NOW_US = 1_000_000;
const REMOTE = '192.0.2.10';

const policies: Plan['policies'] = [
  { number: 3, prefer: [0, 1], weights: [1, 2], persistence: 'flow', matches: [{ dscp: 46 }, { protocol: 17 }] },
  { number: 9, prefer: [0], shun4: [0], refuse: true, matches: [{ source4: prefix4('10.0.0.12/32') }] },
  { prefer: [1, 0] },
];

function translator(plan: Plan): NativeTranslator {
  const made = new NativeTranslator(OPTIONS);
  made.applyPlan(plan);
  return made;
}

function question(host: string, internalPort: number, protocol: number): FlowQuestion {
  return { protocol, internal: ipv4(host), internalPort, remote: ipv4(REMOTE), remotePort: 53, dscp: 0 };
}

describe('an explanation', () => {
  it('names the uplink that the packet then takes, and afterwards its session', () => {
    const engine = translator({ ...twoUplinks(), policies });
    const taken = new Set<number>();
    for (let n = 0; n < 60; n += 1) {
      const flow = question('10.0.0.11', 5000 + n, 17);
      const { slot, by, policy, matching, candidates } = engine.explain(flow, NOW_US);
      expect({ by, policy, matching }).toEqual({ by: 'weight', policy: 3, matching: 1 });
      const best = candidates.toSorted((a, b) => (a.score ?? 0) - (b.score ?? 0))[0];
      expect(slot).toBe(best?.slot);
      const [sent] = engine.process(LAN, udp(`10.0.0.11:${5000 + n}`, `${REMOTE}:53`), NOW_US).outgoing;
      expect(sent?.device).toBe((slot ?? 0) + 1);
      const after = engine.explain(flow, NOW_US);
      expect(after).toMatchObject({ slot, by: 'session', stays: true, session: { uplinkSlot: slot, policy: 3 } });
      expect(engine.explain({ ...flow, remotePort: 54 }, NOW_US)).toMatchObject({ slot, by: 'sticks' });
      taken.add(slot ?? -1);
    }
    expect(taken).toEqual(new Set([0, 1]));
  });

  it('says that there is none, and where a new flow goes in place of a session that does not stay', () => {
    const engine = translator({ ...twoUplinks(), policies });
    const none = engine.explain(question('10.0.0.12', 1, 6), NOW_US);
    expect(none).toEqual({ generation: 1, policy: 9, matching: 0, candidates: [], stays: false, by: 'nothing' });
    const flow = question('10.0.0.11', 1, 6);
    engine.process(LAN, tcp('10.0.0.11:1', `${REMOTE}:53`, 'SYN'), NOW_US);
    engine.applyPlan({ ...twoUplinks(), generation: 2, policies: [{ prefer: [1, 0], leave4: [1] }] });
    const left = engine.explain(flow, NOW_US);
    expect(left).toMatchObject({ generation: 2, slot: 1, by: 'order', stays: false, session: { uplinkSlot: 1 } });
    expect(left.candidates).toContainEqual({ slot: 1, weight: 0, isLeft: true });
  });
});
