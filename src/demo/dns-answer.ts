/** A DNS server of one thought: enough of RFC 1035 to answer a real `dig` for any name. */
import { isIPv4 } from 'node:net';

export interface DnsData {
  /** For A questions: four octets. */
  readonly a: Uint8Array;
  /** For AAAA questions: sixteen octets. */
  readonly aaaa: Uint8Array;
  /** For TXT questions about a name: ASCII. */
  readonly txt: (name: string) => string;
}

const HEADER = 12;
const TYPE_A = 1;
const TYPE_TXT = 16;
const TYPE_AAAA = 28;
/** Response, authoritative, recursion available; the question's opcode and "recursion desired" are kept. */
const FLAGS_RESPONSE = 0x8480;
const FLAGS_KEPT = 0x7900;
/** Longest string of a TXT record, which has as many as it needs. */
const STRING_MAX = 255;

/** The answer to a query of one question, or undefined if it is none. */
export function answerDns(query: Buffer, data: DnsData): Buffer | undefined {
  if (query.length < HEADER || query.readUInt16BE(4) !== 1 || (query[2] ?? 0) >= 0x80) return undefined;
  const question = readName(query);
  if (question === undefined || question.end + 4 > query.length) return undefined;
  const type = query.readUInt16BE(question.end);
  const record = recordData(type, question.name, data);
  const header = Buffer.from(query.subarray(0, HEADER));
  header.writeUInt16BE((header.readUInt16BE(2) & FLAGS_KEPT) | FLAGS_RESPONSE, 2);
  header.writeUInt16BE(record === undefined ? 0 : 1, 6);
  header.writeUInt32BE(0, 8);
  const asked = query.subarray(HEADER, question.end + 4);
  return Buffer.concat([header, asked, record === undefined ? Buffer.alloc(0) : answerRecord(type, record)]);
}

/** The name of the question, and where it ends. */
function readName(query: Buffer): { readonly name: string; readonly end: number } | undefined {
  const labels: string[] = [];
  let at = HEADER;
  for (let length = query[at]; length !== undefined && length < 64; length = query[at]) {
    if (length === 0) return { name: labels.join('.'), end: at + 1 };
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return undefined;
}

function recordData(type: number, name: string, data: DnsData): Uint8Array | undefined {
  if (type === TYPE_A) return data.a;
  if (type === TYPE_AAAA) return data.aaaa;
  if (type === TYPE_TXT) return Buffer.concat(strings(Buffer.from(data.txt(name), 'ascii')));
  return undefined;
}

function strings(octets: Buffer): Buffer[] {
  const count = Math.max(1, Math.ceil(octets.length / STRING_MAX));
  return Array.from({ length: count }, (_, index) => {
    const string = octets.subarray(index * STRING_MAX, (index + 1) * STRING_MAX);
    return Buffer.from([string.length, ...string]);
  });
}

/** A resource record about the name of the question, to which it points back. */
function answerRecord(type: number, record: Uint8Array): Buffer {
  const fixed = Buffer.alloc(12);
  fixed.writeUInt16BE(0xc000 | HEADER, 0);
  fixed.writeUInt16BE(type, 2);
  fixed.writeUInt16BE(1, 4);
  fixed.writeUInt32BE(60, 6);
  fixed.writeUInt16BE(record.length, 10);
  return Buffer.concat([fixed, record]);
}

/** The octets of an address in text. */
export function addressOctets(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const left = groups(head);
  const right = groups(tail ?? '');
  const middle: number[] = new Array(8 - left.length - right.length).fill(0);
  return Uint8Array.from([...left, ...middle, ...right].flatMap((group) => [group >> 8, group & 0xff]));
}
