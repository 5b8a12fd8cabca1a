import type { NptdConfig, ProtocolPorts, UplinkConfig } from '../config/config.ts';
import { probeReservations } from '../config/probe-target.ts';
import { preferredUplinks } from './policy.ts';

/** Own ports of an uplink's IPv4 that probes leave from, which no mapping may take (3022-2.2). */
export function probePorts({ name, probe }: UplinkConfig, { policies }: NptdConfig): ProtocolPorts[] {
  const listing = policies.filter((policy) => preferredUplinks(policy).includes(name));
  const targets = [...probe.targets, ...listing.flatMap((policy) => policy.probe?.targets ?? [])];
  return probeReservations(targets);
}
