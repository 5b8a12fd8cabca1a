import type { DeviceConfig, NptdConfig, UplinkConfig } from '../config/config.ts';

/** Slots that the data path has counters, liveness bits and sessions for. */
const SLOTS_MAX = 16;

/** Which uplink, by name, has which slot. */
export type SlotAssignment = ReadonlyMap<string, number>;

/**
 * Slots for the uplinks of a configuration: an uplink keeps the slot it has, a new one gets the lowest that no uplink
 * had before, so that nobody inherits the counters of an uplink just removed while another slot is free.
 */
export function assignSlots(previous: SlotAssignment, config: NptdConfig): SlotAssignment {
  const names = config.uplinks.map(({ name }) => name);
  return assignNumbers(previous, names, SLOTS_MAX);
}

/** Policies that the data path tells apart. */
const POLICIES_MAX = 32;

/** Which policy, by name, has which number. */
export type PolicyNumbers = ReadonlyMap<string, number>;

/**
 * Numbers for the policies of a configuration, by the rules of `assignSlots`: a session keeps the number of its policy,
 * so that no other policy may get it while there is another one.
 */
export function assignPolicyNumbers(previous: PolicyNumbers, config: NptdConfig): PolicyNumbers {
  const names = config.policies.map(({ name }) => name);
  return assignNumbers(previous, names, POLICIES_MAX);
}

/** The devices of a configuration in the order of `Plan.devices`: internal ones in file order, then uplinks by slot. */
export function deviceOrder(config: NptdConfig, slots: SlotAssignment): readonly DeviceConfig[] {
  return [...config.internal, ...uplinksBySlot(config, slots)].map(({ device }) => device);
}

export function uplinksBySlot(config: NptdConfig, slots: SlotAssignment): readonly UplinkConfig[] {
  return config.uplinks.toSorted((a, b) => slotOf(slots, a.name) - slotOf(slots, b.name));
}

/** The slot of an uplink; throws a `RangeError` if it has none, which `assignSlots` rules out. */
export function slotOf(slots: SlotAssignment, name: string): number {
  const slot = slots.get(name);
  if (slot === undefined) throw new RangeError(`uplink "${name}" has no slot`);
  return slot;
}

function assignNumbers(
  previous: ReadonlyMap<string, number>,
  names: readonly string[],
  max: number,
): ReadonlyMap<string, number> {
  const used = new Set(previous.values());
  const free = Array.from({ length: max }, (_, number) => number).filter((number) => !used.has(number));
  const kept = new Map(names.flatMap((name) => (previous.has(name) ? [[name, previous.get(name) ?? 0] as const] : [])));
  const keptNumbers = new Set(kept.values());
  const reusable = [...used].filter((number) => !keptNumbers.has(number)).sort((a, b) => a - b);
  const numbers = new Map(kept);
  for (const name of names) {
    if (numbers.has(name)) continue;
    const number = free.shift() ?? reusable.shift();
    // The configuration holds at most as many names as there are numbers.
    if (number === undefined) throw new RangeError(`no number is left for "${name}"`);
    numbers.set(name, number);
  }
  return numbers;
}
