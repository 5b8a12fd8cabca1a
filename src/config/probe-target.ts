/** Whom probes go to, and what they ask: as configured, and from the draft of the file. */
import type { PortRange } from './config.ts';
import { readEntries } from './draft-context.ts';
import { formatEndpoint } from './probe-values.ts';
import type { ProbeTargetDraft } from './schema-policy.ts';
import { type Address, formatAddress } from './values.ts';

/** The gateway's own ports for DNS and TCP probes. Above the ephemeral ports of most hosts (RFC 6335, Linux), so that few ask for them. */
export const PROBE_PORTS: PortRange = { low: 61_440, high: 61_503 };

export interface ProbeTargetConfig {
  readonly address: Address;
  /** What it is called: `192.0.2.1`, `dns 192.0.2.53 example.com`, `tcp 192.0.2.1:443`. */
  readonly text: string;
  readonly method: ProbeMethod;
}

export type ProbeMethod =
  | { readonly kind: 'echo' }
  /** A query for the A records of a name. */
  | { readonly kind: 'dns'; readonly port: number; readonly name: string }
  /** A connection, ended before it is open. */
  | { readonly kind: 'tcp'; readonly port: number; readonly refusedIsAnswer: boolean };

/** IP protocols of the probes that have ports. */
export const PROBE_PROTOCOLS = { dns: 17, tcp: 6 } as const;

/** A target of the file; undefined where it names none that could be read. */
export function probeTargetOf(draft: ProbeTargetDraft): ProbeTargetConfig | undefined {
  if ('family' in draft) return { address: draft, text: formatAddress(draft), method: { kind: 'echo' } };
  const { dns, tcp, name = '.', refused } = draft;
  if (dns !== undefined) {
    const server = dns.port === 53 ? formatAddress(dns.address) : formatEndpoint(dns);
    return { address: dns.address, text: `dns ${server} ${name}`, method: { kind: 'dns', port: dns.port, name } };
  }
  if (tcp === undefined) return undefined;
  const method = { kind: 'tcp', port: tcp.port, refusedIsAnswer: refused === 'ok' } as const;
  return { address: tcp.address, text: `tcp ${formatEndpoint(tcp)}`, method };
}

/** The targets of a list that could be read, with their positions. */
export function readTargets(
  list: readonly (ProbeTargetDraft | undefined)[] | undefined,
): { target: ProbeTargetConfig; index: number }[] {
  return readEntries(list).flatMap(({ entry, index }) => {
    const target = probeTargetOf(entry);
    return target === undefined ? [] : [{ target, index }];
  });
}

/** IP protocols of which IPv4 probes to these targets need own ports. */
export function probeProtocols(targets: readonly ProbeTargetConfig[]): Set<number> {
  const services = targets.flatMap(({ address, method }) =>
    address.family === 4 && method.kind !== 'echo' ? [PROBE_PROTOCOLS[method.kind]] : [],
  );
  return new Set(services);
}
