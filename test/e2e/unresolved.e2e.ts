import { afterAll, beforeAll, expect, test } from 'vitest';
import { ping } from '../../src/demo/clients.ts';
import type { Namespace, Network } from '../../src/demo/network.ts';
import { CLIENT } from '../../src/demo/site.ts';
import { type ConfigObject, TestBed } from './test-bed.ts';

/** A second internal subnet, on which there is one guest and otherwise nobody. */
const GUEST = { gateway4: '192.168.2.1', gateway6: 'fd12:3456:789a:2::1', ipv4: '192.168.2.10' };
const NOBODY = { ipv4: '192.168.2.99', ipv6: 'fd12:3456:789a:2::99' };

let bed: TestBed;
let guest: Namespace;

async function addGuest(network: Network): Promise<void> {
  guest = await network.add('guest');
}

function addDevice(config: ConfigObject, prefix: string): ConfigObject {
  const device = { tap: 'lan1', netns: `${prefix}guest` };
  const guests = { device, ipv4: `${GUEST.gateway4}/24`, ipv6: `${GUEST.gateway6}/64` };
  return { ...config, internal: { ...(config.internal as object), guests } };
}

beforeAll(async () => {
  bed = await TestBed.open({ before: addGuest, change: addDevice });
  await guest.ip(
    'link set lan1 up',
    `address add ${GUEST.ipv4}/24 dev lan1`,
    `route add default via ${GUEST.gateway4}`,
  );
});
afterAll(() => bed?.close());

// Address resolution is given up after three requests, a second apart; ping ends with the error.
test.each([
  ['1812-UNREACH', NOBODY.ipv4, CLIENT.gateway4, 'Destination Host Unreachable'],
  ['4443-DU', NOBODY.ipv6, CLIENT.gateway6, 'Destination unreachable: Address unreachable'],
])('%s: the client hears that nobody on the link has %s', async (_id, target, gateway, words) => {
  const { received, text } = await ping(bed.site.client, target, 1, '-W', '8');
  expect(received, text).toBe(0);
  expect(text).toMatch(new RegExp(`^From ${gateway}:? icmp_seq=1 ${words}$`, 'm'));
});

test('who is there answers', async () => {
  const { received, text } = await ping(bed.site.client, GUEST.ipv4, 3);
  expect(received, text).toBe(3);
});
