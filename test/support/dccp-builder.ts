/** DCCP packets for tests (RFC 4340, Listen: RFC 5596). */
import { concat, type Ipv4Fields, ip4, split, transportChecksum } from './packet-builder.ts';

export const DCCP = 33;

/** In the order of their numbers. */
export const DCCP_TYPES = [
  'Request',
  'Response',
  'Data',
  'Ack',
  'DataAck',
  'CloseReq',
  'Close',
  'Reset',
  'Sync',
  'SyncAck',
  'Listen',
] as const;

export type DccpType = (typeof DCCP_TYPES)[number];

export interface DccpFields extends Ipv4Fields {
  /** Application data. */
  readonly payload?: Uint8Array;
  /** DCCP options, a multiple of 4 octets. */
  readonly dccpOptions?: Uint8Array;
  /** 0: all; 1: header and options; n: n - 1 words of application data too. */
  readonly coverage?: number;
  /** Of Request, Response and Listen. */
  readonly serviceCode?: number;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  /** Of 24 bits, for Data, Ack and DataAck only. */
  readonly shortSequence?: boolean;
  /** In words. */
  readonly dataOffset?: number;
  readonly checksum?: number;
}

/** A DCCP packet between two endpoints like `10.0.0.11:5000`. */
export function dccp(from: string, to: string, type: DccpType, fields: DccpFields = {}): Uint8Array {
  const [source, destination] = [split(from), split(to)];
  const start = concat(
    new Uint8Array(fields.shortSequence === true ? 12 : 16),
    acknowledgement(type, fields),
    fixedPart(type, fields),
    fields.dccpOptions ?? new Uint8Array(),
  );
  const packet = concat(start, fields.payload ?? new Uint8Array());
  const coverage = fields.coverage ?? 0;
  const view = new DataView(packet.buffer);
  view.setUint16(0, source.port);
  view.setUint16(2, destination.port);
  view.setUint8(4, fields.dataOffset ?? start.length / 4);
  view.setUint8(5, coverage);
  view.setUint8(8, (DCCP_TYPES.indexOf(type) << 1) | (fields.shortSequence === true ? 0 : 1));
  if (fields.shortSequence === true)
    view.setUint32(8, (view.getUint8(8) << 24) | ((fields.sequence ?? 1000) & 0xffffff));
  else view.setUint32(12, fields.sequence ?? 1000);
  const covered = coverage === 0 ? packet.length : Math.min(start.length + (coverage - 1) * 4, packet.length);
  const computed = transportChecksum(source.address, destination.address, DCCP, packet, covered);
  view.setUint16(6, fields.checksum ?? computed);
  return ip4(source.address, destination.address, DCCP, packet, fields);
}

/** The acknowledgement subheader, which all but Request, Data and Listen have. */
function acknowledgement(type: DccpType, fields: DccpFields): Uint8Array {
  if (type === 'Request' || type === 'Data' || type === 'Listen') return new Uint8Array();
  const subheader = new Uint8Array(fields.shortSequence === true ? 4 : 8);
  new DataView(subheader.buffer).setUint32(subheader.length - 4, fields.acknowledgement ?? 1000);
  return subheader;
}

/** What the type adds: a service code, or why a connection is reset. */
function fixedPart(type: DccpType, fields: DccpFields): Uint8Array {
  const part = new Uint8Array(['Request', 'Response', 'Listen', 'Reset'].includes(type) ? 4 : 0);
  if (part.length > 0 && type !== 'Reset') new DataView(part.buffer).setUint32(0, fields.serviceCode ?? 0x52545047);
  return part;
}
