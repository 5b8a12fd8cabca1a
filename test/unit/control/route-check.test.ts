import { expect, test } from 'vitest';
import { covers } from '../../../src/control/probe/route-check.ts';

test.each([
  ['default', 4, '192.0.2.1', true],
  ['192.0.2.0/24', 4, '192.0.2.1', true],
  ['192.0.2.0/24', 4, '192.0.3.1', false],
  ['192.0.2.1', 4, '192.0.2.1', true],
  ['192.0.2.2', 4, '192.0.2.1', false],
  ['default', 6, '2001:db8::1', true],
  ['2001:db8::/32', 6, '2001:db8::1', true],
  ['2001:db8::1', 6, '2001:db8::1', true],
  ['fe80::/64', 6, '2001:db8::1', false],
  ['unknown word', 4, '192.0.2.1', false],
] as const)('a route to %s covers IPv%i target %s: %s', (destination, family, target, wanted) => {
  expect(covers(destination, family, target)).toBe(wanted);
});
