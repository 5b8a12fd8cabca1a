/** What the multihoming tests share: a third ISP, ways for an ISP to fail, and what the gateway says of it. */
import type { Namespace } from '../../src/demo/network.ts';
import type { Isp, Site } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { type ConfigObject, changeUplink, type TestBed } from './test-bed.ts';

export const ISP_C: Isp = {
  name: 'isp-c',
  device: 'wan2',
  ipv4: { gateway: '198.18.0.1', length: 24, own: '198.18.0.2', space: '198.18.0.0/24' },
  ipv6: { gateway: '2001:db8:c::1', own: '2001:db8:c::2', space: '2001:db8:c::/48', prefix: '2001:db8:c100::/48' },
  transit: 3,
};

/** What is promised of detection, in milliseconds per family (docs/configuration.md), without a machine's own delays. */
export const DETECTED_MS_MAX = { default: 3000, fast: 500 } as const;
/** What a busy machine may take longer to get to a probe, to a plan and to a log line. */
export const SCHEDULING_MS_MAX = 1000;
/** A host is told within this that its connection is reset, once the uplink counts as down. */
export const RESET_MS_MAX = 1000;

export type Profile = keyof typeof DETECTED_MS_MAX;

/** Changes the probing of every uplink. */
export function withProbe(config: ConfigObject, isps: readonly Isp[], probe: ConfigObject): ConfigObject {
  const change = (uplink: ConfigObject) => ({ ...uplink, probe: { ...(uplink.probe as ConfigObject), ...probe } });
  return isps.reduce((changed, isp) => changeUplink(changed, isp, change), config);
}

/** One line of the gateway's log about a change. */
export interface Change {
  readonly event: string;
  /** ISO 8601. */
  readonly time: string;
  readonly message: string;
  readonly uplink?: string;
  readonly policy?: string;
  readonly family?: 4 | 6;
  readonly from?: string;
  readonly to?: string;
}

/** Changes since a time of the wall clock. */
export function changesSince(bed: TestBed, sinceMs: number): Change[] {
  return bed.gateway.process.lines
    .filter((line) => line.startsWith('{') && line.includes('"event"'))
    .map((line) => JSON.parse(line) as Change)
    .filter(({ time }) => Date.parse(time) >= sinceMs);
}

/**
 * When an uplink was said to be in a state, in a family, after a time; undefined if it was not before the time is over. That it is
 * worse may be said somewhat before that time, if nothing else has been said since: a busy machine may notice a fault sooner than
 * it tells that it has begun.
 */
export async function msUntilState(
  bed: TestBed,
  isp: Isp,
  family: 4 | 6,
  states: readonly string[],
  sinceMs: number,
  timeoutMs: number,
): Promise<number | undefined> {
  const isMeant = (change?: Change) => states.includes(change?.to ?? '');
  const said = () => {
    const changes = changesSince(bed, sinceMs - SCHEDULING_MS_MAX).filter(
      ({ event, uplink, family: of }) => event === 'uplink-changed' && uplink === isp.name && of === family,
    );
    const after = changes.filter(({ time }) => Date.parse(time) >= sinceMs);
    const early = states.includes('up') ? undefined : changes.at(-1);
    return after.find(isMeant) ?? (isMeant(early) ? early : undefined);
  };
  const found = await until(async () => said(), timeoutMs, 20);
  return found === undefined ? undefined : Date.parse(found.time) - sinceMs;
}

/** As `msUntilState`, in both families. */
export async function msUntilDown(bed: TestBed, isp: Isp, sinceMs: number, timeoutMs: number) {
  const [ipv4, ipv6] = await Promise.all(
    ([4, 6] as const).map((family) => msUntilState(bed, isp, family, ['down'], sinceMs, timeoutMs)),
  );
  return { ipv4, ipv6 };
}

/** Waits until an uplink is up in both families since a time. */
export async function untilUp(bed: TestBed, isp: Isp, sinceMs: number, timeoutMs: number): Promise<void> {
  for (const family of [4, 6] as const) {
    const ms = await msUntilState(bed, isp, family, ['up'], sinceMs, timeoutMs);
    if (ms === undefined) throw new Error(`${isp.name} IPv${family} is not up after ${timeoutMs} ms`);
  }
}

