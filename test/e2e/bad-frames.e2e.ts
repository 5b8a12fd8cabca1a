import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { download, ping } from '../../src/demo/clients.ts';
import { contentDigest } from '../../src/demo/content.ts';
import type { Namespace } from '../../src/demo/network.ts';
import { CLIENT, INTERNET, ISP_A } from '../../src/demo/site.ts';
import { Dice, type LinkEnds, mutatedFrames, namedFrames, randomFrames, truncatedFrames } from './bad-frames.ts';
import { TestBed } from './test-bed.ts';

const SENDER = fileURLToPath(new URL('send-frames.pl', import.meta.url));
const SEED = 0x6e707464;
const OVERSIZED = 9000;

let bed: TestBed;

/** A device on the other side of nptd, from which frames are sent. */
interface Source {
  readonly namespace: Namespace;
  readonly device: string;
  readonly gateway: string;
}

let internal: Source;
let external: Source;

beforeAll(async () => {
  bed = await TestBed.open();
  internal = { namespace: bed.site.client, device: CLIENT.device, gateway: CLIENT.gateway4 };
  external = { namespace: bed.site.isp(ISP_A), device: ISP_A.device, gateway: ISP_A.ipv4.own };
});
afterAll(() => bed?.close());

const macOctets = (text: string) => Buffer.from(text.replaceAll(':', ''), 'hex');

/** Link addresses towards nptd, as the kernel of the namespace has learnt them. */
async function linkEnds({ namespace, device, gateway }: Source): Promise<LinkEnds> {
  await ping(namespace, gateway, 1);
  const neighbours = JSON.parse(await namespace.runOrThrow(['ip', '-j', 'neigh', 'show', gateway, 'dev', device]));
  const links = JSON.parse(await namespace.runOrThrow(['ip', '-j', 'link', 'show', device]));
  return { destination: macOctets(neighbours[0].lladdr), source: macOctets(links[0].address) };
}

async function send({ namespace, device }: Source, frames: readonly Buffer[]): Promise<void> {
  const links = JSON.parse(await namespace.runOrThrow(['ip', '-j', 'link', 'show', device]));
  const input = `${frames.map((octets) => octets.toString('hex')).join('\n')}\n`;
  const text = await namespace.runOrThrow(['perl', SENDER, `${links[0].ifindex}`], { input });
  expect(text).toBe(`${frames.length} sent, 0 refused by the kernel\n`);
}

async function expectForwarding(): Promise<void> {
  expect(bed.gateway.process.exitCode).toBeUndefined();
  for (const target of [INTERNET.probe4, INTERNET.probe6]) {
    const result = await ping(bed.site.client, target, 5);
    expect(result, result.text).toMatchObject({ sent: 5, received: 5 });
  }
}

const SOURCES: readonly [string, () => Source][] = [
  ['the client', () => internal],
  ['an ISP', () => external],
];

test.each(SOURCES)('every truncation of good packets from %s leaves nptd forwarding', async (_title, source) => {
  await send(source(), truncatedFrames(await linkEnds(source())));
  await expectForwarding();
});

test.each(SOURCES)('20000 mutated packets from %s leave nptd forwarding', async (_title, source) => {
  await send(source(), mutatedFrames(await linkEnds(source()), new Dice(SEED), 20_000));
  await expectForwarding();
});

test.each(SOURCES)('5000 frames of noise from %s leave nptd forwarding', async (_title, source) => {
  await send(source(), randomFrames(await linkEnds(source()), new Dice(SEED), 5000, 1500));
  await expectForwarding();
});

test.each(SOURCES)('frames longer than the MTU from %s leave nptd forwarding', async (_title, source) => {
  const { namespace, device } = source();
  await namespace.ip(`link set ${device} mtu ${OVERSIZED}`);
  await send(source(), randomFrames(await linkEnds(source()), new Dice(SEED), 500, OVERSIZED));
  await namespace.ip(`link set ${device} mtu 1500`);
  await expectForwarding();
});

test('each kind of bad packet is counted under its own name', async () => {
  const frames = namedFrames(await linkEnds(internal));
  const before = await bed.verdicts();
  await send(
    internal,
    Object.values(frames).flatMap((octets) => Array.from({ length: 10 }, () => octets)),
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
  const after = await bed.verdicts();
  const added = Object.fromEntries(Object.keys(frames).map((name) => [name, (after[name] ?? 0) - (before[name] ?? 0)]));
  // Other hosts may add to a counter, so the ten are a least number.
  for (const [name, count] of Object.entries(added))
    expect(count, `${name}: ${JSON.stringify(added)}`).toBeGreaterThanOrEqual(10);
});

test('afterwards a download still arrives whole', async () => {
  for (const server of [INTERNET.web4, INTERNET.web6]) {
    expect((await download(bed.site.client, server, 10_000_000)).sha256).toBe(contentDigest(10_000_000));
  }
});
