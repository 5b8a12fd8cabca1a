/** The reference's own SipHash-2-4 against the vector printed in the paper (appendix A). */
import { expect, test } from 'vitest';
import { sipHash24 } from '../../src/reference/siphash.ts';

test('6056-5 SipHash-2-4 of 00 … 0e under the key 00 … 0f is a129ca6149be45e5', () => {
  const key = Uint8Array.from({ length: 16 }, (_, index) => index);
  expect(sipHash24(key, key.slice(0, 15))).toBe(0xa129ca6149be45e5n);
});
