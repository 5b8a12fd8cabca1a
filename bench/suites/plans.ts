/** What a change of configuration costs: reading it, compiling a plan, taking the plan over. */
import type { NptdConfig } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/parse.ts';
import { NativeTranslator } from '../../src/native/native-translator.ts';
import { compilePlan, type PlanState } from '../../src/plan/compile.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { assignSlots } from '../../src/plan/slots.ts';
import { ReferenceTranslator } from '../../src/reference/reference-translator.ts';
import type { Translator } from '../../src/reference/translator.ts';
import type { Case } from './suite.ts';
import { OPTIONS } from './translators.ts';

const UNIT = 'us/plan';

/** A small office, and the largest site that is meant: 16 uplinks, 48 internal devices, 100 published servers. */
const SITES = { small: siteText(2, 1, 0), large: siteText(16, 48, 100) };

export const PLAN_CASES: readonly Case[] = (['small', 'large'] as const).flatMap((size) => [
  { name: `config-parse-${size}`, unit: UNIT, candidates: () => [once('parseConfig', () => parsed(SITES[size]))] },
  { name: `plan-compile-${size}`, unit: UNIT, candidates: () => [compileOf(parsed(SITES[size]))] },
  { name: `plan-apply-${size}`, unit: UNIT, candidates: () => appliesOf(planOf(parsed(SITES[size]))) },
]);

const once = (implementation: string, run: () => void) => ({ implementation, units: 1, run });

function compileOf(config: NptdConfig) {
  return once('compilePlan', () => planOf(config));
}

function appliesOf(plan: Plan) {
  const applyTo = (name: string, translator: Translator) => {
    let { generation } = plan;
    return once(name, () => {
      generation += 1;
      translator.applyPlan({ ...plan, generation });
    });
  };
  return [applyTo('reference', new ReferenceTranslator(OPTIONS)), applyTo('native', new NativeTranslator(OPTIONS))];
}

function parsed(text: string): NptdConfig {
  const read = parseConfig(text, 'bench.yaml');
  if (!read.ok) throw new Error(read.error.map(({ sentence }) => sentence).join('\n'));
  return read.value.config;
}

/** With every uplink up. */
function planOf(config: NptdConfig): Plan {
  const slots = [...assignSlots(new Map(), config)];
  const up = ([name, slot]: [string, number]): [string, PlanUplinkState] => [
    name,
    { slot, epoch: 0, usable4: true, usable6: true },
  ];
  return compilePlan(config, { generation: 1, uplinks: new Map(slots.map(up)) });
}

type PlanUplinkState = PlanState['uplinks'] extends ReadonlyMap<string, infer State> ? State : never;

/** Uplinks and internal devices of both families, and servers that are published on every uplink. */
export function siteText(uplinks: number, internal: number, servers: number): string {
  const times = <T>(count: number, make: (index: number) => T) =>
    Array.from({ length: count }, (_, index) => make(index));
  const named = <T>(name: string, entries: readonly T[]) =>
    Object.fromEntries(entries.map((entry, index) => [`${name}${index}`, entry]));
  const uplink = (index: number) => ({
    device: { tap: `wan${index}` },
    ipv4: { address: `198.18.${index}.2/24`, gateway: `198.18.${index}.1` },
    ipv6: {
      address: `2001:db8:${index}::2/64`,
      gateway: `2001:db8:${index}::1`,
      prefix: `2001:db8:${(0xa00 + index).toString(16)}::/48`,
    },
  });
  const device = (index: number) => ({
    device: { tap: `lan${index}` },
    ipv4: `10.0.${index}.1/24`,
    ipv6: `fd12:3456:789a:${index.toString(16)}::1/64`,
  });
  const server = (index: number) => ({ to: `10.0.0.${2 + (index % 250)}`, tcp: [`${1024 + index}:${8000 + index}`] });
  return JSON.stringify({
    internal: named('net', times(internal, device)),
    site: { ula: 'fd12:3456:789a::/48' },
    uplinks: named('isp', times(uplinks, uplink)),
    publish: named('server', times(servers, server)),
  });
}
