/** A conversation from its first packet on: what both ends say goes on from what they said before. */
import type { ProtocolName } from '../../src/reference/translator.ts';
import { ipv4At } from './answer.ts';
import type { DialogueEvent, DialogueStep } from './event.ts';
import { type Flow, flowPacket } from './flow-packet.ts';
import type { Arrival, History } from './history.ts';

/** One side of a conversation: where its packets come in, and between which endpoints. */
interface View {
  readonly device: number;
  readonly from: string;
  readonly to: string;
}

/** The packets after the first one, which has to have been forwarded; each is made when the one before it is through. */
export function* dialogue({ steps }: DialogueEvent, first: Arrival, history: History): Generator<Arrival> {
  const views = viewsOf(first, history);
  if (views === undefined) {
    return;
  }
  for (const step of steps) {
    const { device, from, to } = views[step.side];
    const flow: Flow = {
      protocol: views.protocol,
      from,
      to,
      side: step.side,
      said: history.conversations.said(views.external.to, views.external.from),
    };
    yield { device, packet: flowPacket(flow, step.shape, step.speech) };
  }
}

const PROTOCOLS: Readonly<Record<number, ProtocolName>> = { 6: 'tcp', 17: 'udp', 33: 'dccp', 136: 'udp-lite' };

function viewsOf(
  first: Arrival,
  { left, plan }: History,
): (Readonly<Record<DialogueStep['side'], View>> & { readonly protocol: ProtocolName }) | undefined {
  const last = left.at(-1);
  const [before, after] = [endsOf(first.packet), last && endsOf(last.packet)];
  const protocol = PROTOCOLS[first.packet[9] ?? 0];
  if (last === undefined || before === undefined || after === undefined || protocol === undefined) {
    return undefined;
  }
  const [sent, arrived] = [
    { device: first.device, from: before.source, to: before.destination },
    { device: last.device, from: after.destination, to: after.source },
  ];
  const isInternal = (device: number) => plan.devices[device]?.uplinkSlot === undefined;
  if (isInternal(first.device) === isInternal(last.device)) {
    return undefined;
  }
  return isInternal(first.device)
    ? { protocol, internal: sent, external: arrived }
    : { protocol, internal: arrived, external: sent };
}

/** `address:port` of both ends of a packet with ports. */
function endsOf(packet: Uint8Array): { readonly source: string; readonly destination: string } | undefined {
  const at = ((packet[0] ?? 0) & 0x0f) * 4;
  if ((packet[0] ?? 0) >> 4 !== 4 || packet.length < at + 4 || PROTOCOLS[packet[9] ?? 0] === undefined) {
    return undefined;
  }
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  return {
    source: `${ipv4At(packet, 12)}:${view.getUint16(at)}`,
    destination: `${ipv4At(packet, 16)}:${view.getUint16(at + 2)}`,
  };
}