/** A way for an ISP to fail. */
export interface Fault {
  readonly title: string;
  /** @returns the wall clock in milliseconds when it had begun */
  readonly begin: (site: Site, isp: Isp) => Promise<number>;
  readonly end: (site: Site, isp: Isp) => Promise<number>;
}

/** Runs a line of shell and gives the time when it was done, without that of the processes around it. */
export async function timed(namespace: Namespace, command: string): Promise<number> {
  return Number(await namespace.runOrThrow(['sh', '-ec', `${command}\ndate +%s%3N`]));
}

const nft = (script: string) => `nft -f - <<'END'\n${script}\nEND`;

/** A fault that is a table of nftables in the namespace of the ISP. */
function filtering(title: string, table: (isp: Isp) => string, name: string): Fault {
  return {
    title,
    begin: (site, isp) => timed(site.isp(isp), nft(table(isp))),
    end: (site, isp) => timed(site.isp(isp), `nft delete table ${name}`),
  };
}

const FORWARD = 'type filter hook forward priority -10; policy accept;';
/** A rule for all that the ISP forwards, either way. */
export const forwardingFault = (title: string, rule: string) => filtering(title, () => forwarding(rule), 'inet fault');

const forwarding = (rule: string) => `table inet fault { chain forward { ${FORWARD} ${rule} }; }`;

/** Nothing behind the ISP's first router is reached; that one still answers. */
export const BLACK_HOLE = forwardingFault('ISP dead behind a live first hop', 'drop;');

/** The ISP's router answers nothing at all, and the link has a carrier. */
export const FIRST_HOP_DEAD = filtering(
  'first hop dead',
  ({ device }) =>
    `table netdev fault { chain in { type filter hook ingress device ${device} priority 0; policy drop; }; }`,
  'netdev fault',
);

export const LOSS = forwardingFault('30 % loss each way', 'numgen random mod 100 < 30 drop;');

/** Packets of the site arrive, answers do not. */
export const ONE_WAY = filtering(
  'one-way loss: no answer comes back',
  ({ device }) => forwarding(`oifname "${device}" drop;`),
  'inet fault',
);

/** The link is down at the ISP's end of the device, and loses its routes; it gets them back. */
export const CARRIER_LOST: Fault = {
  title: 'carrier lost',
  begin: (site, isp) => timed(site.isp(isp), `ip link set ${isp.device} down`),
  end: (site, isp) => {
    const { device, ipv6 } = isp;
    const lines = [
      `ip link set ${device} up`,
      `ip address replace ${ipv6.gateway}/64 dev ${device} nodad`,
      `ip route replace ${ipv6.own} dev ${device}`,
      `ip route replace ${ipv6.prefix} via ${ipv6.own} dev ${device} onlink`,
    ];
    return timed(site.isp(isp), lines.join('\n'));
  },
};

/** No probe target answers by any uplink, and everything else works. */
export const TARGETS_MUTE: Fault = {
  title: 'all probe targets down at once',
  begin: ({ internet }) =>
    timed(
      internet,
      nft(
        'table inet fault { chain in { type filter hook input priority 0; icmp type echo-request drop; icmpv6 type echo-request drop; }; }',
      ),
    ),
  end: ({ internet }) => timed(internet, 'nft delete table inet fault'),
};

/** Where the server saw a UDP flow with this local port come from, in order and each place once. */
export function seenFrom(bed: TestBed, service: string, port: number): string[] {
  return bed
    .log()
    .filter((entry) => entry.service === service && entry.port === port)
    .map(({ remote }) => remote.replace(/^::ffff:/, ''));
}

/** The ISP that an external address of the site belongs to. */
export function ispOf(isps: readonly Isp[], address: string): string | undefined {
  const isOf = ({ ipv4, ipv6 }: Isp) => address === ipv4.own || address.startsWith(ipv6.prefix.replace(/::.*$/, ':'));
  return isps.find(isOf)?.name;
}
