/** A new prefix from one ISP, taken over by the library while a transfer runs through the other. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createNptd, type Nptd } from '../../src/api/nptd.ts';
import { whoAmI } from '../../src/demo/clients.ts';
import { contentDigest } from '../../src/demo/content.ts';
import { Network } from '../../src/demo/network.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B, type Isp, Site } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { changeUplink, siteConfig, startServers } from './test-bed.ts';

const PREFIX = `nptd-${process.pid}-renumbering-`;
const NEW_SPACE = '2001:db8:b200::/48';
/** At this rate the transfer takes as long as all that happens meanwhile. */
const LENGTH = 30_000_000;
const RATE = '2M';

let network: Network;
let site: Site;
let nptd: Nptd;

/** The client publishes its web server, so that both directions can be asked for. */
function configText(prefer: readonly Isp[], spaceOfB: string): string {
  const config = siteConfig({ prefer }, PREFIX, '/run/nptd/unused.sock');
  const renumbered = changeUplink(config, ISP_B, (uplink) => ({
    ...uplink,
    ipv6: { ...(uplink.ipv6 as object), prefix: spaceOfB },
  }));
  return JSON.stringify({ ...renumbered, publish: { web: { to: CLIENT.ipv6, tcp: [80] } } });
}

/** The ISP delegates another prefix, and carries and accepts it beside the old one. */
async function delegate(): Promise<void> {
  const isp = site.isp(ISP_B);
  await isp.ip(`route add ${NEW_SPACE} via ${ISP_B.ipv6.own} dev ${ISP_B.device} onlink`);
  await isp.nft(`insert rule inet ingress prerouting ip6 saddr ${NEW_SPACE} accept`);
  await site.internet.ip(`route add ${NEW_SPACE} via 2001:db8:fffe:${ISP_B.transit}::1`);
}

const bothUp = async () => {
  const { uplinks } = nptd.status();
  return uplinks.every(({ ipv4, ipv6 }) => ipv4?.health === 'up' && ipv6?.health === 'up') ? true : undefined;
};

/** Sessions of the transfer. */
const transfers = async () =>
  (await nptd.sessions()).filter(({ internal, remote }) => internal.startsWith('[') && remote.includes('::53]:80'));

beforeAll(async () => {
  network = new Network(PREFIX);
  site = await Site.create(network);
  await startServers(site.internet, ...Object.values(INTERNET));
  nptd = createNptd(configText([ISP_A, ISP_B], ISP_B.ipv6.prefix));
  await nptd.start();
  await site.configureDevices();
  await startServers(site.client, CLIENT.ipv6);
  expect(await until(bothUp, 8000)).toBe(true);
});
afterAll(async () => {
  await nptd?.close();
  await network?.close();
});

test('a transfer through A goes on untouched while B gets another prefix, which new connections have', async () => {
  const curl = `curl -sS --limit-rate ${RATE} --max-time 100 'http://[${INTERNET.dns6}]/octets/${LENGTH}'`;
  const transfer = site.client.start(['sh', '-c', `${curl} | sha256sum`]);
  const [session] = (await until(async () => ((await transfers()).length > 0 ? transfers() : undefined), 5000)) ?? [];
  expect(session?.external).toMatch(/^\[2001:db8:a100:/);

  await nptd.apply(configText([ISP_B, ISP_A], ISP_B.ipv6.prefix));
  const before = (await whoAmI(site.client, INTERNET.web6))?.address ?? 'none';
  expect(before).toMatch(/^2001:db8:b100:/);
  expect(await whoAmI(site.internet, before)).toBeDefined();

  await delegate();
  await nptd.apply(configText([ISP_B, ISP_A], NEW_SPACE));
  const after = (await whoAmI(site.client, INTERNET.web6))?.address ?? 'none';
  expect(after).toMatch(/^2001:db8:b200:/);
  expect(await whoAmI(site.internet, after)).toBeDefined();
  expect(await whoAmI(site.internet, before, 0.5)).toBeUndefined();

  expect(transfer.exitCode, 'the transfer is over too early to have been disturbed').toBeUndefined();
  expect(await transfers()).toMatchObject([{ external: session?.external, uplinkSlot: session?.uplinkSlot }]);
  expect(await transfer.ended()).toBe(0);
  expect(transfer.lines[0]).toContain(contentDigest(LENGTH));
  for (const isp of [ISP_A, ISP_B]) expect(await site.foreignSources(isp)).toBe(0);
});

test('no session of B is left from before the change', async () => {
  const external = (await nptd.sessions()).map((row) => row.external);
  expect(external.filter((own) => own.startsWith('[2001:db8:b200:'))).not.toEqual([]);
  expect(external.filter((own) => own.startsWith('[2001:db8:b100:'))).toEqual([]);
});
