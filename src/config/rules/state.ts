import type { DraftContext } from '../draft-context.ts';
import type { ConfigDraft } from '../schema.ts';

/** What anyone may reach must not pass to another host in the moment of a restart. */
export function checkState({ nat44, state }: ConfigDraft, { report }: DraftContext): void {
  if (state?.file !== undefined) return;
  for (const protocol of ['udp', 'tcp', 'icmp', 'dccp'] as const) {
    if (nat44?.filtering?.[protocol] === 'endpoint-independent') {
      report(['nat44', 'filtering', protocol], { code: 'rest-without-state', protocol });
    }
  }
}
