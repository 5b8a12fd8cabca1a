import { describe, expect, it } from 'vitest';
import { parseIpv4Address } from '../../../src/net/ipv4-address.ts';
import {
  formatIpv4Prefix,
  type Ipv4Prefix,
  ipv4Broadcast,
  ipv4PrefixContains,
  ipv4PrefixesOverlap,
  isIpv4Host,
  parseIpv4Interface,
  parseIpv4Prefix,
} from '../../../src/net/ipv4-prefix.ts';
import {
  formatIpv6Interface,
  formatIpv6Prefix,
  type Ipv6Prefix,
  ipv6PrefixCovers,
  ipv6PrefixesOverlap,
  parseIpv6Interface,
  parseIpv6Prefix,
} from '../../../src/net/ipv6-prefix.ts';

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('refused');
  return value;
}
const prefix4 = (text: string): Ipv4Prefix => found(parseIpv4Prefix(text));
const prefix6 = (text: string): Ipv6Prefix => found(parseIpv6Prefix(text));
const ipv4 = (text: string) => found(parseIpv4Address(text));

describe('an IPv4 prefix', () => {
  it('has no bits beyond its length', () => {
    expect(formatIpv4Prefix(prefix4('192.168.1.0/24'))).toBe('192.168.1.0/24');
    expect(parseIpv4Prefix('192.168.1.1/24')).toBeUndefined();
    expect(formatIpv4Prefix(found(parseIpv4Interface('203.0.113.133/25')).prefix)).toBe('203.0.113.128/25');
  });

  it.each(['192.168.1.0', '192.168.1.0/33', '192.168.1.0/024', '192.168.1.0/', '192.168.1/24', '/24'])(
    'refuses %j',
    (text) => {
      expect(parseIpv4Interface(text)).toBeUndefined();
    },
  );

  it('contains the addresses of its length, to both ends of the space', () => {
    expect(ipv4PrefixContains(prefix4('0.0.0.0/0'), ipv4('255.1.2.3'))).toBe(true);
    expect(ipv4PrefixContains(prefix4('192.168.0.0/23'), ipv4('192.168.1.255'))).toBe(true);
    expect(ipv4PrefixContains(prefix4('192.168.0.0/23'), ipv4('192.168.2.0'))).toBe(false);
    expect(ipv4PrefixContains(prefix4('255.255.255.255/32'), ipv4('255.255.255.255'))).toBe(true);
  });

  it('overlaps what it covers or is covered by', () => {
    expect(ipv4PrefixesOverlap(prefix4('10.0.0.0/8'), prefix4('10.1.0.0/16'))).toBe(true);
    expect(ipv4PrefixesOverlap(prefix4('10.1.0.0/16'), prefix4('10.0.0.0/8'))).toBe(true);
    expect(ipv4PrefixesOverlap(prefix4('10.0.0.0/16'), prefix4('10.1.0.0/16'))).toBe(false);
  });

  it('keeps its first and last address from hosts, but not on point-to-point links', () => {
    expect(ipv4Broadcast(prefix4('192.168.1.0/24'))).toBe(ipv4('192.168.1.255'));
    expect(ipv4Broadcast(prefix4('192.168.1.0/31'))).toBeUndefined();
    const hosts = ['192.168.1.0', '192.168.1.1', '192.168.1.255', '192.168.2.1'].filter((text) =>
      isIpv4Host(prefix4('192.168.1.0/24'), ipv4(text)),
    );
    expect(hosts).toEqual(['192.168.1.1']);
    expect(isIpv4Host(prefix4('192.168.1.0/31'), ipv4('192.168.1.0'))).toBe(true);
  });
});

describe('an IPv6 prefix', () => {
  it('has no bits beyond its length', () => {
    expect(formatIpv6Prefix(prefix6('FD12:3456:789A::/48'))).toBe('fd12:3456:789a::/48');
    expect(parseIpv6Prefix('fd12::1/64')).toBeUndefined();
    expect(formatIpv6Interface(found(parseIpv6Interface('fd12:0::1/64')))).toBe('fd12::1/64');
    expect(formatIpv6Prefix(prefix6('::/0'))).toBe('::/0');
  });

  it.each(['fd12::', 'fd12::/129', 'fd12::/-1', 'fd12::%1/64', 'fd12::/6 4'])('refuses %j', (text) => {
    expect(parseIpv6Interface(text)).toBeUndefined();
  });

  it('covers longer prefixes inside it and overlaps both ways', () => {
    expect(ipv6PrefixCovers(prefix6('fd12::/48'), prefix6('fd12:0:0:1::/64'))).toBe(true);
    expect(ipv6PrefixCovers(prefix6('fd12:0:0:1::/64'), prefix6('fd12::/48'))).toBe(false);
    expect(ipv6PrefixesOverlap(prefix6('fd12:0:0:1::/64'), prefix6('fd12::/48'))).toBe(true);
    expect(ipv6PrefixesOverlap(prefix6('fd12:0:0:1::/64'), prefix6('fd12:0:0:2::/64'))).toBe(false);
    expect(ipv6PrefixCovers(prefix6('::/0'), prefix6('ffff::/16'))).toBe(true);
  });
});
