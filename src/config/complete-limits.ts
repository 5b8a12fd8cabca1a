import type { LimitsConfig, PerHostLimits, RateConfig } from './config.ts';
import { DEFAULT_LIMITS } from './defaults.ts';
import type { ConfigDraft } from './schema.ts';

type LimitsDraft = NonNullable<ConfigDraft['limits']>;

export function completeLimits(draft: LimitsDraft = {}): LimitsConfig {
  return {
    mappings: draft.mappings ?? DEFAULT_LIMITS.mappings,
    sessions: draft.sessions ?? DEFAULT_LIMITS.sessions,
    neighbours: draft.neighbours ?? DEFAULT_LIMITS.neighbours,
    hosts: draft.hosts ?? DEFAULT_LIMITS.hosts,
    perHost: completePerHost(draft['per-host']),
    filterSessions: draft['filter-sessions'] ?? DEFAULT_LIMITS.filterSessions,
    icmpErrors: completeRate(draft['icmp-errors'], DEFAULT_LIMITS.icmpErrors),
  };
}

/** Each configurable (6888-R4a, 6888-R5a). */
function completePerHost(draft: LimitsDraft['per-host'] = {}): PerHostLimits {
  const defaults = DEFAULT_LIMITS.perHost;
  return {
    mappings: draft.mappings ?? defaults.mappings,
    sessions: draft.sessions ?? defaults.sessions,
    sessionsPerMapping: draft['sessions-per-mapping'] ?? defaults.sessionsPerMapping,
    flows: completeRate(draft.flows, defaults.flows),
  };
}

function completeRate(draft: LimitsDraft['icmp-errors'] = {}, defaults: RateConfig): RateConfig {
  return { perSecond: draft.rate ?? defaults.perSecond, burst: draft.burst ?? defaults.burst };
}
