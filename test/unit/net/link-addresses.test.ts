import { describe, expect, it } from 'vitest';
import { linkLocalFromMac, modifiedEui64 } from '../../../src/net/eui64.ts';
import { formatIpv6Address } from '../../../src/net/ipv6-address.ts';
import { formatIpv6Prefix } from '../../../src/net/ipv6-prefix.ts';
import {
  formatMacAddress,
  isMacUnicast,
  type MacAddress,
  macFromName,
  macToOctets,
  parseMacAddress,
} from '../../../src/net/mac-address.ts';
import { ntpTimeFromUnixMs, ulaPrefix } from '../../../src/net/ula.ts';

function mac(text: string): MacAddress {
  const parsed = parseMacAddress(text);
  if (parsed === undefined) throw new Error(`${text} is refused`);
  return parsed;
}

describe('a MAC address', () => {
  it('reads colons and dashes and writes colons', () => {
    expect(formatMacAddress(mac('00:1B:21:3c:9d:7e'))).toBe('00:1b:21:3c:9d:7e');
    expect(formatMacAddress(mac('ff-00-00-00-00-01'))).toBe('ff:00:00:00:00:01');
    expect([...macToOctets(mac('ff:00:01:80:00:fe'))]).toEqual([0xff, 0, 1, 0x80, 0, 0xfe]);
  });

  it.each(['00:1b:21:3c:9d', '00:1b-21:3c:9d:7e', '001b213c9d7e', '0:1b:21:3c:9d:7e', '00:1b:21:3c:9d:7g'])(
    'refuses %j',
    (text) => {
      expect(parseMacAddress(text)).toBeUndefined();
    },
  );

  it('from a name is stable, locally administered and not a group', () => {
    const names = Array.from({ length: 200 }, (_, index) => `wan${index}`);
    const made = names.map(macFromName);
    expect(names.map(macFromName)).toEqual(made);
    expect(new Set(made).size).toBe(names.length);
    expect(made.every((value) => ((macToOctets(value)[0] ?? 0) & 0x03) === 0x02)).toBe(true);
  });

  it('is the address of one station unless its group bit is set', () => {
    expect([mac('02:00:00:00:00:01'), mac('01:00:5e:00:00:01'), mac('00:00:00:00:00:00')].map(isMacUnicast)).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('identifiers made from a MAC address', () => {
  it('invert the universal/local bit and put ff:fe in the middle (RFC 4291 appendix A)', () => {
    expect(modifiedEui64(mac('00:1b:21:3c:9d:7e')).toString(16)).toBe('21b21fffe3c9d7e');
    expect(formatIpv6Address(linkLocalFromMac(mac('00:1b:21:3c:9d:7e')))).toBe('fe80::21b:21ff:fe3c:9d7e');
  });
});

describe('a unique local prefix', () => {
  it('is SHA-1 over time and EUI-64 (4193-3.2.2)', () => {
    const ntpTime = 0xe8d4_a510_8000_0000n;
    const prefixes = [0x001b_21ff_fe3c_9d7en, modifiedEui64(mac('00:1b:21:3c:9d:7e'))].map((eui64) =>
      formatIpv6Prefix(ulaPrefix({ ntpTime, eui64 })),
    );
    expect(prefixes).toEqual(['fd65:adfa:4f3f::/48', 'fd1a:2481:f95f::/48']);
  });

  it('does not repeat over 10 000 instants and stays in fd00::/8 (4193-3.1, 4193-3.2.1)', () => {
    const prefixes = Array.from({ length: 10_000 }, (_, ms) =>
      formatIpv6Prefix(ulaPrefix({ ntpTime: ntpTimeFromUnixMs(1_700_000_000_000 + ms), eui64: 1n })),
    );
    expect(new Set(prefixes).size).toBe(prefixes.length);
    expect(prefixes.every((prefix) => /^fd[0-9a-f]{2}:.*::\/48$/.test(prefix))).toBe(true);
  });

  it('takes the NTP time of the clock: the Unix epoch is second 2208988800, and half a second is half the fraction', () => {
    expect(ntpTimeFromUnixMs(0)).toBe(2_208_988_800n << 32n);
    expect(ntpTimeFromUnixMs(1500)).toBe((2_208_988_801n << 32n) | 0x8000_0000n);
  });
});
