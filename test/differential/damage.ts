/** What the world does to packets: cuts, padding, flipped octets, fragments. */
import { internetChecksum } from '../support/checksum.ts';
import { concat } from '../support/packet-builder.ts';
import type { Damage } from './event.ts';

export function damaged(packet: Uint8Array, damage: Damage): Uint8Array {
  switch (damage.kind) {
    case 'none':
      return packet;
    case 'truncate':
      return packet.slice(0, Math.floor((packet.length * damage.permille) / 1000));
    case 'extend':
      return concat(packet, new Uint8Array(damage.octets).fill(0xee));
    case 'patch': {
      const changed = packet.slice();
      changed[Math.floor((packet.length * damage.permille) / 1001)] = damage.value;
      return damage.repairHeader ? repaired(changed) : changed;
    }
    case 'fragment': {
      const changed = packet.slice();
      if (isIpv4(changed)) {
        new DataView(changed.buffer).setUint16(6, (damage.more ? 0x2000 : 0) | (damage.offset / 8));
      }
      return repaired(changed);
    }
  }
}

/** The packet with a right IPv4 header checksum, so that what is wrong is found further on. */
function repaired(packet: Uint8Array): Uint8Array {
  const headerLength = ((packet[0] ?? 0) & 0x0f) * 4;
  if (!isIpv4(packet) || headerLength < 20 || headerLength > packet.length) {
    return packet;
  }
  const view = new DataView(packet.buffer);
  view.setUint16(10, 0);
  view.setUint16(10, internetChecksum(packet.subarray(0, headerLength)));
  return packet;
}

function isIpv4(packet: Uint8Array): boolean {
  return packet.length >= 20 && (packet[0] ?? 0) >> 4 === 4;
}
