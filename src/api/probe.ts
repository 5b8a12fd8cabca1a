/** One round of probes through a device that the kernel owns. */
import { ProbeFailure, type ProbeFailureCode } from '../control/probe/probe-failure.ts';
import { type ProbeOutcome, runProbeRound } from '../control/probe/probe-round.ts';
import { parseTarget } from '../control/probe/target.ts';
import { NptdError, type NptdErrorCode } from './errors.ts';

export interface ProbeRequest {
  /** Interface name. */
  readonly device: string;
  /** An IPv4 or IPv6 address. */
  readonly target: string;
  /** 1 if absent. */
  readonly count?: number;
  /** Time between two probes, milliseconds; 500 if absent. */
  readonly intervalMs?: number;
  /** An answer later than this is a miss, milliseconds; 800 if absent. */
  readonly timeoutMs?: number;
  /** Called as soon as a probe is decided. */
  readonly onProbe?: (probe: ProbeOutcome) => void;
  readonly signal?: AbortSignal;
}

export interface ProbeReport {
  readonly device: string;
  /** Canonical form. */
  readonly target: string;
  readonly probes: readonly ProbeOutcome[];
  readonly answered: number;
  /** Round-trip times of the answered ones in milliseconds; absent if none was. */
  readonly rttMs?: { readonly min: number; readonly average: number; readonly max: number };
}

/**
 * Sends ICMP echo requests by one device, and by no other. Rejects with an `NptdError`, which says nothing about the
 * target: `PRIVILEGE_MISSING`, `PACKAGE_MISSING` (raw-socket), `DEVICE_UNAVAILABLE` (there is none of that name), or
 * `PROBE_IMPOSSIBLE` for the rest (no route by the device, for one).
 */
export async function probe(request: ProbeRequest): Promise<ProbeReport> {
  const target = parseTarget(request.target);
  if (target === undefined) throw new NptdError('INVALID_ARGUMENT', `"${request.target}" is not an IP address`);
  const { device, count = 1, intervalMs = 500, timeoutMs = 800, onProbe, signal } = request;
  const probes = await runProbeRound({
    device,
    target: target.text,
    family: target.family,
    count,
    intervalMs,
    timeoutMs,
    ...(onProbe === undefined ? {} : { onProbe }),
    ...(signal === undefined ? {} : { signal }),
  }).catch((error: unknown) => {
    throw error instanceof ProbeFailure ? probeError(error) : error;
  });
  return { device, target: target.text, probes, ...summaryOf(probes) };
}

function summaryOf(probes: readonly ProbeOutcome[]): Pick<ProbeReport, 'answered' | 'rttMs'> {
  const times = probes.flatMap(({ rttMs }) => (rttMs === undefined ? [] : [rttMs]));
  if (times.length === 0) return { answered: 0 };
  const average = times.reduce((sum, ms) => sum + ms, 0) / times.length;
  return { answered: times.length, rttMs: { min: Math.min(...times), average, max: Math.max(...times) } };
}

const CODES: Readonly<Record<ProbeFailureCode, NptdErrorCode>> = {
  RAW_SOCKET_MISSING: 'PACKAGE_MISSING',
  PRIVILEGE_MISSING: 'PRIVILEGE_MISSING',
  DEVICE_MISSING: 'DEVICE_UNAVAILABLE',
  NO_ROUTE: 'PROBE_IMPOSSIBLE',
  SOCKET_REFUSED: 'PROBE_IMPOSSIBLE',
};

/** A failure to probe as an error of the library. */
export function probeError(failure: ProbeFailure): NptdError {
  return new NptdError(CODES[failure.code], failure.message, { cause: failure });
}
