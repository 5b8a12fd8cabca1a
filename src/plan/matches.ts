/** Conditions of a policy → what the data path compares packets with. */
import type { MatchConfig, PortRange } from '../config/config.ts';
import type { Ipv4Prefix } from '../net/ipv4-prefix.ts';
import { ipv6ToOctets } from '../net/ipv6-address.ts';
import type { Ipv6Prefix } from '../net/ipv6-prefix.ts';
import type { PlanMatch } from './plan.ts';

/** Every combination of the entries of a condition that something can meet. */
export function planMatches({ from, to, protocols, ports, sourcePorts, dscp }: MatchConfig): PlanMatch[] {
  const ends = combine([from.map(source), to.map(destination)]).filter(isOfOneFamily);
  const rest = combine([
    protocols.map((protocol) => ({ protocol })),
    ports.map(({ low, high }: PortRange) => ({ portLow: low, portHigh: high })),
    sourcePorts.map(({ low, high }: PortRange) => ({ sourcePortLow: low, sourcePortHigh: high })),
    dscp.map((codePoint) => ({ dscp: codePoint })),
  ]);
  return combine([ends, rest]);
}

/** One of each list; an empty list asks nothing. */
function combine(lists: readonly (readonly PlanMatch[])[]): PlanMatch[] {
  return lists.reduce<PlanMatch[]>(
    (combined, list) =>
      list.length === 0 ? combined : combined.flatMap((match) => list.map((more) => ({ ...match, ...more }))),
    [{}],
  );
}

function isOfOneFamily({ source4, source6, destination4, destination6 }: PlanMatch): boolean {
  const is4 = source4 !== undefined || destination4 !== undefined;
  const is6 = source6 !== undefined || destination6 !== undefined;
  return !(is4 && is6);
}

function source(prefix: Ipv4Prefix | Ipv6Prefix): PlanMatch {
  if (prefix.family === 4) return { source4: { prefix: prefix.address, prefixLength: prefix.length } };
  return { source6: { prefix: ipv6ToOctets(prefix.address), prefixLength: prefix.length } };
}

function destination(prefix: Ipv4Prefix | Ipv6Prefix): PlanMatch {
  if (prefix.family === 4) return { destination4: { prefix: prefix.address, prefixLength: prefix.length } };
  return { destination6: { prefix: ipv6ToOctets(prefix.address), prefixLength: prefix.length } };
}
