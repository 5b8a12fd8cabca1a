/** Stations that have, or want, an IPv6 address of the gateway (RFC 4862 section 5.4). */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ping } from '../../src/demo/clients.ts';
import type { Namespace } from '../../src/demo/network.ts';
import { INTERNET, ISP_B } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { SharedLink } from './shared-link.ts';
import { TestBed } from './test-bed.ts';

const OWN = 'fd12:3456:789a:2::1';
const SECOND = 'fd12:3456:789a:2::2';
/** Until the second question, and the rest for a busy machine. */
const ASKED_MS_MAX = 6000;

let bed: TestBed;
let link: SharedLink;
let holder: Namespace;
let taker: Namespace;

beforeAll(async () => {
  bed = await TestBed.open({
    before: async (network) => {
      link = await SharedLink.create(network, 'link');
      holder = await network.add('holder');
      taker = await network.add('taker');
      await link.join(holder, 'eth0', 'port0');
      await link.join(taker, 'eth0', 'port1');
      await taker.set({ 'ipv6/conf/eth0/accept_dad': '1' });
      await holder.ip(`address add ${OWN}/64 dev eth0 nodad`);
    },
    change: (config, prefix) => {
      const hosts = { device: { tap: 'lan1', netns: `${prefix}link` }, ipv6: [`${OWN}/64`, `${SECOND}/64`] };
      return { ...config, internal: { ...(config.internal as object), hosts } };
    },
  });
  await link.attach('lan1');
});
afterAll(() => bed?.close());

async function macOf(station: Namespace, device: string): Promise<string> {
  const text = await station.runOrThrow(['ip', '-j', 'link', 'show', 'dev', device]);
  return (JSON.parse(text) as readonly { readonly address: string }[])[0]?.address ?? '';
}

/** What the log says of an address, once it says anything. */
async function conflict(address: string): Promise<Record<string, unknown>> {
  const isIt = (line: string) => line.includes('"address-conflict"') && line.includes(`"${address}"`);
  return JSON.parse(await bed.gateway.process.waitForLine(isIt, ASKED_MS_MAX)) as Record<string, unknown>;
}

test('a station that had the address first is found, although it was not on the link at once', async () => {
  const mac = await macOf(holder, 'eth0');
  expect(await conflict(OWN)).toMatchObject({ level: 'error', device: 'lan1', netns: link.namespace.name, mac });
});

test('one that wants an address of the gateway does not get it, and is told of', async () => {
  await taker.ip(`address add ${SECOND}/64 dev eth0`);
  const failed = async () => {
    const text = await taker.runOrThrow(['ip', '-6', 'address', 'show', 'dev', 'eth0', 'to', SECOND]);
    return text.includes('dadfailed') ? true : undefined;
  };
  expect(await until(failed, ASKED_MS_MAX)).toBe(true);
  expect(await conflict(SECOND)).toMatchObject({ mac: await macOf(taker, 'eth0') });
});

test('nor does one on the link of an uplink', async () => {
  const isp = bed.site.isp(ISP_B);
  await isp.set({ [`ipv6/conf/${ISP_B.device}/accept_dad`]: '1' });
  await isp.ip(`address add ${ISP_B.ipv6.own}/128 dev ${ISP_B.device}`);
  const mac = await macOf(isp, ISP_B.device);
  expect(await conflict(ISP_B.ipv6.own)).toMatchObject({ device: ISP_B.device, netns: isp.name, mac });
});

test('nptd status names them all', async () => {
  const { conflicts } = await bed.status();
  expect(conflicts.map(({ address }) => address)).toEqual([OWN, SECOND, ISP_B.ipv6.own]);
  const text = (await bed.gateway.command('status', '--socket', bed.socket)).stdout;
  expect(text).toContain(`lan1: another station (${await macOf(holder, 'eth0')}) has ${OWN}`);
});

test('the gateway goes on', async () => {
  const result = await ping(bed.site.client, INTERNET.probe6, 3);
  expect(result, result.text).toMatchObject({ sent: 3, received: 3 });
});
