/** The packets that are measured: 1,024 flows of 64-octet frames, without their link header. */
import { echoRequest, ipv4, tcp, udp } from '../../test/support/packet-builder.ts';
import { udp6 } from '../../test/support/packet-builder-ipv6.ts';

export const FLOWS = 1024;
const PAYLOAD = new Uint8Array(18);

/** Flows from 64 hosts: UDP, and every eighth an echo. */
export function internalPackets4(): Uint8Array[] {
  return Array.from({ length: FLOWS }, (_, flow) => {
    const host = `10.0.0.${11 + (flow % 64)}`;
    const port = 2000 + Math.floor(flow / 64);
    return flow % 8 === 7
      ? echoRequest(host, '192.0.2.10', port, { payload: PAYLOAD })
      : udp(`${host}:${port}`, '192.0.2.10:443', { payload: PAYLOAD });
  });
}

/** Packets of the same shape that open TCP connections, to see what a new mapping costs. */
export function synPackets4(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, flow) => {
    const host = `10.0.0.${11 + (flow % 64)}`;
    return tcp(`${host}:${2000 + Math.floor(flow / 64)}`, '192.0.2.10:443', 'SYN');
  });
}

/** The answer to an outgoing UDP packet or echo: addresses, ports and echo type exchanged. */
export function answer4(outgoing: Uint8Array): Uint8Array {
  const view = new DataView(outgoing.buffer, outgoing.byteOffset, outgoing.byteLength);
  const address = (at: number): string => [...outgoing.subarray(at, at + 4)].join('.');
  const [source, destination] = [address(12), address(16)];
  if (outgoing[9] === 17) {
    const to = `${source}:${view.getUint16(20)}`;
    return udp(`${destination}:${view.getUint16(22)}`, to, { payload: PAYLOAD });
  }
  const reply = outgoing.slice();
  const replyView = new DataView(reply.buffer);
  replyView.setUint32(12, ipv4(destination));
  replyView.setUint32(16, ipv4(source));
  replyView.setUint8(20, 0);
  // An echo reply differs from its request by 0x0800 in the summed words.
  const sum = view.getUint16(22) + 0x0800;
  replyView.setUint16(22, (sum & 0xffff) + (sum >>> 16));
  return reply;
}

export function internalPackets6(): Uint8Array[] {
  return Array.from({ length: FLOWS }, (_, flow) =>
    udp6(`fd01:203:405:1::${(0x100 + flow).toString(16)}`, '2001:db8:ffff::53', [5000 + (flow % 16), 443]),
  );
}

/** The answer to an outgoing UDP packet. */
export function answer6(outgoing: Uint8Array): Uint8Array {
  const groups = (at: number): string =>
    Array.from({ length: 8 }, (_, group) => {
      const view = new DataView(outgoing.buffer, outgoing.byteOffset + at + group * 2, 2);
      return view.getUint16(0).toString(16);
    }).join(':');
  const ports = new DataView(outgoing.buffer, outgoing.byteOffset + 40, 4);
  return udp6(groups(24), groups(8), [ports.getUint16(2), ports.getUint16(0)]);
}
