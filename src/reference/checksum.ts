/** The Internet checksum by the book: RFC 1071 for a sum over octets, RFC 1624 for a change of single words. */

/** One's complement sum of 16-bit words, folded; an odd last octet is padded with zero (RFC 1071 section 1). */
export function onesComplementSum(octets: Uint8Array, initial = 0): number {
  let sum = initial;
  for (const [index, octet] of octets.entries()) {
    sum += index % 2 === 0 ? octet * 256 : octet;
  }
  return fold(sum);
}

/** The checksum of octets whose checksum field holds zero. */
export function checksumOf(octets: Uint8Array, initial = 0): number {
  return complement(onesComplementSum(octets, initial));
}

/** Whether octets that contain their checksum sum up to all ones. */
export function checksumHolds(octets: Uint8Array, initial = 0): boolean {
  return onesComplementSum(octets, initial) === 0xffff;
}

/** A 16-bit word before and after a change. */
export interface WordChange {
  readonly before: number;
  readonly after: number;
}

/** The two words of a 32-bit value before and after. */
export function wordsOf32(before: number, after: number): WordChange[] {
  return [
    { before: before >>> 16, after: after >>> 16 },
    { before: before & 0xffff, after: after & 0xffff },
  ];
}

/**
 * The checksum after words it covers have changed: HC' = ~(~HC + ~m + m') (RFC 1624 equation 3).
 *
 * A checksum that was wrong stays wrong by the same amount (3022-4.2).
 */
export function updateChecksum(checksum: number, changes: readonly WordChange[]): number {
  const added = changes.reduce((sum, { before, after }) => sum + complement(before) + after, 0);
  return complement(fold(complement(checksum) + added));
}

/** The same for UDP, where zero means "no checksum" and a computed zero is sent as all ones (RFC 768). */
export function updateUdpChecksum(checksum: number, changes: readonly WordChange[]): number {
  if (checksum === 0) {
    return 0; // 3022-4.1b
  }
  return updateUdpLiteChecksum(checksum, changes);
}

/** The same for UDP-Lite, which has no datagrams without checksum (RFC 3828 section 3.1). */
export function updateUdpLiteChecksum(checksum: number, changes: readonly WordChange[]): number {
  const updated = updateChecksum(checksum, changes);
  return updated === 0 ? 0xffff : updated; // 3022-4.1c
}

function complement(word: number): number {
  return ~word & 0xffff;
}

function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) {
    folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  }
  return folded;
}
