/** Whom probes go to, and what they ask: as configured, and from the draft of the file. */
import type { PortRange, ProtocolPorts } from './config.ts';
import { readEntries } from './draft-context.ts';
import { formatEndpoint, formatHttpUrl, type HttpUrl } from './probe-values.ts';
import type { ProbeTargetDraft } from './schema-policy.ts';
import { type Address, formatAddress } from './values.ts';

/** The gateway's own ports for DNS and TCP probes. Above the ephemeral ports of most hosts (RFC 6335, Linux), so that few ask for them. */
export const PROBE_PORTS: PortRange = { low: 61_440, high: 61_503 };

/** Those for HTTP probes. */
export const CONVERSATION_PORTS: PortRange = { low: 61_504, high: 61_567 };

/** Longest time for an HTTP probe, in intervals of its uplink: so the bursts that wait for answers stay few. */
export const HTTP_TIMEOUT_INTERVALS_MAX = 6;

export interface ProbeTargetConfig {
  readonly address: Address;
  /** What it is called: `192.0.2.1`, `dns 192.0.2.53 example.com`, `tcp 192.0.2.1:443`, `https://192.0.2.1/ as www.example`. */
  readonly text: string;
  readonly method: ProbeMethod;
}

export type ProbeMethod =
  | { readonly kind: 'echo' }
  /** A query for the A records of a name. */
  | { readonly kind: 'dns'; readonly port: number; readonly name: string }
  /** A connection, ended before it is open. */
  | { readonly kind: 'tcp'; readonly port: number; readonly refusedIsAnswer: boolean }
  | HttpMethod;

/** A request to a web server. */
export interface HttpMethod {
  readonly kind: 'http';
  readonly port: number;
  /** With the query. */
  readonly path: string;
  /** Name of the server; absent: it is called by its address. */
  readonly name?: string;
  /** The one status that is an answer; absent: any from 200 to 399. */
  readonly status?: number;
  /** Absent: as long as is usual. */
  readonly timeoutMs?: number;
  /** Absent: plain HTTP. */
  readonly tls?: {
    readonly verify: boolean;
    /** File with the certificates of those who may vouch for the server; absent: those that Node has. */
    readonly ca?: string;
  };
}

/** Own ports of the probes that have some, by their kind. */
const OWN_PORTS = {
  dns: { protocol: 17, ...PROBE_PORTS },
  tcp: { protocol: 6, ...PROBE_PORTS },
  http: { protocol: 6, ...CONVERSATION_PORTS },
} as const satisfies Record<string, ProtocolPorts>;

/** A target of the file; undefined where it names none that could be read. */
export function probeTargetOf(draft: ProbeTargetDraft): ProbeTargetConfig | undefined {
  if ('family' in draft) return { address: draft, text: formatAddress(draft), method: { kind: 'echo' } };
  const { dns, tcp, name = '.', refused } = draft;
  if (dns !== undefined) {
    const server = dns.port === 53 ? formatAddress(dns.address) : formatEndpoint(dns);
    return { address: dns.address, text: `dns ${server} ${name}`, method: { kind: 'dns', port: dns.port, name } };
  }
  const url = draft.http ?? draft.https;
  if (url !== undefined) return httpTargetOf(url, draft);
  if (tcp === undefined) return undefined;
  const method = { kind: 'tcp', port: tcp.port, refusedIsAnswer: refused === 'ok' } as const;
  return { address: tcp.address, text: `tcp ${formatEndpoint(tcp)}`, method };
}

function httpTargetOf(
  url: HttpUrl,
  { name, status, timeout, ca, verify = true }: Exclude<ProbeTargetDraft, { family: 4 | 6 }>,
): ProbeTargetConfig {
  const { address, port, path, scheme } = url;
  const method: HttpMethod = {
    kind: 'http',
    port,
    path,
    ...(name === undefined ? {} : { name }),
    ...(status === undefined ? {} : { status }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
    ...(scheme === 'http' ? {} : { tls: { verify, ...(ca === undefined ? {} : { ca }) } }),
  };
  return { address, text: `${formatHttpUrl(url)}${name === undefined ? '' : ` as ${name}`}`, method };
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

/** The own ports that IPv4 probes to these targets need, each once. */
export function probeReservations(targets: readonly ProbeTargetConfig[]): ProtocolPorts[] {
  const kinds = new Set(targets.filter(({ address }) => address.family === 4).map(({ method }) => method.kind));
  return (['tcp', 'http', 'dns'] as const).filter((kind) => kinds.has(kind)).map((kind) => OWN_PORTS[kind]);
}
