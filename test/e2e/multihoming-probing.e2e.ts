/**
 * What probing does for the sake of others, with real traffic and `profile: fast`: a metered standby is asked seldom until it may be
 * needed, traffic that comes back vouches for an uplink whose targets are silent, targets that fail everywhere are not believed,
 * and a policy goes by its own targets. Probes are counted as they arrive at the ISP, all of them. Times are taken before a fault
 * begins: a busy machine may notice it sooner than it says that it has begun.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { whoAmI, whoAmIByDns } from '../../src/demo/clients.ts';
import { INTERNET, ISP_A, ISP_B, type Isp } from '../../src/demo/site.ts';
import { firstSuccess, until } from '../../src/demo/wait.ts';
import { externalAddress } from './failover.ts';
import { Flows, flowsOf } from './flows.ts';
import {
  changesSince,
  DETECTED_MS_MAX,
  FIRST_HOP_DEAD,
  forwardingFault,
  msUntilDown,
  SCHEDULING_MS_MAX,
  TARGETS_MUTE,
  untilUp,
  withProbe,
} from './multihoming.ts';
import { type ConfigObject, TestBed } from './test-bed.ts';

const ISPS = [ISP_A, ISP_B] as const;
const FAMILIES = [4, 6] as const;
const UP_MS_MAX = 15_000;
/** Each family of each uplink, by `profile: fast` and by the sparse pace of the standby. */
const PROBES_A_SECOND = 10;
const STANDBY_S = 2;
const COUNTED_S = 6;
/** Round trips veto for so long in all. */
const VETO_MS = 10_000;

/** The targets that policy `central` has of its own; the uplinks have others. */
const CENTRAL = `{ ${INTERNET.dns4} }`;
const CENTRAL6 = `{ ${INTERNET.dns6} }`;
const CENTRAL_DEAD = forwardingFault('central site dead', `ip daddr ${CENTRAL} drop; ip6 daddr ${CENTRAL6} drop;`);
const PROBES_LOST = forwardingFault(
  'no probe of the uplink gets through, all else does',
  `ip daddr != ${CENTRAL} icmp type echo-request drop; ip6 daddr != ${CENTRAL6} icmpv6 type echo-request drop;`,
);

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Probes that have arrived at an ISP: of its uplink's own targets, and of those of the policy. */
async function arrived(bed: TestBed, isp: Isp): Promise<{ own: number; central: number }> {
  const text = await bed.site.isp(isp).runOrThrow(['nft', 'list', 'counters', 'table', 'inet', 'arrived']);
  const count = (name: string) => Number(text.match(new RegExp(`counter ${name} {\\s+packets (\\d+)`))?.[1]);
  return { own: count('own'), central: count('central') };
}

/** How many arrive within some seconds. */
async function arriving(bed: TestBed, isp: Isp, seconds: number): Promise<{ own: number; central: number }> {
  const before = await arrived(bed, isp);
  await wait(seconds * 1000);
  const after = await arrived(bed, isp);
  return { own: after.own - before.own, central: after.central - before.central };
}

