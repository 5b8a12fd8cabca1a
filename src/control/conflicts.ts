/** IPv6 addresses of the gateway that other stations have claimed (RFC 4862): remembered for whoever asks for the status. Pure. */
import type { NptdConfig } from '../config/config.ts';
import type { DeviceId } from '../native/data-plane.ts';
import { isIpv6LinkLocal, parseIpv6Address } from '../net/ipv6-address.ts';

export interface AddressConflict extends DeviceId {
  readonly address: string;
  /** Link address of the other station that was heard last. */
  readonly mac: string;
  /** Wall clock in milliseconds of the first claim and of the last. */
  readonly sinceMs: number;
  readonly lastMs: number;
}

/** By device and address: at most one for each own address there is. */
export type ConflictState = ReadonlyMap<string, AddressConflict>;

export function noteConflict(
  before: ConflictState,
  claim: DeviceId & Pick<AddressConflict, 'address' | 'mac'>,
  atMs: number,
): ConflictState {
  const { index, device, netns, address, mac } = claim;
  const key = `${index} ${address}`;
  const where = { index, device, ...(netns === undefined ? {} : { netns }) };
  const sinceMs = before.get(key)?.sinceMs ?? atMs;
  return new Map(before).set(key, { ...where, address, mac, sinceMs, lastMs: atMs });
}

/** Forgets conflicts over addresses that a configuration no longer has. Link-local ones are those of the devices, which stay. */
export function keepConflicts(before: ConflictState, { internal, uplinks }: NptdConfig): ConflictState {
  const own = new Set([
    ...internal.flatMap(({ ipv6 }) => ipv6.map(({ address }) => address)),
    ...uplinks.flatMap(({ ipv6 }) => (ipv6 === undefined ? [] : [ipv6.address.address])),
  ]);
  return new Map(
    [...before].filter(([, { address }]) => {
      const parsed = parseIpv6Address(address);
      return parsed !== undefined && (isIpv6LinkLocal(parsed) || own.has(parsed));
    }),
  );
}
