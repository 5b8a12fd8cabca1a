/** An HTTP probe as the prober makes it. */
import { CONVERSATION_PORTS, HTTP_TIMEOUT_INTERVALS_MAX, type ProbeTargetConfig } from '../../config/probe-target.ts';
import { formatHost } from '../../config/probe-values.ts';
import { formatAddress } from '../../config/values.ts';
import type { StreamTarget } from '../../native/data-plane.ts';
import { addressOf } from './destination.ts';

/** Unless the file says otherwise; with a shorter interval at most `DEFAULT_INTERVALS` of it. */
const DEFAULT_TIMEOUT_MS = 2000;
const DEFAULT_INTERVALS = 4;

export interface HttpTarget {
  readonly to: Omit<StreamTarget, 'slot'>;
  /** With the query. */
  readonly path: string;
  /** The header `Host`. */
  readonly host: string;
  /** The one status that is an answer; absent: any from 200 to 399. */
  readonly status?: number;
  readonly timeoutMs: number;
  /** Absent: plain HTTP. */
  readonly tls?: HttpTls;
}

export interface HttpTls {
  /** What the certificate is to be for: a name, which the server is told, or an address. */
  readonly server: { readonly name: string } | { readonly address: string };
  readonly verify: boolean;
  /** File of certificates; absent: those that Node has. */
  readonly ca?: string;
}

/**
 * Undefined for targets that are asked otherwise.
 * @param intervalMs of the uplink
 */
export function httpTargetOf({ address, method }: ProbeTargetConfig, intervalMs: number): HttpTarget | undefined {
  if (method.kind !== 'http') return undefined;
  const { port, path, name, status, tls } = method;
  const usualPort = tls === undefined ? 80 : 443;
  const otherPort = port === usualPort ? undefined : port;
  const asked = method.timeoutMs ?? Math.min(DEFAULT_TIMEOUT_MS, DEFAULT_INTERVALS * intervalMs);
  return {
    to: { family: address.family, address: addressOf(address), port, ownPorts: CONVERSATION_PORTS },
    path,
    host: name === undefined ? formatHost(address, otherPort) : [name, otherPort ?? []].flat().join(':'),
    ...(status === undefined ? {} : { status }),
    timeoutMs: Math.min(asked, HTTP_TIMEOUT_INTERVALS_MAX * intervalMs),
    ...(tls === undefined
      ? {}
      : { tls: { ...tls, server: name === undefined ? { address: formatAddress(address) } : { name } } }),
  };
}

/** Whether a status is an answer. */
export function isExpected({ status }: Pick<HttpTarget, 'status'>, found: number): boolean {
  return status === undefined ? found >= 200 && found <= 399 : found === status;
}
