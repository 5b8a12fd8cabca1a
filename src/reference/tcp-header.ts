/** The header of a TCP segment (RFC 9293 section 3.1). */
import { readU8, readU16, readU32 } from './octets.ts';
import type { TcpHeader } from './packet.ts';
import { optionValueAt } from './tcp-options.ts';

/** RFC 7323 section 2. */
const OPTION_WINDOW_SCALE = 3;
const OPTION_WINDOW_SCALE_LENGTH = 3;
const WINDOW_SCALE_MAX = 14;

/** Undefined where the header is cut short or contradicts the packet. */
export function readTcp(payload: Uint8Array): TcpHeader | undefined {
  if (payload.length < 20) {
    return undefined;
  }
  const headerLength = (readU8(payload, 12) >> 4) * 4;
  if (headerLength < 20 || headerLength > payload.length) {
    return undefined;
  }
  const flags = readU8(payload, 13);
  return {
    kind: 'tcp',
    sourcePort: readU16(payload, 0),
    destinationPort: readU16(payload, 2),
    sequence: readU32(payload, 4),
    acknowledgement: readU32(payload, 8),
    flags: {
      fin: (flags & 0x01) !== 0,
      syn: (flags & 0x02) !== 0,
      rst: (flags & 0x04) !== 0,
      ack: (flags & 0x10) !== 0,
    },
    window: readU16(payload, 14),
    ...readWindowScale(payload),
    payloadLength: payload.length - headerLength,
  };
}

function readWindowScale(segment: Uint8Array): Pick<TcpHeader, 'windowScale'> {
  const at = optionValueAt(segment, OPTION_WINDOW_SCALE, OPTION_WINDOW_SCALE_LENGTH);
  return at === undefined ? {} : { windowScale: Math.min(readU8(segment, at), WINDOW_SCALE_MAX) };
}
