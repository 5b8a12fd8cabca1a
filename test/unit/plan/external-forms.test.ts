import { describe, expect, it } from 'vitest';
import { parseIpv4Address } from '../../../src/net/ipv4-address.ts';
import { parseIpv6Address } from '../../../src/net/ipv6-address.ts';
import { type AddressForm, addressForms4, addressForms6 } from '../../../src/plan/external-forms.ts';
import { configOf, fixtureConfig, referenceMap } from './support.ts';

const config = fixtureConfig('valid/two-isps');

function forms4(text: string, of = config): AddressForm[] {
  const address = parseIpv4Address(text);
  if (address === undefined) throw new Error(`${text} is refused`);
  return addressForms4(of, address);
}

function forms6(text: string, of = config): AddressForm[] {
  const address = parseIpv6Address(text);
  if (address === undefined) throw new Error(`${text} is refused`);
  return addressForms6(of, address, referenceMap);
}

describe('forms of an IPv6 address', () => {
  it('are one external address on each uplink, and the way back is the same (6296-3.6)', () => {
    const outbound = forms6('fd12:3456:789a:1::1234');
    expect(outbound.map(({ uplink, direction }) => [uplink, direction])).toEqual([
      ['fiber', 'outbound'],
      ['lte', 'outbound'],
    ]);
    for (const { uplink, external = '' } of outbound) {
      expect(forms6(external)).toEqual([
        { uplink, direction: 'inbound', translator: 'nptv6', internal: 'fd12:3456:789a:1::1234', external },
      ]);
    }
  });

  it('are those of RFC 6296 section 3.6', () => {
    const rfc = configOf(`internal: { office: { device: { tap: lan0 }, ipv6: "fd01:203:405:1::1/64" } }
uplinks:
  a:
    device: { tap: wan0 }
    ipv6: { address: "2001:db8::2/64", gateway: "fe80::1", prefix: "2001:db8:1::/48", internal: "fd01:203:405::/48" }
`);
    expect(forms6('fd01:203:405:1::1234', rfc).map(({ external }) => external)).toEqual(['2001:db8:1:d550::1234']);
  });

  it('name the reason where there is none', () => {
    expect(forms6('fd12:3456:789a:ffff::1')).toMatchObject([
      { uplink: 'fiber', internal: 'fd12:3456:789a:ffff::1', drop: 'SubnetNotMapped' },
      { uplink: 'lte', drop: 'SubnetNotMapped' },
    ]);
  });

  it('are none for an address of neither side', () => {
    expect(forms6('2001:db8:ffff::1')).toEqual([]);
  });
});

describe('forms of an IPv4 address', () => {
  it('are the pool of each uplink for an internal host, behind inner routers too', () => {
    const pool = ['203.0.113.2', '203.0.113.4', '203.0.113.5', '203.0.113.6'];
    for (const address of ['192.168.1.10', '192.168.7.10']) {
      expect(forms4(address)).toEqual([
        { uplink: 'fiber', direction: 'outbound', translator: 'nat44', internal: address, pool },
        { uplink: 'lte', direction: 'outbound', translator: 'nat44', internal: address, external: '198.51.100.2' },
      ]);
    }
  });

  it('leave an address alone on an uplink with nat44 off', () => {
    expect(forms4('192.168.1.10', fixtureConfig('valid/twin-modems')).at(-1)).toEqual({
      uplink: 'vpn',
      direction: 'outbound',
      translator: 'none',
      internal: '192.168.1.10',
      external: '192.168.1.10',
    });
  });

  it('name the uplink of a pool address', () => {
    expect(forms4('203.0.113.5')).toEqual([
      { uplink: 'fiber', direction: 'inbound', translator: 'nat44', external: '203.0.113.5' },
    ]);
    expect(forms4('203.0.113.3')).toEqual([]);
  });
});
