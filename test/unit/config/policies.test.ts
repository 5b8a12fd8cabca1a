import { describe, expect, it } from 'vitest';
import { planMatches } from '../../../src/plan/matches.ts';
import { BASE, issuesOf, parsed } from './support.ts';

const TWO = `${BASE}  lte:
    device: { tap: wan1 }
    ipv4: { address: 198.51.100.2/24, gateway: 198.51.100.1 }
    ipv6: { address: "2001:db8:b::2/64", gateway: "2001:db8:b::1", prefix: "2001:db8:b100::/48" }
    probe: { targets: [192.0.2.1, 192.0.2.2, "2001:db8:ffff::1", "2001:db8:ffff::2"] }
`;

function withPolicies(lines: string, more = ''): string {
  return `${TWO}policy:\n${lines}\n${more}`;
}

function policiesOf(lines: string) {
  return parsed(withPolicies(lines)).config.policies;
}

const DEFAULT = '  default: { prefer: [fiber, lte] }';

describe('policies', () => {
  it('keep the order of the file, with default last wherever it stands', () => {
    const policies = policiesOf(
      `${DEFAULT}\n  voice: { match: { dscp: ef }, prefer: [lte] }\n  bulk: { match: { proto: tcp }, prefer: [fiber] }`,
    );
    expect(policies.map(({ name }) => name)).toEqual(['voice', 'bulk', 'default']);
  });

  it('have a default policy even if the file has only others', () => {
    const [, last] = policiesOf('  voice: { match: { dscp: ef }, prefer: [lte] }');
    expect(last).toMatchObject({
      name: 'default',
      prefer: [[{ uplink: 'fiber', weight: 1 }], [{ uplink: 'lte', weight: 1 }]],
    });
  });

  it('take weights, failback, actions and targets as written', () => {
    const [policy] = policiesOf(`  voice:
    match: { proto: udp, port: [5060, 5070-5079], from: 192.168.1.7 }
    prefer: [{ fiber: 3, lte: 1 }]
    select: least-latency
    persistence: source-destination
    failback: { deadline: 10m }
    on-failure: { udp: reset }
    probe: { targets: [192.0.2.9] }
    else: refuse
${DEFAULT}`);
    expect(policy).toMatchObject({
      prefer: [
        [
          { uplink: 'fiber', weight: 3 },
          { uplink: 'lte', weight: 1 },
        ],
      ],
      select: 'least-latency',
      persistence: 'source-destination',
      failback: { mode: 'deadline', afterMs: 600_000 },
      onFailure: { tcp: 'reset', udp: 'reset', other: 'move' },
      probe: { quorum: 1 },
      otherwise: 'refuse',
    });
    expect(policy?.probe?.targets).toHaveLength(1);
    expect(policy?.matches[0]?.ports).toEqual([
      { low: 5060, high: 5060 },
      { low: 5070, high: 5079 },
    ]);
  });

  it('know code points and protocols by name', () => {
    const [policy] = policiesOf(`  p: { match: { dscp: [ef, af41, cs5, 7], proto: [icmp, 99] }, prefer: [lte] }`);
    expect(policy?.matches[0]).toMatchObject({ dscp: [46, 34, 40, 7], protocols: [1, 58, 99] });
  });
});

describe('conditions in a plan', () => {
  it('are every combination of their entries that one packet can meet', () => {
    const [policy] = policiesOf(
      '  p: { match: { from: [192.168.1.0/24, "fd12:3456:789a:1::/64"], to: [192.0.2.0/24, "2001:db8::/32"], proto: [tcp, udp], port: 53 }, prefer: [lte] }',
    );
    const matches = (policy?.matches ?? []).flatMap(planMatches);
    expect(matches).toHaveLength(4);
    expect(matches.map(({ protocol, portLow }) => [protocol, portLow])).toEqual([
      [6, 53],
      [17, 53],
      [6, 53],
      [17, 53],
    ]);
    expect(matches.map((match) => [match.source4 !== undefined, match.destination6 !== undefined])).toEqual([
      [true, false],
      [true, false],
      [false, true],
      [false, true],
    ]);
  });

  it('ask nothing where nothing is said', () => {
    expect(planMatches({ from: [], to: [], protocols: [], ports: [], sourcePorts: [], dscp: [] })).toEqual([{}]);
  });
});

describe('policies that are refused', () => {
  it.each([
    ['  p: { prefer: [lte] }', 'f:16:3: policy.p: key "match" is missing (only the default policy takes everything)'],
    ['  p: { match: { port: 5060 }, prefer: [lte] }', 'policy.p.match: ports need "proto", as tcp or udp'],
    ['  p: { match: { proto: [tcp, icmp], port: 80 }, prefer: [lte] }', 'policy.p.match: a protocol here has no ports'],
    [
      '  p: { match: { from: 192.168.1.0/24, to: "2001:db8::/32" }, prefer: [lte] }',
      'policy.p.match: "from" and "to" are of different families: nothing meets both',
    ],
    ['  p: { match: { dscp: gold }, prefer: [lte] }', 'policy.p.match.dscp: "gold" is none of ef, va, le, be'],
    ['  p: { match: { proto: tcp }, prefer: [{ fiber: 0 }] }', 'policy.p.prefer[0].fiber: must be a whole number'],
    ['  p: { match: { proto: tcp }, prefer: [{ fibre: 3 }] }', 'there is no uplink "fibre", did you mean "fiber"?'],
    ['  p: { match: { proto: tcp }, prefer: [{ fiber: 3 }, fiber] }', '"fiber" is listed a second time'],
    ['  p: { match: { proto: tcp }, prefer: [lte], last-resort: refuse }', 'is a matter of the default policy'],
    [
      '  p: { match: { proto: tcp }, prefer: [lte], failback: soon }',
      'expected one of drain, hard, never, found "soon"',
    ],
    ['  p: { match: { proto: tcp }, prefer: [lte], failback: { deadline: 10 } }', 'a duration with a unit like 10m'],
    ['  default: { match: { proto: tcp }, prefer: [lte] }', 'the default policy takes what no other one matches'],
    ['  default: { prefer: [lte], else: refuse }', 'the default policy has "last-resort" in its place'],
    [
      '  p: { match: { proto: tcp }, prefer: [lte], probe: { targets: [192.0.2.1], quorum: 2 } }',
      'a quorum of 2 cannot',
    ],
  ])('%s', (lines, sentence) => {
    expect(issuesOf(withPolicies(lines)).join('\n')).toContain(sentence);
  });

  it('ask for more combinations than a plan takes', () => {
    const ports = Array.from({ length: 300 }, (_, index) => 1000 + index).join(', ');
    const text = withPolicies(`  p: { match: { proto: tcp, port: [${ports}] }, prefer: [lte] }`);
    expect(issuesOf(text).join('\n')).toContain('policy.p.match: 300 combinations, at most 256 are supported');
  });

  it('look at ports of IPv6 without the filter', () => {
    const off = 'filter: { mode: off }\n';
    const port = '  p: { match: { proto: tcp, port: 80 }, prefer: [lte] }';
    expect(issuesOf(withPolicies(port, off)).join('\n')).toContain('without the IPv6 filter ports are not looked at');
    const only4 = '  p: { match: { proto: tcp, port: 80, from: 192.168.1.0/24 }, prefer: [lte] }';
    expect(issuesOf(withPolicies(only4, off))).toEqual([]);
    const flow = '  p: { match: { proto: tcp }, prefer: [lte], persistence: flow }';
    expect(issuesOf(withPolicies(flow, off)).join('\n')).toContain('use source or source-destination');
  });
});
