/** One address through one pair. The vectors of RFC 6296 run against the whole engine elsewhere. */
import { describe, expect, it } from 'vitest';
import { mapAddress6 } from '../../../src/native/map-address.ts';
import { NativeError } from '../../../src/native/unwrap-error.ts';
import { ipv6 } from '../../support/packet-builder-ipv6.ts';
import { prefixPair } from '../../support/plans.ts';

describe('mapAddress6', () => {
  // RFC 6296 section 3.1's own example.
  const pair = prefixPair('fd01:203:405::/48', '2001:db8:1::/48');

  it('6296-3.1a maps the example of RFC 6296 both ways', () => {
    const [internal, external] = [ipv6('fd01:203:405:1::1234'), ipv6('2001:db8:1:d550::1234')];
    expect(mapAddress6(pair, 'outbound', internal, false)).toEqual({ address: external });
    expect(mapAddress6(pair, 'inbound', external, false)).toEqual({ address: internal });
  });

  it('names the reason where there is no other form', () => {
    expect(mapAddress6(pair, 'outbound', ipv6('fd01:203:405:ffff::1'), false)).toEqual({ drop: 'SubnetNotMapped' });
    expect(mapAddress6(pair, 'outbound', ipv6('fd01:203:406::1'), false)).toEqual({ drop: 'SourceNotInternal' });
  });

  it('6296-3.7b translates an all-zeros interface identifier only if told to', () => {
    const longer = prefixPair('fd01:203:405:1::/64', '2001:db8:1:2::/64');
    const zero = ipv6('fd01:203:405:1::');
    expect(mapAddress6(longer, 'outbound', zero, false)).toEqual({ drop: 'InterfaceIdAllZeros' });
    expect(mapAddress6(longer, 'outbound', zero, true)).toHaveProperty('address');
  });

  it('refuses what is no address and no pair, with the path', () => {
    const good = ipv6('fd01:203:405:1::1');
    expect(() => mapAddress6(pair, 'outbound', new Uint8Array(4), false)).toThrow(
      expect.objectContaining({ code: 'InvalidArgument', path: 'address' }),
    );
    expect(() => mapAddress6({ ...pair, internalLength: 65 }, 'outbound', good, false)).toThrow(
      expect.objectContaining({ code: 'InvalidArgument', path: 'pair' }),
    );
    expect(() => mapAddress6({ ...pair, externalLength: -1 }, 'outbound', good, false)).toThrow(NativeError);
  });
});
