import type {
  FailbackConfig,
  MatchConfig,
  OnFailureConfig,
  PolicyConfig,
  PolicyProbeConfig,
  PortRange,
  TierConfig,
} from './config.ts';
import { DEFAULT_POLICY, DEFAULT_PROBE } from './defaults.ts';
import { type DraftContext, need, readEntries } from './draft-context.ts';
import { readTargets } from './probe-target.ts';
import type { ConfigDraft, MatchDraft, PolicyDraft } from './schema.ts';

/** In the order of the file, `default` last, whether the file has it or not. */
export function completePolicies(draft: ConfigDraft, context: DraftContext): PolicyConfig[] {
  const named = Object.entries(draft.policy ?? {});
  const others = named.filter(([name]) => name !== 'default');
  const last = draft.policy?.default;
  return [
    ...others.map(([name, policy]) => completePolicy(name, policy, context)),
    last === undefined ? implied(context) : completePolicy('default', last, context),
  ];
}

/** Without a word in the file the uplinks are preferred in its order. */
function implied({ uplinkNames }: DraftContext): PolicyConfig {
  return { ...DEFAULT_POLICY, name: 'default', prefer: uplinkNames.map((uplink) => [{ uplink, weight: 1 }]) };
}

function completePolicy(name: string, draft: PolicyDraft, context: DraftContext): PolicyConfig {
  const prefer = need(draft.prefer, ['policy', name], 'prefer', context);
  const probe = completeProbe(draft.probe);
  return {
    name,
    matches: listOf(draft.match).map(completeMatch),
    prefer: readEntries(prefer).flatMap(({ entry }) => tierOf(entry)),
    select: draft.select ?? DEFAULT_POLICY.select,
    persistence: draft.persistence ?? DEFAULT_POLICY.persistence,
    failback: completeFailback(draft.failback),
    onFailure: completeOnFailure(draft['on-failure']),
    ...(probe === undefined ? {} : { probe }),
    otherwise: draft.else ?? DEFAULT_POLICY.otherwise,
    lastResort: draft['last-resort'] ?? DEFAULT_POLICY.lastResort,
  };
}

type TierDraft = string | Readonly<Record<string, number | undefined>>;

/** Names and weights of a tier, none if nothing of it could be read. */
export function tierOf(draft: TierDraft): TierConfig[] {
  if (typeof draft === 'string') return [[{ uplink: draft, weight: 1 }]];
  const [first, ...rest] = Object.entries(draft).flatMap(([uplink, weight]) =>
    weight === undefined ? [] : [{ uplink, weight }],
  );
  return first === undefined ? [] : [[first, ...rest]];
}

function completeMatch(draft: MatchDraft): MatchConfig {
  return {
    from: listOf(draft.from),
    to: listOf(draft.to),
    protocols: protocolsOf(draft),
    ports: listOf(draft.port).map(rangeOf),
    sourcePorts: listOf(draft['source-port']).map(rangeOf),
    dscp: listOf(draft.dscp),
  };
}

/** Numbers of the protocols that a condition names. */
export function protocolsOf({ proto }: MatchDraft): number[] {
  // A union of numbers and lists of numbers: what is no list of lists is flattened once.
  return [proto ?? []].flat(2).filter((entry) => entry !== undefined);
}

function rangeOf(port: number | PortRange): PortRange {
  return typeof port === 'number' ? { low: port, high: port } : port;
}

/** One value, or the entries of a list that could be read. */
export function listOf<T>(value: T | readonly (T | undefined)[] | undefined): T[] {
  if (value === undefined) return [];
  return isList(value) ? readEntries(value).map(({ entry }) => entry) : [value];
}

function isList<T>(value: T | readonly (T | undefined)[]): value is readonly (T | undefined)[] {
  return Array.isArray(value);
}

function completeFailback(draft: PolicyDraft['failback']): FailbackConfig {
  if (draft === undefined) return DEFAULT_POLICY.failback;
  if (typeof draft === 'string') return { mode: draft };
  return draft.deadline === undefined ? DEFAULT_POLICY.failback : { mode: 'deadline', afterMs: draft.deadline };
}

function completeOnFailure(draft: PolicyDraft['on-failure'] = {}): OnFailureConfig {
  const defaults = DEFAULT_POLICY.onFailure;
  return { tcp: draft.tcp ?? defaults.tcp, udp: draft.udp ?? defaults.udp, other: draft.other ?? defaults.other };
}

function completeProbe(draft: PolicyDraft['probe']): PolicyProbeConfig | undefined {
  if (draft === undefined) return undefined;
  return {
    targets: readTargets(draft.targets).map(({ target }) => target),
    quorum: draft.quorum ?? DEFAULT_PROBE.quorum,
  };
}
