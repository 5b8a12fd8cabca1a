import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../../src/config/duration.ts';
import { nearestName } from '../../../src/config/nearest.ts';
import * as values from '../../../src/config/values.ts';

const WEEK = { minMs: 0, maxMs: 7 * 86_400_000 };

/** The sentence about a text; undefined if it is accepted. */
function complaint(parse: (text: string) => values.Value<unknown>, text: string): string | undefined {
  const parsed = parse(text);
  return parsed.ok ? undefined : parsed.error;
}

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['2.5s', 2500],
    ['10m', 600_000],
    ['2 h', 7_200_000],
    ['0s', 0],
  ])('%s is %i milliseconds', (text, ms) => {
    expect(parseDuration(text, WEEK)).toEqual({ ok: true, value: ms });
  });

  it.each([
    ['500', '"500" needs a unit: ms, s, m or h, like 500s'],
    ['3d', '"d" is not a unit: ms, s, m or h, like 3s'],
    ['-1s', '"-1s" is not a duration; write a number and a unit, like 500ms, 30s, 10m or 2h'],
    ['0.5ms', '"0.5ms" is finer than a millisecond'],
    ['200h', '"200h" is above 168h'],
  ])('%s is refused', (text, sentence) => {
    expect(complaint((input) => parseDuration(input, WEEK), text)).toBe(sentence);
  });

  it('reads back what was written', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.nat(WEEK.maxMs),
          fc.nat(10_000).map((s) => s * 1000),
        ),
        (ms) => {
          expect(parseDuration(formatDuration(ms), WEEK)).toEqual({ ok: true, value: ms });
        },
      ),
    );
  });
});

describe('values that are refused', () => {
  it.each([
    [values.ipv4Unicast, '010.1.1.1', '"010.1.1.1" is not an IPv4 address'],
    [values.ipv4Unicast, '224.0.0.1', '224.0.0.1 is not the address of one host'],
    [values.ipv4Interface, '192.168.1.1', '192.168.1.1 has no prefix length: write 192.168.1.1/24, say'],
    [
      values.ipv4Interface,
      '192.168.1.0/24',
      "192.168.1.0/24 is not a host's address: it is the first or the last of its prefix",
    ],
    [
      values.ipv4Prefix,
      '192.168.1.1/24',
      '192.168.1.1/24 has bits set beyond its length: the prefix is 192.168.1.0/24',
    ],
    [values.ipv4Prefix, 'ten', '"ten" is not an IPv4 prefix'],
    [values.ipv6Interface, 'fe80::1/64', 'fe80::1/64 is link-local: every device has such an address by itself'],
    [
      values.ipv6Interface,
      'fd00::/64',
      'fd00::/64 is the address of all routers of its prefix (RFC 4291 section 2.6.1): choose another one',
    ],
    [values.ipv6Interface, 'ff02::1/64', 'ff02::1/64 is not the address of one host'],
    [values.ipv6Prefix, 'fd00::1/48', 'fd00::1/48 has bits set beyond its length: the prefix is fd00::/48'],
    [values.probeTarget, 'fe80::1', "fe80::1 is link-local: a target beyond the ISP's router says more"],
    [values.poolEntry, '203.0.113.x', '"203.0.113.x" is not an IPv4 address or prefix'],
    [values.portRange, '1024', '"1024" is not a range of ports like 1024-65535'],
    [values.portRange, '0-70', '"0-70" goes beyond the ports 1-65535'],
    [values.portRange, '90-80', '"90-80" ends before it begins'],
    [values.unicastMac, '01:00:5e:00:00:01', '01:00:5e:00:00:01 is not the address of one station'],
    [
      values.deviceName,
      'a-name-of-16-oct',
      '"a-name-of-16-oct" is not an interface name: at most 15 printable ASCII characters, without "/", ":" and "%"',
    ],
    [
      values.deviceName,
      'tap%d',
      '"tap%d" is not an interface name: at most 15 printable ASCII characters, without "/", ":" and "%"',
    ],
    [values.netnsName, '../etc', '"../etc" is not the name of a network namespace as in "ip netns"'],
    [values.socketPath, 'nptd.sock', '"nptd.sock" is not an absolute path'],
  ])('%o of %j', (parse, text, sentence) => {
    expect(complaint(parse, text)).toBe(sentence);
  });
});

describe('the nearest name', () => {
  it.each([
    ['wieght', ['weight', 'height'], 'weight'],
    ['gatway', ['address', 'gateway'], 'gateway'],
    ['Fiber', ['lte', 'fiber'], 'fiber'],
    ['cable', ['lte', 'fiber'], undefined],
    ['x', ['y'], 'y'],
    ['', [], undefined],
  ])('to %j among %j is %j', (name, candidates, nearest) => {
    expect(nearestName(name, candidates)).toBe(nearest);
  });
});
