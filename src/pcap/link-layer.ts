import { LINK_TYPE } from './format.ts';

const ETHER_TYPE = { ipv4: 0x0800, ipv6: 0x86dd, vlan: 0x8100, serviceVlan: 0x88a8 } as const;

/** Where the type of the payload stands, and where the payload begins. */
const HEADERS: Readonly<Record<number, { readonly type: number; readonly length: number }>> = {
  [LINK_TYPE.ethernet]: { type: 12, length: 14 },
  [LINK_TYPE.cooked]: { type: 14, length: 16 },
  [LINK_TYPE.cooked2]: { type: 0, length: 20 },
};

const BARE: readonly number[] = [LINK_TYPE.raw, LINK_TYPE.ipv4, LINK_TYPE.ipv6];

/** Whether packets can be found in captures of this link type. */
export function isKnownLinkType(linkType: number): boolean {
  return BARE.includes(linkType) || HEADERS[linkType] !== undefined;
}

/**
 * The IP packet in a frame, without what pads the frame; undefined where there is none (ARP, for example). VLAN tags are
 * skipped. A packet that claims to be longer than its frame is left as it is: that is for the engine to judge.
 */
export function ipPacketOf(linkType: number, frame: Uint8Array): Uint8Array | undefined {
  const packet = BARE.includes(linkType) ? frame : payloadOf(linkType, frame);
  const length = packet === undefined ? undefined : ipLength(packet);
  return length === undefined ? undefined : packet?.subarray(0, length);
}

function payloadOf(linkType: number, frame: Uint8Array): Uint8Array | undefined {
  const header = HEADERS[linkType];
  if (header === undefined) return undefined;
  let { type: typeAt, length: at } = header;
  for (;;) {
    const type = word(frame, typeAt);
    if (type === ETHER_TYPE.ipv4 || type === ETHER_TYPE.ipv6) return frame.subarray(at);
    if (type !== ETHER_TYPE.vlan && type !== ETHER_TYPE.serviceVlan) return undefined;
    typeAt = at + 2;
    at += 4;
  }
}

/** As the header says; undefined if it is no IP header. */
function ipLength(packet: Uint8Array): number | undefined {
  switch ((packet[0] ?? 0) >> 4) {
    case 4:
      return word(packet, 2);
    case 6:
      return 40 + (word(packet, 4) ?? 0);
    default:
      return undefined;
  }
}

function word(octets: Uint8Array, at: number): number | undefined {
  const [high, low] = [octets[at], octets[at + 1]];
  return high === undefined || low === undefined ? undefined : high * 256 + low;
}
