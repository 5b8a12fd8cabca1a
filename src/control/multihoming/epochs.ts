/**
 * Epochs of uplink slots: what was translated to addresses that an uplink no longer has must end, and nothing else
 * (MWAN-7, 6296-DYN).
 */
import type { UplinkConfig } from '../../config/config.ts';

/** By slot. */
export type EpochAssignment = ReadonlyMap<number, SlotEpoch>;

export interface SlotEpoch {
  /** 0 to 255. */
  readonly epoch: number;
  /** The uplink and its addresses and prefixes, as text. */
  readonly identity: string;
}

const EPOCHS = 256;
/** The identity of a slot without an uplink. */
const GONE = '';

/** The epoch of a slot is raised when its uplink, or an address or prefix of it, is not what it was. */
export function assignEpochs(
  previous: EpochAssignment,
  uplinks: readonly UplinkConfig[],
  slotOf: (name: string) => number,
): EpochAssignment {
  const now = uplinks.map((uplink): [number, SlotEpoch] => {
    const slot = slotOf(uplink.name);
    const identity = identityOf(uplink);
    const before = previous.get(slot);
    if (before === undefined) return [slot, { epoch: 0, identity }];
    return [slot, before.identity === identity ? before : { epoch: (before.epoch + 1) % EPOCHS, identity }];
  });
  // A slot without an uplink keeps its number for the one that takes it next, be it the same again: what it had has ended.
  const left = [...previous].map(([slot, { epoch }]): [number, SlotEpoch] => [slot, { epoch, identity: GONE }]);
  return new Map([...left, ...now]);
}

function identityOf({ name, ipv4, ipv6 }: UplinkConfig): string {
  const { address, pool, nat44 } = ipv4 ?? {};
  const prefixes = ipv6 && { address: ipv6.address, pairs: ipv6.pairs };
  return JSON.stringify({ name, ipv4: { address, pool, nat44 }, prefixes }, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString(16) : value,
  );
}
