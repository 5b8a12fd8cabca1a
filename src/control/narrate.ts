/** Changes of connectivity in words. */
import type { DeviceId } from '../native/data-plane.ts';
import type { HealthCause } from './multihoming/health.ts';
import type { Quality } from './multihoming/quality.ts';
import type { UplinkMode } from './multihoming/standing.ts';
import type { TargetsState } from './multihoming/uplink.ts';
import type {
  AddressChanged,
  ChangeNotice,
  ControlNotice,
  Exhausted,
  FlowsLeave,
  LogEntry,
  ModeChanged,
  PolicyTargetsChanged,
  ProbesVetoed,
  SelectionChanged,
  UplinkChanged,
} from './notice.ts';

/** The cause of a change of health, as a sentence without a full stop. */
export function causeInWords(cause: HealthCause, targets: TargetsState): string {
  switch (cause.kind) {
    case 'first-answer':
      return `${targetNames([cause.target], targets)} answered after ${milliseconds(cause.rttUs / 1000)}`;
    case 'targets-missed': {
      const silence =
        cause.silentForMs === undefined ? 'nothing ever answered' : `no answer for ${seconds(cause.silentForMs)}`;
      return `${cause.missed.length} of ${cause.targets} targets missed in two bursts running (${targetNames(cause.missed, targets)}; quorum ${cause.quorum}), ${silence}`;
    }
    case 'answered-again':
      return `good answers for ${seconds(cause.goodForMs)} after ${seconds(cause.downForMs)} down`;
    case 'degraded': {
      const { loss, latencyMs = 0, windowMs } = cause.rules;
      const limit = cause.by === 'loss' ? `${percent(loss)} loss` : milliseconds(latencyMs);
      return `${qualityInWords(cause.quality)} over ${seconds(windowMs)}, more than ${limit}`;
    }
    case 'clear-again':
      return `clear for ${seconds(cause.clearForMs)}: ${qualityInWords(cause.quality)}`;
    case 'targets-distrusted':
      return 'its targets fail on every uplink, and its gateway answers';
    case 'device-failed':
    case 'device-restored':
    case 'not-probed':
      return cause.message;
  }
}

/** Addresses of targets by their positions. */
export function targetNames(positions: readonly number[], { targets }: TargetsState): string {
  return positions.map((position) => targets[position]?.text ?? `target ${position}`).join(', ');
}

export function logOfUplinkChange(change: UplinkChanged | PolicyTargetsChanged): LogEntry {
  const { uplink, family, from, to, cause } = change;
  const what = change.type === 'uplink-changed' ? '' : ` for policy ${change.policy}`;
  return {
    level: to === 'down' || to === 'degraded' ? 'warn' : 'info',
    message: `uplink ${uplink} IPv${family}${what} is ${to} (was ${from}): ${cause}`,
    fields: fieldsOf(change),
  };
}

export function logOfVeto(notice: ProbesVetoed): LogEntry {
  const { uplink, family, cause } = notice;
  return { level: 'info', message: `uplink ${uplink} IPv${family} is in doubt: ${cause}`, fields: fieldsOf(notice) };
}

export function logOfSelectionChange(change: SelectionChanged): LogEntry {
  const { policy, family, from, to, lastResort, cause } = change;
  const now = to === undefined ? 'has no uplink' : `takes uplink ${to}${lastResort ? ' as a last resort' : ''}`;
  const was = from === undefined || from === to ? '' : ` (was ${from})`;
  return {
    level: to === undefined || lastResort ? 'warn' : 'info',
    message: `new IPv${family} traffic of policy ${policy} ${now}${was}: ${cause}`,
    fields: fieldsOf(change),
  };
}

export function logOfLeave(notice: FlowsLeave): LogEntry {
  const { policy, family, uplink, cause } = notice;
  const message = `IPv${family} flows of policy ${policy} leave uplink ${uplink}: ${cause}`;
  return { level: 'info', message, fields: fieldsOf(notice) };
}

export function logOfModeChange(notice: ModeChanged): LogEntry {
  const { uplink, from, to, cause } = notice;
  return { level: 'info', message: `uplink ${uplink} is ${to} (was ${from}): ${cause}`, fields: fieldsOf(notice) };
}

export function logOfForgottenMode(uplink: string, mode: UplinkMode): LogEntry {
  const message = `that uplink ${uplink} is ${mode} is forgotten: there is no such uplink any more`;
  return { level: 'warn', message, fields: { event: 'mode-forgotten', uplink, mode } };
}

export function logOfAddressChange(notice: AddressChanged): LogEntry {
  const { uplink, family, from = 'none', to = 'none', cause } = notice;
  const message = `uplink ${uplink} IPv${family} has ${to} (was ${from}): ${cause}`;
  return { level: 'info', message, fields: fieldsOf(notice) };
}

export function logOfPanic(message: string): LogEntry {
  const fields = { event: 'worker-panicked' };
  return { level: 'error', message: `a worker of the data plane panicked: ${message}`, fields };
}

export function logOfExhaustion({ reason, uplink, refused }: Exhausted): LogEntry {
  const where = uplink === undefined ? 'packets are refused' : `uplink ${uplink} refuses packets`;
  return {
    level: 'warn',
    message: `${where}: ${reason}, ${refused} so far`,
    fields: { event: 'exhausted', reason, ...(uplink === undefined ? {} : { uplink }), refused },
  };
}

/** `device 2 (wan0 in namespace isp)` */
export function deviceInWords({ index, device, netns }: DeviceId): string {
  return `device ${index} (${device}${netns === undefined ? '' : ` in namespace ${netns}`})`;
}

export function logOfConflict(notice: Extract<ControlNotice, { type: 'address-conflict' }>): LogEntry {
  const { type, address, mac } = notice;
  const message = `another station (${mac}) on the link of ${deviceInWords(notice)} has ${address}, which is the gateway's`;
  return { level: 'error', message, fields: { event: type, ...fieldsOfDevice(notice), address, mac } };
}

export function fieldsOfDevice({ index, device, netns }: DeviceId): LogEntry['fields'] {
  return { index, device, ...(netns === undefined ? {} : { netns }) };
}

/** All fields of a notice but its time, which every log entry has. */
function fieldsOf({ type, atMs: _, ...fields }: ChangeNotice): LogEntry['fields'] {
  return { event: type, ...fields };
}

function qualityInWords({ loss, rttMs }: Quality): string {
  const parts = [
    ...(loss === undefined ? [] : [`${percent(loss)} loss`]),
    ...(rttMs === undefined ? [] : [`${milliseconds(rttMs)} round trip`]),
  ];
  return parts.join(', ');
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(1)} ms`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
