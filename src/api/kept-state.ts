/** What survives a restart, as text: ports that rest, and what operators want of uplinks. Pure. */
import { z } from 'zod';
import type { NptdConfig } from '../config/config.ts';
import { UPLINK_MODES, type UplinkModes } from '../control/multihoming/standing.ts';
import type { SlotAssignment } from '../plan/slots.ts';
import type { PortRest } from '../reference/translator.ts';
import { err, ok, type Result } from '../result.ts';
import { restRows, restsOf, rowsByUplink } from './port-rests.ts';

const FORMAT = 1;

const file = z.object({
  nptd: z.literal(FORMAT),
  writtenAtMs: z.number(),
  rests: restRows,
  /** By uplink; absent in files of before there were any. */
  modes: z.record(z.string(), z.enum(UPLINK_MODES)).optional(),
});

export interface KeptState {
  readonly rests: readonly PortRest[];
  /** Also of uplinks that there are no more. */
  readonly modes: UplinkModes;
}

/** @param nowMs wall clock */
export function formatKeptState(
  { rests, modes }: KeptState,
  config: NptdConfig,
  slots: SlotAssignment,
  nowMs: number,
): string {
  const kept = { nptd: FORMAT, writtenAtMs: nowMs, rests: rowsByUplink(rests, config, slots) };
  return `${JSON.stringify({ ...kept, modes: Object.fromEntries(modes) })}\n`;
}

/**
 * What still holds. The time since the file was written counts; a clock that was set back does not. The error is a
 * sentence about the text.
 */
export function readKeptState(text: string, slots: SlotAssignment, nowMs: number): Result<KeptState, string> {
  const parsed = file.safeParse(parseJson(text));
  if (!parsed.success) return err('is not a state file of nptd');
  const { writtenAtMs, rests, modes = {} } = parsed.data;
  const elapsedMs = Math.max(0, nowMs - writtenAtMs);
  return ok({ rests: restsOf(rests, slots, elapsedMs), modes: new Map(Object.entries(modes)) });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
