/** What the demo does, chapter by chapter. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { download, ping, type SeenFrom, traceroute, whoAmI, whoAmIByDns } from './clients.ts';
import { contentDigest } from './content.ts';
import { Gateway } from './gateway.ts';
import type { Network } from './network.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B, type Isp, Site } from './site.ts';
import type { Story } from './story.ts';
import { firstSuccess } from './wait.ts';

/** Names of the uplinks in fixtures/config/demo.yaml. */
const UPLINK = new Map<Isp, string>([
  [ISP_A, 'fiber'],
  [ISP_B, 'lte'],
]);
const DOWNLOAD_LENGTH = 100_000_000;
/** Neighbours that do not answer yet, since the demo is about to give them their addresses, are asked each second. */
const UP_MS_MAX = 5000;
const FAILOVER_MS_MAX = 3000;
const RECOVERY_MS_MAX = 12_000;
const SERVER = fileURLToPath(new URL('internet-server.js', import.meta.url));

const PICTURE = [
  [
    `client ${CLIENT.ipv4} `.padEnd(29, '─'),
    ` nptd ─┬─ ${ISP_A.name} ${ISP_A.ipv4.gateway} ──┬─ Internet ${INTERNET.web4}`,
  ],
  [`       ${CLIENT.ipv6}`.padEnd(29), `       └─ ${ISP_B.name} ${ISP_B.ipv4.gateway} ─┘           ${INTERNET.web6}`],
];

interface Stage {
  readonly story: Story;
  readonly site: Site;
  readonly gateway: Gateway;
}

export async function tellStory(network: Network, story: Story, config: string): Promise<void> {
  story.chapter('A site with two ISPs, in network namespaces of its own');
  story.text(PICTURE.map((line) => line.join('')).join('\n'));
  const site = await Site.create(network);
  const server = site.internet.start([process.execPath, SERVER, ...Object.values(INTERNET)]);
  await server.waitForLine((line) => line.includes('"listening"'), 5000);
  story.step('namespaces, routers, servers', true, 'are up');

  story.chapter('The whole configuration (fixtures/config/demo.yaml)');
  story.text(await readFile(config, 'utf8'), 'cyan');
  const gateway = await Gateway.start(network, config);
  await site.configureDevices();
  story.step('nptd run demo.yaml', true, `ready, process ${gateway.process.pid}`);
  for (const isp of [ISP_A, ISP_B]) await gateway.waitUntilUp(nameOf(isp), UP_MS_MAX);
  story.step('probes', true, 'answered through both uplinks in both families');

  const stage = { story, site, gateway };
  await showReachability(stage);
  await showConnections(stage, ISP_A, 'Real programs, and the addresses that the servers saw: all of them of isp-a');
  await cutFirstIsp(stage);
  await restoreFirstIsp(stage);
  await stop(stage);
}

async function showReachability({ story, site }: Stage): Promise<void> {
  story.chapter('The client reaches the Internet');
  for (const target of [INTERNET.probe4, INTERNET.probe6]) {
    const { sent, received, averageMs } = await ping(site.client, target, 5);
    const detail = `${received} of ${sent} answered, ${averageMs ?? '–'} ms on average`;
    story.step(`ping ${target}`, received === sent, detail);
  }
  const ways: readonly [string, string, string][] = [
    [INTERNET.web4, CLIENT.gateway4, ISP_A.ipv4.gateway],
    [INTERNET.web6, CLIENT.gateway6, ISP_A.ipv6.gateway],
  ];
  for (const [target, ...hops] of ways) {
    const seen = await traceroute(site.client, target);
    story.step(`traceroute ${target}`, seen.join() === [...hops, target].join(), seen.join(' → '));
  }
}

