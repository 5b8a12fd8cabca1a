/** The policies of a configuration, for people and programs. */
import type { FailbackConfig, MatchConfig, NptdConfig, PolicyConfig, PortRange, TierConfig } from '../config/config.ts';
import { formatDuration } from '../config/duration.ts';
import { PROTOCOLS } from '../config/protocols.ts';
import { formatIpv4Prefix } from '../net/ipv4-prefix.ts';
import { formatIpv6Prefix } from '../net/ipv6-prefix.ts';

export interface PolicySummary {
  readonly name: string;
  /** One sentence for each condition; none: everything that no policy before matches. */
  readonly matches: readonly string[];
  /** In order; each is one uplink, or several with their shares. */
  readonly prefer: readonly string[];
  readonly select: PolicyConfig['select'];
  readonly persistence: PolicyConfig['persistence'];
  readonly failback: string;
}

export function summarizePolicies({ policies }: NptdConfig): PolicySummary[] {
  return policies.map(({ name, matches, prefer, select, persistence, failback }) => ({
    name,
    matches: matches.map(describeMatch),
    prefer: prefer.map(describeTier),
    select,
    persistence,
    failback: describeFailback(failback),
  }));
}

/** A row for each condition. */
export function policyRows(policies: readonly PolicySummary[]): string[][] {
  const rest = policies.length === 1 ? 'everything' : 'everything else';
  return policies.flatMap(({ name, matches, prefer, select, failback }) => {
    const order = prefer.join(select === 'ordered' ? ', then ' : ' or ');
    const [first = rest, ...others] = matches;
    const chosen = select === 'ordered' ? order : `${order} (least latency)`;
    return [[name, first, chosen, failback], ...others.map((match) => ['', match, '', ''])];
  });
}

/** `fiber`, or `fiber 75% + cable 25%` */
function describeTier(tier: TierConfig): string {
  const total = tier.reduce((sum, { weight }) => sum + weight, 0);
  const [first] = tier;
  if (tier.length === 1) return first.uplink;
  return tier.map(({ uplink, weight }) => `${uplink} ${Math.round((100 * weight) / total)}%`).join(' + ');
}

function describeFailback(failback: FailbackConfig): string {
  return failback.mode === 'deadline' ? `deadline ${formatDuration(failback.afterMs)}` : failback.mode;
}

function describeMatch({ from, to, protocols, ports, sourcePorts, dscp }: MatchConfig): string {
  const parts = [
    names('from', from.map(formatPrefix)),
    names('to', to.map(formatPrefix)),
    names('', protocolNames(protocols)),
    names('port', ports.map(formatRange)),
    names('source port', sourcePorts.map(formatRange)),
    names('DSCP', dscp.map(String)),
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'everything' : parts.join(', ');
}

function names(what: string, entries: readonly string[]): string {
  return entries.length === 0 ? '' : `${what} ${entries.join(' or ')}`.trim();
}

function protocolNames(protocols: readonly number[]): string[] {
  return [...new Set(protocols.map(protocolName))];
}

function protocolName(protocol: number): string {
  const known = Object.entries(PROTOCOLS).find(([, numbers]) => numbers.some((number) => number === protocol));
  return known === undefined ? `protocol ${protocol}` : known[0];
}

function formatRange({ low, high }: PortRange): string {
  return low === high ? `${low}` : `${low}-${high}`;
}

function formatPrefix(prefix: MatchConfig['from'][number]): string {
  return prefix.family === 4 ? formatIpv4Prefix(prefix) : formatIpv6Prefix(prefix);
}
