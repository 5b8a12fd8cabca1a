/** The two Internet protocols. */
export type Family = 4 | 6;
export const FAMILIES: readonly Family[] = [4, 6];
