import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatIpv4Address,
  type Ipv4Address,
  ipv4Address,
  isIpv4Unicast,
  parseIpv4Address,
} from '../../../src/net/ipv4-address.ts';
import {
  formatIpv6Address,
  ipv6Address,
  ipv6FromOctets,
  ipv6ToOctets,
  isIpv6RoutedUnicast,
  parseIpv6Address,
} from '../../../src/net/ipv6-address.ts';

const anyIpv4 = fc.integer({ min: 0, max: 0xffff_ffff }).map(ipv4Address);
const anyIpv6 = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map(ipv6Address);
/** Words that are often zero, so that `::` meets every position. */
const sparseIpv6 = fc
  .array(fc.constantFrom(0, 0, 0, 1, 0xffff), { minLength: 8, maxLength: 8 })
  .map((words) => ipv6Address(words.reduce((value, word) => (value << 16n) | BigInt(word), 0n)));

function ipv6(text: string): ReturnType<typeof ipv6Address> {
  const address = parseIpv6Address(text);
  if (address === undefined) throw new Error(`${text} is refused`);
  return address;
}

describe('an IPv4 address', () => {
  it('is the number of its four octets', () => {
    expect(parseIpv4Address('192.0.2.1')).toBe(0xc000_0201);
    expect(parseIpv4Address('255.255.255.255')).toBe(0xffff_ffff);
  });

  it.each(['010.1.1.1', '127.1', '0x7f.1.1.1', '1.2.3.4.5', '256.1.1.1', ' 1.2.3.4', '1.2.3.4/24', ''])(
    'refuses %j',
    (text) => {
      expect(parseIpv4Address(text)).toBeUndefined();
    },
  );

  it('survives formatting', () => {
    fc.assert(fc.property(anyIpv4, (address) => parseIpv4Address(formatIpv4Address(address)) === address));
  });

  it('knows which addresses are those of one host', () => {
    const unicast = ['0.0.0.0', '1.0.0.1', '127.0.0.1', '223.255.255.255', '224.0.0.1', '255.255.255.255'].filter(
      (text) => isIpv4Unicast(parseIpv4Address(text) as Ipv4Address),
    );
    expect(unicast).toEqual(['1.0.0.1', '223.255.255.255']);
  });

  it('has 32 bits', () => {
    expect(() => ipv4Address(2 ** 32)).toThrow(RangeError);
    expect(() => ipv4Address(-1)).toThrow(RangeError);
  });
});

describe('an IPv6 address', () => {
  it.each([
    ['2001:DB8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('writes %s as %s (RFC 5952)', (text, canonical) => {
    expect(formatIpv6Address(ipv6(text))).toBe(canonical);
  });

  it.each(['fe80::1%eth0', '1::2::3', '12345::', '2001:db8::1/64', '1:2:3:4:5:6:7', '', ':::'])(
    'refuses %j',
    (text) => {
      expect(parseIpv6Address(text)).toBeUndefined();
    },
  );

  it('survives formatting and octets', () => {
    fc.assert(
      fc.property(fc.oneof(anyIpv6, sparseIpv6), (address) => {
        expect(parseIpv6Address(formatIpv6Address(address))).toBe(address);
        expect(ipv6FromOctets(ipv6ToOctets(address))).toBe(address);
      }),
    );
  });

  it('knows which addresses are those of one host beyond its link', () => {
    const texts = ['::', '::1', '::ffff:1.2.3.4', 'fe80::1', 'febf::1', 'fec0::1', 'ff02::1', 'fd00::1', '2001:db8::1'];
    expect(texts.filter((text) => isIpv6RoutedUnicast(ipv6(text)))).toEqual(['fec0::1', 'fd00::1', '2001:db8::1']);
  });

  it('has 128 bits in 16 octets', () => {
    expect(() => ipv6Address(1n << 128n)).toThrow(RangeError);
    expect(() => ipv6FromOctets(new Uint8Array(15))).toThrow(RangeError);
  });
});
