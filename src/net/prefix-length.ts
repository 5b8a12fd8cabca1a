/** Reads a prefix length in decimal without leading zeros; undefined beyond `bits`. */
export function parsePrefixLength(text: string, bits: number): number | undefined {
  if (!/^(0|[1-9]\d{0,2})$/.test(text)) return undefined;
  const length = Number(text);
  return length <= bits ? length : undefined;
}
