/** Where a packet came in, by its addresses. */
import { describe, expect, it } from 'vitest';
import { readConfigFile } from '../../../src/config/read-file.ts';
import { arrivalOf } from '../../../src/plan/arrival.ts';
import { udp } from '../../support/packet-builder.ts';
import { udp6 } from '../../support/packet-builder-ipv6.ts';
import { fixturePath } from './support.ts';

const read = await readConfigFile(fixturePath('valid/two-isps'));
if (!read.ok) throw new Error('the fixture is valid');
const { config } = read.value;

const of4 = (from: string, to: string) => arrivalOf(config, udp(`${from}:5000`, `${to}:53`));
const of6 = (from: string, to: string) => arrivalOf(config, udp6(from, to, [5000, 53]));

describe('a packet comes in by', () => {
  it('the internal device that leads to its source, routes of inner routers included', () => {
    expect(of4('192.168.1.10', '192.0.2.1')).toBe('office');
    expect(of4('192.168.7.10', '192.0.2.1')).toBe('office');
    expect(of6('fd12:3456:789a:1::10', '2001:db8:ffff::1')).toBe('office');
    expect(of6('fd12:3456:789a:7::10', '2001:db8:ffff::1')).toBe('office');
  });

  it('the internal device also on its way to an external address: a hairpin', () => {
    expect(of4('192.168.1.10', '203.0.113.2')).toBe('office');
  });

  it('the uplink that has its destination', () => {
    expect(of4('192.0.2.1', '203.0.113.2')).toBe('fiber');
    expect(of4('192.0.2.1', '203.0.113.6')).toBe('fiber');
    expect(of4('192.0.2.1', '198.51.100.2')).toBe('lte');
    expect(of6('2001:db8:ffff::1', '2001:db8:a100:1::10')).toBe('fiber');
    expect(of6('2001:db8:ffff::1', '2001:db8:b::2')).toBe('lte');
  });

  it('nobody knows what, where neither is known', () => {
    expect(of4('192.168.2.10', '192.0.2.1')).toBeUndefined();
    expect(of6('2001:db8::1', '2001:db8:ffff::1')).toBeUndefined();
    expect(arrivalOf(config, Uint8Array.of(0x45, 0, 0))).toBeUndefined();
    expect(arrivalOf(config, new Uint8Array())).toBeUndefined();
  });
});