describe('two ISPs, the second one metered, and a policy with targets of its own', () => {
  let bed: TestBed;

  beforeAll(async () => {
    const targets = [INTERNET.probe4, INTERNET.web4, INTERNET.probe6, INTERNET.web6];
    const probe = { profile: 'fast', 'up-after': '1s', 'up-after-max': '1s', targets };
    const change = (config: ConfigObject): ConfigObject => {
      const changed = withProbe(config, ISPS, probe);
      const uplinks = changed.uplinks as Record<string, ConfigObject>;
      const b = uplinks[ISP_B.name] ?? {};
      const standby = { ...(b.probe as ConfigObject), 'standby-interval': `${STANDBY_S}s` };
      const central = [INTERNET.dns4, INTERNET.dns6];
      const prefer = ISPS.map(({ name }) => name);
      return {
        ...changed,
        uplinks: { ...uplinks, [ISP_B.name]: { ...b, metered: true, probe: standby } },
        policy: { central: { match: { to: central }, prefer, probe: { targets: central } }, default: { prefer } },
      };
    };
    bed = await TestBed.open({ change });
    for (const isp of ISPS) {
      const central = `ip daddr ${CENTRAL} counter name central; ip6 daddr ${CENTRAL6} counter name central;`;
      const own = `ip daddr != ${CENTRAL} counter name own; ip6 daddr != ${CENTRAL6} counter name own;`;
      await bed.site.isp(isp).nft(`table inet arrived {
        counter own {}
        counter central {}
        chain probes { ${central} ${own} }
        chain prerouting {
          type filter hook prerouting priority -350; policy accept;
          iifname "${isp.device}" icmp type echo-request jump probes
          iifname "${isp.device}" icmpv6 type echo-request jump probes
        }
      }`);
    }
  });
  afterAll(() => bed?.close());
  // Each begins with both uplinks up, and nothing in doubt.
  beforeEach(() => wait(1000));

  test('a metered standby is probed each standby-interval, by its own targets and by those of the policy', async () => {
    const [a, b] = await Promise.all(ISPS.map((isp) => arriving(bed, isp, COUNTED_S)));
    const sparse = (FAMILIES.length * COUNTED_S) / STANDBY_S;
    for (const count of [b?.own, b?.central]) {
      expect(count).toBeGreaterThan(0);
      expect(count).toBeLessThanOrEqual(sparse + 2 * FAMILIES.length);
    }
    for (const count of [a?.own, a?.central]) {
      expect(count).toBeGreaterThan((FAMILIES.length * COUNTED_S * PROBES_A_SECOND) / 2);
    }
  });

  test('while traffic comes back silent targets take no uplink down for ten seconds, and the standby is asked at the full rate', async () => {
    const flows = await Flows.open(bed.site.client, flowsOf('talk', 4, 30_000, 50));
    const begun = Date.now();
    await PROBES_LOST.begin(bed.site, ISP_A);
    await wait(1000);
    const { own } = await arriving(bed, ISP_B, 3);
    expect(own).toBeGreaterThan((FAMILIES.length * 3 * PROBES_A_SECOND) / 2);
    // Not taken down so far, though nothing was answered for so long.
    const doubts = changesSince(bed, begun).filter(
      ({ event, uplink }) => event === 'probes-vetoed' && uplink === ISP_A.name,
    );
    expect(doubts.map(({ family }) => family).toSorted()).toEqual([...FAMILIES]);
    const down = await msUntilDown(bed, ISP_A, begun, VETO_MS + 8000);
    for (const ms of [down.ipv4, down.ipv6]) {
      expect(ms).toBeGreaterThan(VETO_MS - DETECTED_MS_MAX.fast);
      expect(ms).toBeLessThan(VETO_MS + DETECTED_MS_MAX.fast + SCHEDULING_MS_MAX);
    }
    // Nothing ended before: the uplink carried all of it.
    for (const { atMs } of flows.ended()) expect(atMs - begun).toBeGreaterThan(VETO_MS - DETECTED_MS_MAX.fast);
    await untilUp(bed, ISP_A, await PROBES_LOST.end(bed.site, ISP_A), UP_MS_MAX);
    await flows.stop();
  });

  test('targets that fall silent everywhere are distrusted while gateways answer, and believed when those do not', async () => {
    const begun = Date.now();
    await TARGETS_MUTE.begin(bed.site, ISP_A);
    const distrusted = () =>
      changesSince(bed, begun).filter(({ event, to }) => event === 'uplink-changed' && to === 'unknown');
    expect(await until(async () => distrusted().length >= 4 || undefined, 5000)).toBe(true);
    await wait(2000);
    const fallen = changesSince(bed, begun).filter(({ event, to }) => event === 'uplink-changed' && to === 'down');
    expect(fallen).toEqual([]);
    const cause = 'its targets fail on every uplink, and its gateway answers';
    for (const { message } of distrusted()) expect(message).toContain(cause);
    expect((await whoAmI(bed.site.client, INTERNET.web4))?.address).toBe(ISP_A.ipv4.own);

    const dead = Math.min(...(await Promise.all(ISPS.map((isp) => FIRST_HOP_DEAD.begin(bed.site, isp)))));
    for (const isp of ISPS) {
      const { ipv4, ipv6 } = await msUntilDown(bed, isp, dead, 8000);
      expect([ipv4, ipv6], isp.name).toEqual([expect.any(Number), expect.any(Number)]);
    }
    const ended = await TARGETS_MUTE.end(bed.site, ISP_A);
    await Promise.all(ISPS.map((isp) => FIRST_HOP_DEAD.end(bed.site, isp)));
    for (const isp of ISPS) await untilUp(bed, isp, ended, UP_MS_MAX);
  });

  test('a policy leaves an uplink that does not reach its own targets; the uplink is probed as before, and others stay', async () => {
    const [a4, b4] = [await externalAddress(bed, ISP_A, 4), await externalAddress(bed, ISP_B, 4)];
    const central = async () => (await whoAmIByDns(bed.site.client, INTERNET.dns4))?.address;
    expect(await firstSuccess(async () => (await central()) === a4, UP_MS_MAX)).toBeDefined();
    const begun = Date.now();
    await CENTRAL_DEAD.begin(bed.site, ISP_A);
    const ms = await firstSuccess(async () => (await central()) === b4, 8000);
    expect(ms).toBeDefined();
    const changes = () => changesSince(bed, begun).filter(({ event }) => /-changed$/.test(event));
    const left = changes().filter(({ policy }) => policy === 'central');
    expect(left.map(({ event }) => event)).toContain('policy-targets-changed');
    expect(left.map(({ event }) => event)).toContain('selection-changed');
    expect((await whoAmI(bed.site.client, INTERNET.web4))?.address).toBe(a4);
    const { own } = await arriving(bed, ISP_A, COUNTED_S);
    expect(own).toBeLessThanOrEqual(FAMILIES.length * (COUNTED_S + 1) * PROBES_A_SECOND);
    expect(changes().filter(({ policy }) => policy !== 'central')).toEqual([]);
    await CENTRAL_DEAD.end(bed.site, ISP_A);
    expect(await firstSuccess(async () => (await central()) === a4, UP_MS_MAX)).toBeDefined();
  });

  test('no packet left with a source outside the address space of its ISP', async () => {
    for (const isp of ISPS) expect(await bed.site.foreignSources(isp), isp.name).toBe(0);
  });
});
