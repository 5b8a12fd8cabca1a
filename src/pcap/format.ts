/** The classic format of packet captures: a header of 24 octets, then records with headers of 16. */

export const FILE_HEADER_OCTETS = 24;
export const RECORD_HEADER_OCTETS = 16;

/** First word of the file; its octet order is that of all others, its value the unit of fractions of a second. */
export const MAGIC = { microseconds: 0xa1b2c3d4, nanoseconds: 0xa1b23c4d } as const;

/** First words of what is mistaken for a capture. */
export const OTHER_MAGIC = { pcapng: 0x0a0d0d0a, modified: 0xa1b2cd34, gzip: 0x1f8b } as const;

/** What comes before the IP header, by the numbers of tcpdump.org/linktypes.html. */
export const LINK_TYPE = { ethernet: 1, raw: 101, cooked: 113, ipv4: 228, ipv6: 229, cooked2: 276 } as const;

/** Longest record that is believed, the largest snapshot length that common programs write. */
export const RECORD_OCTETS_MAX = 262_144;

/** One record of a capture. */
export interface CapturedPacket {
  /** Microseconds since 1970, with a fraction where the file has one. */
  readonly timeUs: number;
  /** From its link header on; a view of the file. */
  readonly octets: Uint8Array;
  /** Whether more octets were on the wire than in the file. */
  readonly cut: boolean;
}
