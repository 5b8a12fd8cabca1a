/** What a gateway fixes when it opens its devices, and cannot change while it runs. */
import { isDeepStrictEqual } from 'node:util';
import type { DeviceConfig, NptdConfig } from '../config/config.ts';
import type { DataPlaneOptions, DeviceOptions } from '../native/data-plane.ts';
import { deviceOrder, type SlotAssignment } from '../plan/slots.ts';
import { NptdError } from './errors.ts';

export type Machine = Omit<DataPlaneOptions, 'secret' | 'hashKey'>;

export function machineOf(config: NptdConfig, slots: SlotAssignment): Machine {
  return {
    devices: deviceOrder(config, slots).map(deviceOptions),
    mappingsMax: config.limits.mappings,
    sessionsMax: config.limits.sessions,
    filterSessionsMax: config.limits.filterSessions,
    hostsMax: config.limits.hosts,
    neighboursMax: config.limits.neighbours,
    workers: config.worker.count,
    busyPollUs: config.worker.busyPollUs,
  };
}

/** Throws an `NptdError` that says what differs. */
export function requireSameMachine(now: Machine, wanted: Machine): void {
  const differing = machineDifferences(now, wanted);
  if (differing.length === 0) return;
  throw new NptdError('RESTART_REQUIRED', `other ${differing.join(' and ')} need a restart`);
}

/** Which of `devices`, `limits` and `worker`. */
export function machineDifferences(now: Machine, wanted: Machine): string[] {
  const { devices: devicesNow, workers: workersNow, busyPollUs: busyPollNow, ...limitsNow } = now;
  const { devices, workers, busyPollUs, ...limits } = wanted;
  return [
    ...(isDeepStrictEqual(devicesNow, devices) ? [] : ['devices']),
    ...(isDeepStrictEqual(limitsNow, limits) ? [] : ['limits']),
    ...(workersNow === workers && busyPollNow === busyPollUs ? [] : ['worker']),
  ];
}

function deviceOptions({ kind, name, netns, mtu, offload }: DeviceConfig): DeviceOptions {
  return { kind, name, ...(netns === undefined ? {} : { netns }), mtu, offload };
}
