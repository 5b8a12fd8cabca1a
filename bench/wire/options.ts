/** The command line of the suite on the wire. */
import { parseOptions, type SuiteOptions, takeNumber, UsageError } from '../lib/options.ts';
import { DEVICE_KINDS, type DeviceKind } from './devices.ts';

export interface WireOptions extends SuiteOptions {
  /** How nptd and the forwarder reach the hosts. */
  readonly kind: DeviceKind;
  /** Threads of nptd that carry packets. */
  readonly workers: number;
  /** Microseconds for which a worker looks for more before it sleeps. */
  readonly busyPoll: number;
}

const OWN = `[--device ${DEVICE_KINDS.join('|')}] [--workers N] [--busy-poll MICROSECONDS] `;

/** Throws a `UsageError` for anything else. */
export function parseWireOptions(given: readonly string[]): WireOptions {
  const { value: workers = 1, rest: withoutWorkers } = takeNumber(given, '--workers', 1, 8);
  const { value: busyPoll = 0, rest: withoutNumbers } = takeNumber(withoutWorkers, '--busy-poll', 0, 10_000);
  const { kind, rest } = takeDeviceKind(withoutNumbers);
  return { ...parseOptions(rest, OWN), kind, workers, busyPoll };
}

function takeDeviceKind(given: readonly string[]): { kind: DeviceKind; rest: readonly string[] } {
  const at = given.indexOf('--device');
  if (at < 0) return { kind: 'tap', rest: given };
  const kind = DEVICE_KINDS.find((name) => name === given[at + 1]);
  if (kind === undefined) throw new UsageError(`--device needs one of ${DEVICE_KINDS.join(', ')}`);
  return { kind, rest: [...given.slice(0, at), ...given.slice(at + 2)] };
}
