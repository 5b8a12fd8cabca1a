/** Which uplink's sessions count in the IPv6 filter: those of the targeted one in a hairpin, and after the ISP of the source all others (RFC 6296, 8028). */
import { expect } from 'vitest';
import type { Plan } from '../../../src/plan/plan.ts';
import { filtered, H1, Q6, R6 } from '../../support/filtered-plan.ts';
import { icmpError6, readdressed, udp6 } from '../../support/packet-builder-ipv6.ts';
import { DEVICES, device, ISP_A, ISP_B, LAN, prefixPair, UPLINK_A6, UPLINK_B6 } from '../../support/plans.ts';
import type { Case } from '../case.ts';

const OUT = [40000, 80] as const;
const BACK = [80, 40000] as const;

/** Elsewhere at first, then in a prefix that uplink A has got as well. */
const TAKEN = '2001:db8:7:1::9';

/** Uplink B is preferred. */
function withPairOf(taken: boolean): Plan {
  const more = taken ? [prefixPair('fd01:203:407::/48', '2001:db8:7::/48')] : [];
  return filtered(
    {},
    { a6: { pairs: [...UPLINK_A6.pairs, ...more] }, epochA: taken ? 1 : 0, plan: { policies: [{ prefer: [1, 0] }] } },
  );
}

const targeted: readonly Case[] = [
  {
    name: '6296-4.3b in a hairpin a session of another uplink does not count: the sender gets one on the targeted uplink',
    plan: withPairOf(false),
    run: (bed) => {
      expect(bed.passes(LAN, udp6(H1, TAKEN, OUT))).toBe(true);
      bed.plan(withPairOf(true));
      bed.drops(LAN, udp6(H1, TAKEN, OUT), 'FilteredInbound');
      expect(bed.sessions().map(({ uplinkSlot, remote }) => [uplinkSlot, remote])).toEqual([
        [1, `[${TAKEN}]:80`],
        [0, `[${TAKEN}]:80`],
      ]);
    },
  },
  {
    name: '6092-R10, 6296b-ICMP7 nor does it, or any other session of the endpoint there, for what an error in a hairpin is about',
    plan: withPairOf(false),
    run: (bed) => {
      expect(bed.passes(LAN, udp6(H1, TAKEN, OUT))).toBe(true);
      const error = icmpError6(H1, TAKEN, udp6(TAKEN, H1, BACK), { type: 1, code: 4 });
      expect(bed.passes(LAN, error)).toBe(true);
      bed.plan(withPairOf(true));
      bed.drops(LAN, error, 'IcmpQuoteUnknown');
    },
  },
];

/** An address of H1 in the prefix of ISP B. */
const OF_B = '2001:db8:5555:10::1234';

/** Hosts hold the prefix of ISP B, which uplink A translates while B is down. */
function nativeB(usable: boolean): Plan {
  const ofB = prefixPair('2001:db8:5555::/48', '2001:db8:5555::/48');
  return filtered(
    {},
    {
      a6: { pairs: [...UPLINK_A6.pairs, prefixPair('2001:db8:5555::/48', '2001:db8:1::/48')] },
      b6: { usable, pairs: [ofB, ...UPLINK_B6.pairs] },
      plan: {
        devices: [device({ ipv6: ['fd01:203:405:1::1/64', '2001:db8:5555:10::1/64'] }), ...DEVICES.slice(1)],
        routes: [],
      },
    },
  );
}

const ofIsp: readonly Case[] = [
  {
    name: '8028-3 when the ISP of a source is back its new flows leave by it, though the endpoint speaks on another uplink; the old one stays',
    plan: nativeB(false),
    run: (bed) => {
      const old = udp6(OF_B, Q6, OUT);
      const translated = readdressed(old, { from: '2001:db8:1:5564::1234' });
      bed.forwards(LAN, old, ISP_A, translated);
      bed.plan(nativeB(true));
      bed.forwards(LAN, udp6(OF_B, R6, OUT), ISP_B, udp6(OF_B, R6, OUT));
      bed.forwards(LAN, old, ISP_A, translated);
    },
  },
];

export const filterTargetCases: readonly Case[] = [...targeted, ...ofIsp];
