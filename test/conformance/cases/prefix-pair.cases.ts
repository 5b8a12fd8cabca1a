/** Which prefix pairs a plan may hold: RFC 6296 section 4.1 beyond the configuration vectors. */
import { expect } from 'vitest';
import { prefixPair, twoUplinks } from '../../support/plans.ts';
import type { Case } from '../case.ts';

const GOOD_INTERNAL = 'fd01:203:405::/48';
const GOOD_EXTERNAL = '2001:db8:1::/48';

const REFUSED: readonly { readonly what: string; readonly prefix: string }[] = [
  { what: 'longer than 64 bits', prefix: '2001:db8:1::/65' },
  { what: 'of length 0', prefix: '::/0' },
  { what: 'with bits beyond its length', prefix: '2001:db8:1::1/48' },
  { what: 'that overlaps multicast', prefix: 'ff00::/12' },
  { what: 'that covers link-local addresses', prefix: 'fe00::/8' },
  { what: 'inside the link-local range', prefix: 'fe80:1::/32' },
  { what: 'that covers the loopback address', prefix: '::/64' },
  { what: 'that covers everything up to 7fff', prefix: '::/1' },
];

export const prefixPairCases: readonly Case[] = [
  ...REFUSED.flatMap(({ what, prefix }) =>
    [prefixPair(prefix, GOOD_EXTERNAL), prefixPair(GOOD_INTERNAL, prefix)].map(
      (pair, index): Case => ({
        name: `6296-4.1b an ${['internal', 'external'][index]} prefix ${what} is refused`,
        run: (bed) => {
          expect(() => bed.plan(twoUplinks({ a6: { pairs: [pair] } }))).toThrow();
        },
      }),
    ),
  ),
  {
    name: '6296-4.1b any forwardable unicast prefix of 1 to 64 bits is taken, on either side',
    run: (bed) => {
      for (const prefix of ['2000::/3', 'fc00::/7', '2001:db8::/32', '2001:db8:1:2::/64', 'fec0::/10']) {
        bed.plan(
          twoUplinks({
            a6: { pairs: [prefixPair(prefix, GOOD_EXTERNAL)] },
            b6: { pairs: [prefixPair(GOOD_INTERNAL, prefix)] },
          }),
        );
      }
      expect(bed.sessions()).toEqual([]);
    },
  },
];
