import type { Nat44Config, Nat44Filtering, Nat44Timeouts } from './config.ts';
import { DEFAULT_NAT44 } from './defaults.ts';
import { readEntries } from './draft-context.ts';
import type { ConfigDraft } from './schema.ts';

type Nat44Draft = NonNullable<ConfigDraft['nat44']>;

export function completeNat44(draft: Nat44Draft = {}): Nat44Config {
  return {
    timeouts: completeTimeouts(draft.timeouts),
    portRestMs: draft['port-rest'] ?? DEFAULT_NAT44.portRestMs,
    restingPorts: draft['resting-ports'] ?? DEFAULT_NAT44.restingPorts,
    filtering: completeFiltering(draft.filtering),
    filtered: draft.filtered ?? DEFAULT_NAT44.filtered,
    unsolicitedSyn: draft['unsolicited-syn'] ?? DEFAULT_NAT44.unsolicitedSyn,
    parity: draft.parity ?? DEFAULT_NAT44.parity,
    otherProtocols: draft['other-protocols'] ?? DEFAULT_NAT44.otherProtocols,
    exempt: draft.exempt === undefined ? DEFAULT_NAT44.exempt : readEntries(draft.exempt).map(({ entry }) => entry),
  };
}

function completeTimeouts(draft: Nat44Draft['timeouts'] = {}): Nat44Timeouts {
  const defaults = DEFAULT_NAT44.timeouts;
  // 7857-S2.1: both are settings of their own; one key sets them together.
  const transitory = draft['tcp-transitory'];
  return {
    udpMs: draft.udp ?? defaults.udpMs,
    icmpMs: draft.icmp ?? defaults.icmpMs,
    otherMs: draft.other ?? defaults.otherMs,
    tcpOpeningMs: draft['tcp-opening'] ?? transitory ?? defaults.tcpOpeningMs,
    tcpClosingMs: draft['tcp-closing'] ?? transitory ?? defaults.tcpClosingMs,
    tcpEstablishedMs: draft['tcp-established'] ?? defaults.tcpEstablishedMs,
    dccpTransitoryMs: draft['dccp-transitory'] ?? defaults.dccpTransitoryMs,
    dccpEstablishedMs: draft['dccp-established'] ?? defaults.dccpEstablishedMs,
    heldSynMs: draft['held-syn'] ?? defaults.heldSynMs,
    fragmentMs: draft.fragment ?? defaults.fragmentMs,
  };
}

function completeFiltering(draft: Nat44Draft['filtering'] = {}): Nat44Filtering {
  const defaults = DEFAULT_NAT44.filtering;
  return {
    udp: draft.udp ?? defaults.udp,
    tcp: draft.tcp ?? defaults.tcp,
    icmp: draft.icmp ?? defaults.icmp,
    dccp: draft.dccp ?? defaults.dccp,
  };
}
