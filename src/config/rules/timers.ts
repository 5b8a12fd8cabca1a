import { PORT_REST_MINIMUM, TIMEOUT_MINIMA } from '../defaults.ts';
import type { DraftContext } from '../draft-context.ts';
import type { ConfigPath } from '../issue.ts';
import type { ConfigDraft } from '../schema.ts';

/** Timers below the RFC's minimum are accepted, since tests need them, but not silently. */
export function checkTimers({ nat44 }: ConfigDraft, { report }: DraftContext): void {
  const atLeast = (path: ConfigPath, ms: number | undefined, minimum: { ms: number; id: string }): void => {
    if (ms === undefined || ms >= minimum.ms) return;
    report(path, { code: 'timer-below-minimum', ms, minimumMs: minimum.ms, id: minimum.id });
  };
  const path = ['nat44', 'timeouts'];
  const timeouts = nat44?.timeouts;
  atLeast([...path, 'udp'], timeouts?.udp, TIMEOUT_MINIMA.udpMs);
  atLeast([...path, 'icmp'], timeouts?.icmp, TIMEOUT_MINIMA.icmpMs);
  atLeast([...path, 'other'], timeouts?.other, TIMEOUT_MINIMA.otherMs);
  atLeast([...path, 'tcp-transitory'], timeouts?.['tcp-transitory'], TIMEOUT_MINIMA.tcpOpeningMs);
  atLeast([...path, 'tcp-opening'], timeouts?.['tcp-opening'], TIMEOUT_MINIMA.tcpOpeningMs);
  atLeast([...path, 'tcp-closing'], timeouts?.['tcp-closing'], TIMEOUT_MINIMA.tcpClosingMs);
  atLeast([...path, 'tcp-established'], timeouts?.['tcp-established'], TIMEOUT_MINIMA.tcpEstablishedMs);
  atLeast([...path, 'dccp-transitory'], timeouts?.['dccp-transitory'], TIMEOUT_MINIMA.dccpTransitoryMs);
  atLeast([...path, 'dccp-established'], timeouts?.['dccp-established'], TIMEOUT_MINIMA.dccpEstablishedMs);
  atLeast([...path, 'held-syn'], timeouts?.['held-syn'], TIMEOUT_MINIMA.heldSynMs);
  atLeast([...path, 'fragment'], timeouts?.fragment, TIMEOUT_MINIMA.fragmentMs);
  atLeast(['nat44', 'port-rest'], nat44?.['port-rest'], PORT_REST_MINIMUM);
}
