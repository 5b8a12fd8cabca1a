/** Ports that rest across a restart (6888-R8): rows of the state file ↔ what the data plane takes. Pure. */
import { z } from 'zod';
import type { NptdConfig } from '../config/config.ts';
import type { SlotAssignment } from '../plan/slots.ts';
import type { PortRest } from '../reference/translator.ts';

const [ICMP, TCP, UDP, DCCP, UDP_LITE] = [1, 6, 17, 33, 136];

const uint32 = z.int().min(0).max(0xffff_ffff);
const port = z.int().min(0).max(0xffff);

/**
 * By uplink: [protocol, internal address, its port, external address, its port, milliseconds]. Rows are lists, since
 * there may be a quarter of a million of them.
 */
export const restRows = z.record(
  z.string(),
  z.array(z.tuple([z.int().min(0).max(255), uint32, port, uint32, port, z.int().min(0)])),
);

type RestRows = z.infer<typeof restRows>;

/**
 * Only ports under endpoint-independent filtering: of others a new holder hears nothing of those whom the former one
 * spoke to.
 */
export function rowsByUplink(rests: readonly PortRest[], { nat44 }: NptdConfig, slots: SlotAssignment): RestRows {
  const { udp, tcp, icmp, dccp } = nat44.filtering;
  const filterings = new Map([
    [ICMP, icmp],
    [TCP, tcp],
    [UDP, udp],
    [UDP_LITE, udp],
    [DCCP, dccp],
  ]);
  const open = rests.filter(({ protocol }) => filterings.get(protocol) === 'endpoint-independent');
  return Object.fromEntries(
    [...slots].map(([name, slot]) => [name, open.filter((rest) => rest.slot === slot).map(rowOf)]),
  );
}

/** What still rests after so much time, for the uplinks that there still are. */
export function restsOf(rows: RestRows, slots: SlotAssignment, elapsedMs: number): PortRest[] {
  const rests = [...slots].flatMap(([name, slot]) =>
    (rows[name] ?? []).map(
      ([protocol, internalAddress, internalPort, externalAddress, externalPort, restMs]): PortRest => ({
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
  return rests.filter(({ restMs }) => restMs > 0);
}

function rowOf(rest: PortRest): RestRows[string][number] {
  const { protocol, internalAddress, internalPort, externalAddress, externalPort, restMs } = rest;
  return [protocol, internalAddress, internalPort, externalAddress, externalPort, restMs];
}
