import type { DeviceConfig, NptdConfig, UplinkConfig } from '../config/config.ts';

/** Slots that the data path has counters, liveness bits and sessions for. */
export const SLOTS_MAX = 16;

/** Which uplink, by name, has which slot. */
export type SlotAssignment = ReadonlyMap<string, number>;

/**
 * Slots for the uplinks of a configuration: an uplink keeps the slot it has, a new one gets the lowest that no uplink
 * had before, so that nobody inherits the counters of an uplink just removed while another slot is free.
 */
export function assignSlots(previous: SlotAssignment, config: NptdConfig): SlotAssignment {
  const free = freeSlots(previous);
  const slots = new Map<string, number>();
  for (const { name } of config.uplinks) {
    const slot = previous.get(name);
    if (slot !== undefined) slots.set(name, slot);
  }
  const kept = new Set(slots.values());
  const reusable = [...previous.values()].filter((slot) => !kept.has(slot)).sort((a, b) => a - b);
  for (const { name } of config.uplinks) {
    if (slots.has(name)) continue;
    const slot = free.shift() ?? reusable.shift();
    // The configuration holds at most as many uplinks as there are slots.
    if (slot === undefined) throw new RangeError(`no slot is left for uplink "${name}"`);
    slots.set(name, slot);
  }
  return slots;
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

function freeSlots(previous: SlotAssignment): number[] {
  const used = new Set(previous.values());
  return Array.from({ length: SLOTS_MAX }, (_, slot) => slot).filter((slot) => !used.has(slot));
}
