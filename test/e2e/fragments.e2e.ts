import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ping } from '../../src/demo/clients.ts';
import { LONG_ANSWER } from '../../src/demo/content.ts';
import type { Namespace } from '../../src/demo/network.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { TestBed } from './test-bed.ts';

/** Datagrams that a host has put together of IPv4 fragments. */
async function reassembled(host: Namespace): Promise<number> {
  const text = await host.runOrThrow(['sh', '-c', "grep '^Ip:' /proc/net/snmp | tail -1"]);
  return Number(text.split(' ')[15]);
}

describe.each([
  { isp: ISP_A, other: ISP_B },
  { isp: ISP_B, other: ISP_A },
])('fragments through NAT44 of $isp.name', ({ isp, other }) => {
  let bed: TestBed;

  beforeAll(async () => {
    bed = await TestBed.open({ prefer: [isp, other] });
  });
  afterAll(() => bed?.close());

  test.each([1473, 3000, 20_000])(
    '4787-R14, 8900-1: an echo of %s octets, in fragments there and back',
    async (size) => {
      const before = await Promise.all([bed.site.client, bed.site.internet].map(reassembled));
      const result = await ping(bed.site.client, INTERNET.web4, 5, '-s', `${size}`);
      expect(result, result.text).toMatchObject({ sent: 5, received: 5 });
      const after = await Promise.all([bed.site.client, bed.site.internet].map(reassembled));
      expect(after.map((count, index) => count - (before[index] ?? 0))).toEqual([5, 5]);
    },
  );

  test('8900-3: a DNS answer of 3,000 octets arrives over UDP', async () => {
    const before = await reassembled(bed.site.client);
    const query = ['dig', '+short', '+notcp', '+ignore', '+bufsize=4096', '+time=2', '+tries=1', `@${INTERNET.dns4}`];
    const answer = await bed.site.client.runOrThrow([...query, 'TXT', LONG_ANSWER.name]);
    expect(answer.replace(/["\s]/g, '')).toBe(LONG_ANSWER.text);
    expect(await reassembled(bed.site.client)).toBe(before + 1);
    const [asked] = bed.log().filter(({ service, local }) => service === 'dns' && local === INTERNET.dns4);
    expect(asked?.remote).toBe(isp.ipv4.own);
  });

  test('3022-6.3: two hosts that send fragments to one server at a time hear each its own', async () => {
    // Each has a pattern of its own, which ping looks for in the answers.
    const second = '192.168.1.77';
    await bed.site.client.ip(`address add ${second}/24 dev ${CLIENT.device}`);
    const results = await Promise.all(
      [CLIENT.ipv4, second].map((from, index) =>
        ping(bed.site.client, INTERNET.web4, 20, '-s', '3000', '-I', from, '-p', `${index + 1}${index + 1}`),
      ),
    );
    for (const { text, received } of results) {
      expect(received, text).toBe(20);
      expect(text).not.toContain('wrong data byte');
    }
  });

  test('fragments leave no trace among drops', async () => {
    const verdicts = await bed.verdicts();
    expect([verdicts.FragmentRefused ?? 0, verdicts.FragmentStoreFull ?? 0, verdicts.FragmentNotTracked ?? 0]).toEqual([
      0, 0, 0,
    ]);
  });
});
