/**
 * Whether we fill an uplink ourselves: then probes wait and get lost behind our own traffic, and say nothing of the ISP.
 *
 * A direction is full at a good share of its configured bandwidth, or, where the file says none, of the highest rate
 * seen within the last minutes; a rate that is merely steady must not hide a brown-out for ever, so that the learnt
 * form holds for a minute at a time. Pure: counters and a clock that nobody sets go in.
 */

import type { TrafficCount } from '../../native/data-plane.ts';

export type TrafficDirection = TrafficCount['direction'];

/** By slot and direction. */
export type SaturationState = ReadonlyMap<string, DirectionLoad>;

export interface DirectionLoad {
  readonly slot: number;
  readonly octets: number;
  readonly atMs: number;
  /** Bits per second over the last interval. */
  readonly rate: number;
  /** The highest rate, fading. */
  readonly peak: number;
  /** Since when it is near its peak. */
  readonly nearSinceMs?: number;
  readonly full: boolean;
}

/** Bits per second; absent: not known. */
export type BandwidthOf = (slot: number, direction: TrafficDirection) => number | undefined;

const FULL_SHARE = 0.8;
/** Below this a peak says nothing of the link. */
const PEAK_MIN = 2_000_000;
/** A peak is half of what it was after this. */
const PEAK_HALF_LIFE_MS = 300_000;
const NEAR_PEAK_MAX_MS = 60_000;

export function watchSaturation(
  before: SaturationState,
  counts: readonly TrafficCount[],
  bandwidthOf: BandwidthOf,
  nowMs: number,
): SaturationState {
  const entries = counts.map((count): [string, DirectionLoad] => {
    const key = `${count.slot} ${count.direction}`;
    return [key, loadOf(before.get(key), count, bandwidthOf(count.slot, count.direction), nowMs)];
  });
  return new Map([...before, ...entries]);
}

export function isSaturated(state: SaturationState, slot: number): boolean {
  return [...state.values()].some((load) => load.slot === slot && load.full);
}

function loadOf(
  before: DirectionLoad | undefined,
  { slot, octets }: TrafficCount,
  bandwidth: number | undefined,
  nowMs: number,
): DirectionLoad {
  if (before === undefined) return { slot, octets, atMs: nowMs, rate: 0, peak: 0, full: false };
  const elapsedMs = nowMs - before.atMs;
  if (elapsedMs <= 0) return before;
  const rate = (Math.max(0, octets - before.octets) * 8000) / elapsedMs;
  const peak = Math.max(rate, before.peak * 0.5 ** (elapsedMs / PEAK_HALF_LIFE_MS));
  const load = { slot, octets, atMs: nowMs, rate, peak };
  if (bandwidth !== undefined) return { ...load, full: rate >= bandwidth * FULL_SHARE };
  if (peak < PEAK_MIN || rate < peak * FULL_SHARE) return { ...load, full: false };
  const nearSinceMs = before.nearSinceMs ?? nowMs;
  return { ...load, nearSinceMs, full: nowMs - nearSinceMs < NEAR_PEAK_MAX_MS };
}