/** A connection of each kind, each of which the server must see from the address of this ISP. */
async function showConnections(stage: Stage, isp: Isp, title: string): Promise<void> {
  const { story, site } = stage;
  story.chapter(title);
  const mapped = await stage.gateway.externalOf(CLIENT.ipv6, nameOf(isp));
  story.step(`nptd map ${CLIENT.ipv6}`, mapped.includes(':'), mapped);
  tellSeen(stage, `dig @${INTERNET.dns4}`, await whoAmIByDns(site.client, INTERNET.dns4), isp.ipv4.own);
  tellSeen(stage, `dig @${INTERNET.dns6}`, await whoAmIByDns(site.client, INTERNET.dns6), mapped);
  for (const [server, wanted] of [
    [INTERNET.web4, isp.ipv4.own],
    [INTERNET.web6, mapped],
  ] as const) {
    tellSeen(stage, `curl ${server}`, await whoAmI(site.client, server), wanted);
    const { sha256, seconds } = await download(site.client, server, DOWNLOAD_LENGTH);
    const whole = sha256 === contentDigest(DOWNLOAD_LENGTH);
    const speed = `${((DOWNLOAD_LENGTH * 8) / 1e9 / seconds).toFixed(1)} Gbit/s`;
    story.step('  100 MB from there', whole, `${whole ? 'SHA-256 agrees' : 'SHA-256 differs'}, ${speed}`);
  }
}

async function cutFirstIsp(stage: Stage): Promise<void> {
  stage.story.chapter('isp-a stops forwarding; its own router still answers');
  await tellMove(stage, ISP_B, FAILOVER_MS_MAX, () => stage.site.cut(ISP_A));
  await showConnections(stage, ISP_B, 'The same programs through isp-b');
}

async function restoreFirstIsp(stage: Stage): Promise<void> {
  stage.story.chapter('isp-a forwards again; after five good seconds (up-after: 5s) it is preferred again');
  await tellMove(stage, ISP_A, RECOVERY_MS_MAX, () => stage.site.restore(ISP_A));
  const foreign = (await stage.site.foreignSources(ISP_A)) + (await stage.site.foreignSources(ISP_B));
  const detail = `${foreign} packets reached an ISP with a source that is not its own`;
  stage.story.step('whose packets', foreign === 0, detail);
}

/** Acts, then opens connections in both families until the server sees them come from the other ISP. */
async function tellMove(stage: Stage, isp: Isp, msMax: number, act: () => Promise<void>): Promise<void> {
  const ways = [
    [INTERNET.web4, isp.ipv4.own],
    [INTERNET.web6, await stage.gateway.externalOf(CLIENT.ipv6, nameOf(isp))],
  ] as const;
  const logged = stage.gateway.process.lines.length;
  const started = performance.now();
  await act();
  const moves = ways.map(async ([server, wanted]) => {
    const connect = async () => (await whoAmI(stage.site.client, server, 0.5))?.address === wanted;
    const at = await firstSuccess(connect, msMax + 3000);
    const when = at === undefined ? '' : `, ${((at - started) / 1000).toFixed(1)} s later`;
    const succeeded = at !== undefined && at - started < msMax;
    stage.story.step(
      `new connections to ${server}`,
      succeeded,
      `${at === undefined ? 'not ' : ''}seen from ${wanted}${when}`,
    );
  });
  await Promise.all(moves);
  const changes = stage.gateway.log(logged).filter(({ event }) => event === 'uplink-changed');
  for (const { message } of changes) stage.story.text(`nptd: ${message}`);
}

async function stop({ story, site, gateway }: Stage): Promise<void> {
  story.chapter('The end');
  const code = await gateway.process.stop();
  const links = await site.client.runOrThrow(['ip', '-br', 'link', 'show']);
  const gone = !links.includes(CLIENT.device);
  story.step('nptd stops', code === 0 && gone, `exit code ${code}, its devices are ${gone ? 'gone' : 'still there'}`);
}

function tellSeen({ story }: Stage, title: string, seen: SeenFrom | undefined, wanted: string): void {
  const detail = seen === undefined ? 'no answer' : `seen from ${seen.address} port ${seen.port}`;
  story.step(title, seen?.address === wanted, detail);
}

function nameOf(isp: Isp): string {
  return UPLINK.get(isp) ?? isp.name;
}
