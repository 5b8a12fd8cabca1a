/**
 * What becomes of connections when an uplink dies and when it is back, with the default probing: a download of 100 MB, a
 * client that tries again, a tunnel that keeps itself alive, and a telephone whose policy says `failback: hard`.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { urlHost, whoAmI } from '../../src/demo/clients.ts';
import { contentDigest } from '../../src/demo/content.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { type FlowSpec, Flows, flowsOf } from './flows.ts';
import {
  BLACK_HOLE,
  DETECTED_MS_MAX,
  ispOf,
  msUntilDown,
  RESET_MS_MAX,
  SCHEDULING_MS_MAX,
  seenFrom,
  untilUp,
  withProbe,
} from './multihoming.ts';
import { TestBed } from './test-bed.ts';

const ISPS = [ISP_A, ISP_B];
const LENGTH = 100_000_000;
const UP_MS_MAX = 15_000;
const SIP_PORT = 5060;
/** A tunnel sends this often when it has nothing else to say; WireGuard suggests 25 s, too long to wait for here. */
const KEEPALIVE_MS = 1000;
const TUNNEL_PORT = 51_820;
const PHONE_PORT = 15_060;

/** Datagrams from one port to another of both families' servers. */
function conversation(port: number, serverPort: number, intervalMs: number): FlowSpec[] {
  return flowsOf('datagrams', 1, port, intervalMs).map((spec) => ({ ...spec, serverPort }));
}

describe('connections of a site whose first ISP dies and comes back', () => {
  let bed: TestBed;
  let tunnel: Flows;
  let phone: Flows;

  beforeAll(async () => {
    bed = await TestBed.open({
      change: (config) => ({
        ...withProbe(config, ISPS, { 'up-after': '1s', 'up-after-max': '1s' }),
        policy: {
          voice: { match: { proto: 'udp', port: SIP_PORT }, prefer: ['isp-a', 'isp-b'], failback: 'hard' },
          default: { prefer: ['isp-a', 'isp-b'] },
        },
      }),
    });
    // The registrar answers every request on its port, as the echo service does on its own.
    const rules = [`ip daddr ${INTERNET.web4} udp dport ${SIP_PORT} dnat ip to ${INTERNET.web4}:7`];
    rules.push(`ip6 daddr ${INTERNET.web6} udp dport ${SIP_PORT} dnat ip6 to [${INTERNET.web6}]:7`);
    await bed.site.internet.nft(
      `table inet sip { chain in { type nat hook prerouting priority -100; ${rules.join('; ')}; }; }`,
    );
    tunnel = await Flows.open(bed.site.client, conversation(TUNNEL_PORT, 7, KEEPALIVE_MS));
    phone = await Flows.open(bed.site.client, conversation(PHONE_PORT, SIP_PORT, 200));
  });
  afterAll(() => bed?.close());

  const isps = (port: number) => seenFrom(bed, 'udp-echo', port).map((address) => ispOf(ISPS, address));

  test('the uplink of a download dies: it is reset in time, and a client that tries again gets all of it', async () => {
    const receivers = await Flows.open(bed.site.client, flowsOf('receive', 3, 21_000));
    const downloads = [INTERNET.web4, INTERNET.web6].map((server) => retrying(bed, server, 30_000_000));
    await until(async () => bed.log().filter(({ detail }) => detail.includes('octets')).length >= 2 || undefined, 5000);
    const begun = await BLACK_HOLE.begin(bed.site, ISP_A);
    const down = await msUntilDown(bed, ISP_A, begun, 8000);
    for (const ms of [down.ipv4, down.ipv6]) expect(ms).toBeLessThan(DETECTED_MS_MAX.default + SCHEDULING_MS_MAX);
    await until(async () => receivers.ended().length >= 6 || undefined, 5000, 20);
    expect(receivers.ended()).toHaveLength(6);
    for (const { code, atMs, family } of receivers.ended()) {
      expect(code).toBe('ECONNRESET');
      const downMs = begun + ((family === 4 ? down.ipv4 : down.ipv6) ?? Infinity);
      expect(atMs - downMs).toBeLessThan(RESET_MS_MAX + SCHEDULING_MS_MAX);
    }
    for (const { digest, complaint } of await Promise.all(downloads)) {
      expect(complaint).toMatch(/reset by peer/i);
      expect(digest).toBe(contentDigest(LENGTH));
    }
  });

  test.each([
    ['a tunnel', TUNNEL_PORT],
    ['a telephone', PHONE_PORT],
  ])('%s goes on by the other uplink', async (_title, port) => {
    for (const at of [port, port + 1000]) {
      expect(await until(async () => isps(at).at(-1) === ISP_B.name || undefined, 5000)).toBe(true);
      expect(isps(at)).toEqual([ISP_A.name, ISP_B.name]);
    }
  });

  test('a download of 100 MB ends where it began when the first uplink is back (drain); what is new goes there', async () => {
    // Seven seconds: the uplink is back after one, and is noticed to be.
    const slow = [INTERNET.web4, INTERNET.web6].map((server) => retrying(bed, server, 14_000_000));
    let ended = 0;
    for (const one of slow) void one.then(() => (ended += 1));
    const restored = await BLACK_HOLE.end(bed.site, ISP_A);
    await untilUp(bed, ISP_A, restored, UP_MS_MAX);
    const isBack = async () => {
      const seen = await Promise.all([INTERNET.web4, INTERNET.web6].map((server) => whoAmI(bed.site.client, server)));
      return seen.every((from) => ispOf(ISPS, from?.address ?? '') === ISP_A.name) || undefined;
    };
    expect(await until(isBack, 3000)).toBe(true);
    expect(ended, 'downloads that ended before new connections went elsewhere').toBe(0);
    for (const { digest, complaint } of await Promise.all(slow))
      expect([digest, complaint]).toEqual([contentDigest(LENGTH), '']);
    const from = bed.log().filter(({ detail }) => detail.includes('octets'));
    expect(from.slice(-2).map(({ remote }) => ispOf(ISPS, remote))).toEqual([ISP_B.name, ISP_B.name]);
  });

  test('the tunnel stays on the uplink that it moved to, the telephone (failback: hard) is back on the first', async () => {
    const { sessions } = await bed.sessions();
    const uplinksOf = (port: number) =>
      sessions.filter(({ internal }) => internal === `${CLIENT.ipv4}:${port}`).map(({ uplink }) => uplink);
    expect(uplinksOf(TUNNEL_PORT)).toEqual([ISP_B.name]);
    expect(uplinksOf(PHONE_PORT)).toEqual([ISP_A.name]);
    await tunnel.stop();
    await phone.stop();
  });

  test('no packet left with a source outside the address space of its ISP', async () => {
    for (const isp of ISPS) expect(await bed.site.foreignSources(isp), isp.name).toBe(0);
  });
});

/** A download that begins again when its connection fails: the digest of what came at last, and what was complained of. */
async function retrying(bed: TestBed, server: string, rate: number) {
  const url = `http://${urlHost(server)}/octets/${LENGTH}`;
  const limits = `--limit-rate ${rate} --connect-timeout 5 --max-time 60`;
  const script = [
    'file=$(mktemp)',
    `curl -sS --retry 5 --retry-delay 1 --retry-all-errors ${limits} -o "$file" '${url}'`,
    'sha256sum < "$file"; rm "$file"',
  ].join('\n');
  const { stdout, stderr } = await bed.site.client.run(['sh', '-c', script], { timeoutMs: 90_000 });
  return { digest: stdout.split(' ')[0] ?? '', complaint: stderr.trim() };
}
