/** The file of ports that rest across a restart (6888-R8): text ↔ what the data plane takes. Pure. */
import { z } from 'zod';
import type { NptdConfig } from '../config/config.ts';
import type { SlotAssignment } from '../plan/slots.ts';
import type { PortRest } from '../reference/translator.ts';
import { err, ok, type Result } from '../result.ts';

const FORMAT = 1;
const [ICMP, TCP, UDP, DCCP, UDP_LITE] = [1, 6, 17, 33, 136];

const uint32 = z.int().min(0).max(0xffff_ffff);
const port = z.int().min(0).max(0xffff);

/** Rows are lists, since there may be a quarter of a million of them. */
const file = z.object({
  nptd: z.literal(FORMAT),
  writtenAtMs: z.number(),
  /** By uplink: [protocol, internal address, its port, external address, its port, milliseconds]. */
  rests: z.record(z.string(), z.array(z.tuple([z.int().min(0).max(255), uint32, port, uint32, port, z.int().min(0)]))),
});

/**
 * Only ports under endpoint-independent filtering: of others a new holder hears nothing of those whom the former one
 * spoke to.
 * @param nowMs wall clock
 */
export function formatPortRests(
  rests: readonly PortRest[],
  { nat44 }: NptdConfig,
  slots: SlotAssignment,
  nowMs: number,
): string {
  const { udp, tcp, icmp, dccp } = nat44.filtering;
  const filterings = new Map([
    [ICMP, icmp],
    [TCP, tcp],
    [UDP, udp],
    [UDP_LITE, udp],
    [DCCP, dccp],
  ]);
  const open = rests.filter(({ protocol }) => filterings.get(protocol) === 'endpoint-independent');
  const byUplink = [...slots].map(([name, slot]) => [name, open.filter((rest) => rest.slot === slot).map(rowOf)]);
  return `${JSON.stringify({ nptd: FORMAT, writtenAtMs: nowMs, rests: Object.fromEntries(byUplink) })}\n`;
}

/**
 * What still rests, for the uplinks that there still are. The time since the file was written counts; a clock that was
 * set back does not. The error is a sentence about the text.
 */
export function readPortRests(text: string, slots: SlotAssignment, nowMs: number): Result<PortRest[], string> {
  const parsed = file.safeParse(parseJson(text));
  if (!parsed.success) return err('is not a state file of nptd');
  const elapsedMs = Math.max(0, nowMs - parsed.data.writtenAtMs);
  const rests = [...slots].flatMap(([name, slot]) =>
    (parsed.data.rests[name] ?? []).map(
      ([protocol, internalAddress, internalPort, externalAddress, externalPort, restMs]) => ({
        slot,
        protocol,
        internalAddress,
        internalPort,
        externalAddress,
        externalPort,
        restMs: Math.ceil(restMs - elapsedMs),
      }),
    ),
  );
  return ok(rests.filter(({ restMs }) => restMs > 0));
}

function rowOf(rest: PortRest): number[] {
  const { protocol, internalAddress, internalPort, externalAddress, externalPort, restMs } = rest;
  return [protocol, internalAddress, internalPort, externalAddress, externalPort, restMs];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
