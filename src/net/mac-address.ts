import { createHash } from 'node:crypto';

declare const brand: unique symbol;

/** A 48-bit link address as a number: 02:00:00:00:00:01 is 0x020000000001. */
export type MacAddress = number & { readonly [brand]: 'MacAddress' };

const OCTETS = 6;

/** The address with this number; throws a `RangeError` if it has more than 48 bits. */
function macAddress(value: number): MacAddress {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** 48) throw new RangeError(`${value} is not a MAC address`);
  return value as MacAddress;
}

/** Reads six pairs of hexadecimal digits, all joined by `:` or all by `-`; anything else is undefined. */
export function parseMacAddress(text: string): MacAddress | undefined {
  if (!/^[0-9a-f]{2}([:-])[0-9a-f]{2}(\1[0-9a-f]{2}){4}$/i.test(text)) return undefined;
  return macAddress(Number.parseInt(text.replace(/[:-]/g, ''), 16));
}

export function formatMacAddress(mac: MacAddress): string {
  return Array.from(macToOctets(mac), (octet) => octet.toString(16).padStart(2, '0')).join(':');
}

/** Six octets in network order. */
export function macToOctets(mac: MacAddress): Uint8Array {
  return Uint8Array.from({ length: OCTETS }, (_, index) => Math.floor(mac / 256 ** (OCTETS - 1 - index)) % 256);
}

/** Whether the group bit is clear and the address is not all zeros: it can be the address of one station. */
export function isMacUnicast(mac: MacAddress): boolean {
  return mac !== 0 && Math.floor(mac / 2 ** 40) % 2 === 0;
}

/** A locally administered unicast address that depends on the name alone, so that neighbours keep it over restarts. */
export function macFromName(name: string): MacAddress {
  const digest = createHash('sha256').update(`nptd device ${name}`).digest();
  const first = (digest.readUInt8(0) & 0xfc) | 0x02;
  return macAddress(first * 2 ** 40 + digest.readUIntBE(1, OCTETS - 1));
}
