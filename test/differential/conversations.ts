/** What internal hosts have said in TCP connections, as it left by uplinks. */
import type { Said } from './flow-packet.ts';
import { ends6Of } from './packet6.ts';

const CONVERSATIONS_MAX = 64;

export class Conversations {
  readonly #said = new Map<string, Said>();

  /** Notes a packet that left by an uplink, if it is a TCP segment that acknowledges or opens. */
  note(packet: Uint8Array): void {
    if ((packet[0] ?? 0) >> 4 === 6) {
      this.#note6(packet);
      return;
    }
    if (packet.length < 40 || packet[9] !== 6 || (packet[0] ?? 0) >> 4 !== 4) {
      return;
    }
    const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
    const at = (view.getUint8(0) & 0x0f) * 4;
    const isLaterFragment = (view.getUint16(6) & 0x1fff) > 0;
    if (isLaterFragment || packet.length < at + 20) {
      return;
    }
    const external = endpoint(view.getUint32(12), view.getUint16(at));
    const remote = endpoint(view.getUint32(16), view.getUint16(at + 2));
    this.#remember(`${external} ${remote}`, saidIn(packet.subarray(at)));
  }

  /** Extension headers are few enough to be left out. */
  #note6(packet: Uint8Array): void {
    const ends = packet.length >= 60 && packet[6] === 6 ? ends6Of(packet) : undefined;
    if (ends !== undefined) {
      this.#remember(`${ends.from} ${ends.to}`, saidIn(packet.subarray(40)));
    }
  }

  /** @param external as in rows of sessions: `203.0.113.2:80` */
  said(external: string, remote: string): Said | undefined {
    return this.#said.get(`${external} ${remote}`);
  }

  #remember(key: string, said: Said): void {
    this.#said.delete(key);
    this.#said.set(key, said);
    const oldest = this.#said.keys().next();
    if (this.#said.size > CONVERSATIONS_MAX && oldest.done !== true) {
      this.#said.delete(oldest.value);
    }
  }
}

/** What a segment says. */
export function saidIn(segment: Uint8Array): Said {
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength);
  const flags = view.getUint8(13);
  const payload = segment.length - (view.getUint8(12) >> 4) * 4;
  return {
    acknowledged: view.getUint32(8),
    end: (view.getUint32(4) + payload + ((flags >> 1) & 1) + (flags & 1)) >>> 0,
    window: view.getUint16(14),
  };
}

function endpoint(address: number, port: number): string {
  return `${address >>> 24}.${(address >>> 16) & 0xff}.${(address >>> 8) & 0xff}.${address & 0xff}:${port}`;
}
