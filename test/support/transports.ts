/** Protocols that are mapped by port, each with the packets that open, answer and call unasked. */
import { type DccpFields, dccp } from './dccp-builder.ts';
import { type Ipv4Fields, tcp, udp } from './packet-builder.ts';
import { udpLite } from './udp-lite-builder.ts';

export type PacketOf = (
  from: string,
  to: string,
  fields?: Ipv4Fields & { readonly payload?: Uint8Array },
) => Uint8Array;

export interface Transport {
  readonly name: 'udp' | 'tcp' | 'udp-lite' | 'dccp';
  /** Of IP. */
  readonly protocol: number;
  /** The first packet of a flow, from either side. */
  readonly open: PacketOf;
  /** What the other side answers. */
  readonly answer: PacketOf;
  /** What both sides send from then on. */
  readonly data: PacketOf;
}

export const UDP: Transport = { name: 'udp', protocol: 17, open: udp, answer: udp, data: udp };

export const TCP: Transport = {
  name: 'tcp',
  protocol: 6,
  open: (from, to, fields) => tcp(from, to, 'SYN', fields),
  answer: (from, to, fields) => tcp(from, to, 'SYN,ACK', fields),
  data: (from, to, fields) => tcp(from, to, 'PSH,ACK', fields),
};

export const UDP_LITE: Transport = { name: 'udp-lite', protocol: 136, open: udpLite, answer: udpLite, data: udpLite };

const dccpOf =
  (type: Parameters<typeof dccp>[2]): PacketOf =>
  (from, to, fields: DccpFields = {}) =>
    dccp(from, to, type, fields);

export const DCCP: Transport = {
  name: 'dccp',
  protocol: 33,
  open: dccpOf('Request'),
  answer: dccpOf('Response'),
  data: dccpOf('DataAck'),
};

export const TRANSPORTS: readonly Transport[] = [UDP, TCP, UDP_LITE, DCCP];
