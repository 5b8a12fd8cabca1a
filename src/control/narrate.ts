/** Changes of connectivity in words. */
import type { DeviceId } from '../native/data-plane.ts';
import type { HealthCause } from './multihoming/health.ts';
import type { FamilyState } from './multihoming/uplink.ts';
import type { ControlNotice, Exhausted, LogEntry, SelectionChanged, UplinkChanged } from './notice.ts';

/** The cause of a change of health, as a sentence without a full stop. */
export function causeInWords(cause: HealthCause, family: FamilyState): string {
  const target = (position: number) => family.targets[position]?.text ?? `target ${position}`;
  switch (cause.kind) {
    case 'first-answer':
      return `${target(cause.target)} answered after ${(cause.rttUs / 1000).toFixed(1)} ms`;
    case 'targets-missed': {
      const names = cause.missed.map(target).join(', ');
      const silence =
        cause.silentForMs === undefined ? 'nothing ever answered' : `no answer for ${seconds(cause.silentForMs)}`;
      return `${cause.missed.length} of ${cause.targets} targets missed in two bursts running (${names}; quorum ${cause.quorum}), ${silence}`;
    }
    case 'answered-again':
      return `good answers for ${seconds(cause.goodForMs)} after ${seconds(cause.downForMs)} down`;
    case 'device-failed':
    case 'device-restored':
    case 'not-probed':
      return cause.message;
  }
}

export function logOfUplinkChange(change: UplinkChanged): LogEntry {
  const { uplink, family, from, to, cause } = change;
  return {
    level: to === 'down' ? 'warn' : 'info',
    message: `uplink ${uplink} IPv${family} is ${to} (was ${from}): ${cause}`,
    fields: { event: 'uplink-changed', uplink, family, from, to, cause },
  };
}

export function logOfSelectionChange(change: SelectionChanged): LogEntry {
  const { policy, family, from, to, lastResort } = change;
  const now = to === undefined ? 'has no uplink' : `takes uplink ${to}${lastResort ? ' as a last resort' : ''}`;
  return {
    level: to === undefined || lastResort ? 'warn' : 'info',
    message: `new IPv${family} traffic of policy ${policy} ${now}${from === undefined || from === to ? '' : ` (was ${from})`}`,
    fields: {
      event: 'selection-changed',
      policy,
      family,
      lastResort,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    },
  };
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

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
