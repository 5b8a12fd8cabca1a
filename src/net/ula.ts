import { createHash } from 'node:crypto';
import { ipv6Address } from './ipv6-address.ts';
import { type Ipv6Prefix, ipv6PrefixCovering } from './ipv6-prefix.ts';

/** Seconds from the NTP era (1900) to the Unix epoch (RFC 5905 section 6). */
const NTP_UNIX_OFFSET_S = 2_208_988_800n;
const FD00_8 = 0xfdn;

export interface UlaSeed {
  /** 64-bit NTP timestamp: seconds since 1900, then the fraction. */
  readonly ntpTime: bigint;
  /** 64-bit identifier of the system. */
  readonly eui64: bigint;
}

/**
 * A unique local /48: fd00::/8 and the 40 lowest bits of SHA-1 over time and EUI-64
 * (RFC 4193 section 3.2.2; 4193-3.1, 4193-3.2.1, 4193-3.2.2).
 */
export function ulaPrefix(seed: UlaSeed): Ipv6Prefix {
  const key = Buffer.alloc(16);
  key.writeBigUInt64BE(seed.ntpTime, 0);
  key.writeBigUInt64BE(seed.eui64, 8);
  const digest = createHash('sha1').update(key).digest();
  const globalId = BigInt(digest.readUIntBE(digest.length - 5, 5));
  return ipv6PrefixCovering(ipv6Address((FD00_8 << 120n) | (globalId << 80n)), 48);
}

/** The NTP timestamp of an instant in milliseconds since the Unix epoch, within its 64 bits. */
export function ntpTimeFromUnixMs(unixMs: number): bigint {
  const ms = BigInt(Math.floor(unixMs));
  const seconds = ms / 1000n + NTP_UNIX_OFFSET_S;
  const fraction = ((ms % 1000n) << 32n) / 1000n;
  return BigInt.asUintN(64, (seconds << 32n) | fraction);
}
