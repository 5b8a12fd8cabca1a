/** ICMP and ICMPv6 errors about packets that left the gateway, right and wrong ones. */
import { internetChecksum } from '../support/checksum.ts';
import { concat, icmpError, patched } from '../support/packet-builder.ts';
import { icmpError6 } from '../support/packet-builder-ipv6.ts';
import { ipv4At, ipv6At } from './answer.ts';
import type { ErrorEvent } from './event.ts';
import { fieldsOf } from './flow-packet.ts';

/** ICMPv6 types by the ICMP type of the event. */
const TYPES6: Readonly<Record<number, number>> = { 3: 1, 11: 3, 12: 4, 4: 2, 5: 127, 1: 100, 2: 2 };

/** The error, sent to the source of the packet it quotes. */
export function errorAbout(packet: Uint8Array, event: ErrorEvent): Uint8Array {
  return (packet[0] ?? 0) >> 4 === 6 ? errorAbout6(packet, event) : errorAbout4(packet, event);
}

function errorAbout4(packet: Uint8Array, event: ErrorEvent): Uint8Array {
  const quote = quote4(packet, event);
  const { payload: _none, ...fields } = fieldsOf(event.shape);
  const from = event.by === 'end' ? ipv4At(packet, 16) : router4(packet);
  const word = event.quote === 'rfc4884' ? 32 << 16 : event.word;
  return icmpError(from, ipv4At(packet, 12), quote, { ...fields, type: event.icmp, code: event.code, word });
}

/** An address between the ends: inside for packets that went there. */
function router4(packet: Uint8Array): string {
  return ipv4At(packet, 16).startsWith('10.') ? '10.0.9.1' : '192.0.2.1';
}

function quote4(packet: Uint8Array, { quote, shape }: ErrorEvent): Uint8Array {
  const headerLength = ((packet[0] ?? 0) & 0x0f) * 4;
  switch (quote) {
    case 'whole':
      return packet.slice(0, 548);
    case 'short':
      return packet.slice(0, shape.size % 30);
    case 'eight':
      return packet.slice(0, headerLength + 8);
    case 'rfc4884':
      return concat(
        packet.slice(0, 128),
        new Uint8Array(Math.max(0, 128 - packet.length)),
        Uint8Array.of(0x20, 0, 0xdf, 0xff, 1, 2, 3, 4),
      );
    case 'bad-header':
      return patched(packet.slice(0, 548), 11, shape.size);
    case 'bad-transport':
      return packet.length > headerLength + 18 ? patched(packet.slice(0, 548), headerLength + 6, 0xab) : packet;
    case 'foreign':
      return withFreshHeader(patched(packet.slice(0, 548), 15, shape.size));
  }
}

function withFreshHeader(packet: Uint8Array): Uint8Array {
  const headerLength = ((packet[0] ?? 0) & 0x0f) * 4;
  const zeroed = patched(packet, 10, 0, 0);
  const checksum = internetChecksum(zeroed.subarray(0, headerLength));
  return patched(zeroed, 10, checksum >> 8, checksum & 0xff);
}

function errorAbout6(packet: Uint8Array, event: ErrorEvent): Uint8Array {
  const { quote, shape, code, word } = event;
  const quotes: Readonly<Record<ErrorEvent['quote'], Uint8Array>> = {
    whole: packet.slice(0, 1232),
    short: packet.slice(0, 30 + (shape.size % 20)),
    eight: packet.slice(0, 48),
    rfc4884: packet.slice(0, 128),
    'bad-header': patched(packet.slice(0, 1232), 0, 0x45),
    'bad-transport': patched(packet.slice(0, 1232), 23, shape.size),
    foreign: patched(packet.slice(0, 1232), 29, shape.size),
  };
  const from = event.by === 'end' ? ipv6At(packet, 24) : router6(packet);
  return icmpError6(from, ipv6At(packet, 8), quotes[quote], {
    type: TYPES6[event.icmp] ?? 1,
    code,
    word,
    hopLimit: shape.ttl,
    trafficClass: shape.tos,
    ...(quote === 'short' && shape.dontFragment ? { checksum: 0x1234 } : {}),
  });
}

function router6(packet: Uint8Array): string {
  return ipv6At(packet, 24).startsWith('fd01') ? 'fd01:203:405:109::1' : '2001:db8:fffe::1';
}
