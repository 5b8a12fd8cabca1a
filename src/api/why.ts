/** Why a flow takes its uplink: the data path's answer, with names in place of numbers. */
import { protocolName } from '../config/values.ts';
import type { Selection } from '../control/multihoming/selection.ts';
import type { ControlState } from '../control/state.ts';
import type { FlowExplanation, FlowQuestion } from '../native/data-plane.ts';
import { parseIpv4Address } from '../net/ipv4-address.ts';
import { ipv6ToOctets, parseIpv6Address } from '../net/ipv6-address.ts';
import type { SessionRow } from '../reference/translator.ts';
import { NptdError } from './errors.ts';

export interface FlowDescription {
  /** By name, as `tcp`, or number. */
  readonly protocol: string;
  /** `192.168.1.10:5000`, `[fd12::10]:5000`, or an address alone. */
  readonly internal: string;
  readonly remote: string;
  /** 0 to 63; 0 if absent. */
  readonly dscp?: number;
}

export interface Why {
  /** Of the plan that was asked. */
  readonly generation: number;
  readonly policy: string;
  /** Absent: no uplink takes it. */
  readonly uplink?: string;
  readonly by: FlowExplanation['by'];
  /** A sentence without a full stop. */
  readonly reason: string;
  /** What holds for new flows of the policy, as a sentence without a full stop. */
  readonly selection: string;
  readonly candidates: readonly WhyCandidate[];
  /** The live session of the flow. */
  readonly session?: SessionRow & { readonly uplink: string };
}

export interface WhyCandidate {
  readonly uplink: string;
  readonly weight: number;
  /** The smallest is the best. */
  readonly score?: number;
  /** Established flows are told to leave it. */
  readonly isLeft: boolean;
}

/** Throws an `NptdError` with code `INVALID_ARGUMENT` that says what is no protocol, address or port. */
export function questionOf({ protocol, internal, remote, dscp = 0 }: FlowDescription): FlowQuestion {
  const [from, to] = [endpointOf(internal), endpointOf(remote)];
  const family = typeof from.address === 'number' ? 4 : 6;
  if ((typeof to.address === 'number' ? 4 : 6) !== family) throw invalid('the two addresses are of different families');
  const number = protocolOf(protocol, family);
  return {
    protocol: number,
    internal: from.address,
    internalPort: from.port,
    remote: to.address,
    remotePort: to.port,
    dscp,
  };
}

export function whyOf(explanation: FlowExplanation, flow: FlowQuestion, state: ControlState): Why {
  const { generation, candidates, session, slot, by } = explanation;
  const nameOf = (number: number) => state.uplinks.find((uplink) => uplink.slot === number)?.name ?? `slot ${number}`;
  const policy = [...(state.site?.numbers ?? [])].find(([, number]) => number === explanation.policy)?.[0] ?? 'default';
  const family = typeof flow.internal === 'number' ? 4 : 6;
  const selection = state.selections.find((one) => one.policy === policy && one.family === family);
  return {
    generation,
    policy,
    ...(slot === undefined ? {} : { uplink: nameOf(slot) }),
    by,
    reason: reasonOf(explanation, selection),
    selection: selection?.reason ?? 'nothing is decided yet',
    candidates: candidates.map(({ slot: candidate, ...rest }) => ({ uplink: nameOf(candidate), ...rest })),
    ...(session === undefined ? {} : { session: { ...session, uplink: nameOf(session.uplinkSlot) } }),
  };
}

function reasonOf({ by, session, stays }: FlowExplanation, selection: Selection | undefined): string {
  if (session !== undefined && !stays) return `its session leaves its uplink, and a new flow takes this one`;
  switch (by) {
    case 'session':
      return 'it has a session there, and a session keeps its uplink';
    case 'identity':
      return 'its source address is of a prefix of that ISP';
    case 'sticks':
      return 'its internal endpoint has other flows there, and is to be seen under one address';
    case 'weight':
      return 'it has the best score of those that share';
    case 'order':
      return 'it is the first in order that may take new flows';
    case 'last-resort':
      return 'none is alive, and it is the last resort';
    case 'nothing':
      return selection?.lastResort === false ? 'no uplink may take it: it is refused' : 'no uplink carries it';
  }
}

interface ParsedEndpoint {
  readonly address: number | Uint8Array;
  readonly port: number;
}

function endpointOf(text: string): ParsedEndpoint {
  const [, bracketed, after] = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text) ?? [];
  const [, plain, behind] = /^([\d.]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = Number(after ?? behind ?? 0);
  const ipv4 = plain === undefined ? undefined : parseIpv4Address(plain);
  const ipv6 = plain === undefined ? parseIpv6Address(bracketed ?? text) : undefined;
  const address = ipv4 ?? (ipv6 === undefined ? undefined : ipv6ToOctets(ipv6));
  if (address === undefined || port > 65_535) {
    throw invalid(`"${text}" is not an address with a port, like 192.0.2.1:443 or [2001:db8::1]:443`);
  }
  return { address, port };
}

function protocolOf(text: string, family: 4 | 6): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= 255) return Number(text);
  const named = protocolName(text);
  if (!named.ok) throw invalid(named.error);
  // Of the two of ICMP the one of the family.
  const [first, ...others] = named.value;
  return family === 4 ? first : (others.at(-1) ?? first);
}

function invalid(message: string): NptdError {
  return new NptdError('INVALID_ARGUMENT', message);
}
