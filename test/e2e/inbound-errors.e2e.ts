import { afterAll, beforeAll, expect, test } from 'vitest';
import { INTERNET, ISP_A } from '../../src/demo/site.ts';
import { TestBed } from './test-bed.ts';

let bed: TestBed;

beforeAll(async () => {
  bed = await TestBed.open();
});
afterAll(() => bed?.close());

const CLOSED_PORT = '9999';

test.each([
  ['4787-R12b', INTERNET.dns4],
  ['6296b-ICMP1', INTERNET.dns6],
])('%s: a port unreachable of %s reaches the socket that caused it', async (_id, server) => {
  // The kernel hands the error to the socket only if every octet of the quote is the client's own view of it.
  const query = ['dig', '+time=3', '+tries=1', '-p', CLOSED_PORT, `@${server}`, 'A', 'www.example'];
  const { stdout, ms } = await bed.site.client.run(query);
  expect(stdout).toMatch(/connection refused/i);
  expect(ms).toBeLessThan(2000);
});

test.each([
  ['5382-R9', INTERNET.web4, 'icmp type host-unreachable', 'ip'],
  ['6296b-ICMP1', INTERNET.web6, 'icmpv6 type no-route', 'ip6'],
])(
  '%s: an unreachable from a router on the way ends a connection attempt to %s at once',
  async (_id, server, reject, family) => {
    await bed.site.isp(ISP_A).nft(`table inet refuse { chain forward {
    type filter hook forward priority -5;
    ${family} daddr ${server} tcp dport 81 reject with ${reject}
  }; }`);
    const { stderr, ms } = await bed.site.client.run([
      'curl',
      '-sS',
      '-m',
      '5',
      `http://${server.includes(':') ? `[${server}]` : server}:81/`,
    ]);
    await bed.site.isp(ISP_A).nft('delete table inet refuse');
    expect(stderr).toMatch(/no route to host|network is unreachable|couldn't connect/i);
    expect(ms).toBeLessThan(2000);
  },
);
