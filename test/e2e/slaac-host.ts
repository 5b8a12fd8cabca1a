/** An unmodified Linux host that configures its IPv6 by router advertisements alone, and what it makes of them. */
import type { Namespace, Network } from '../../src/demo/network.ts';
import type { Isp } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { type ConfigObject, TestBed, type TestBedOptions } from './test-bed.ts';

/** The host's device says this of itself, and nptd's knows better. */
const DEVICE = 'lan1';
const DEVICE_MTU = 1500;
export const LINK_MTU = 1400;

/** The kernel solicits within a second and is answered within half a second; the rest is for a busy machine. */
export const CONFIGURED_MS_MAX = 8000;
/** Until an uplink counts as down, or as up again. */
const CHANGE_MS_MAX = 9000;
/** 7084-G5. */
export const WITHDRAWN_MS_MAX = 1000;

export interface HostAddress {
  readonly local: string;
  readonly dynamic?: boolean;
  readonly deprecated?: boolean;
  readonly valid_life_time: number;
  readonly preferred_life_time: number;
}

export interface HostRoute {
  readonly dst: string;
  readonly gateway?: string;
  readonly protocol: string;
  /** RFC 4191; absent where the kernel does not tell. */
  readonly pref?: string;
}

/** A namespace with one device towards its routers. */
export class SlaacHost {
  readonly namespace: Namespace;
  readonly device: string;

  private constructor(namespace: Namespace, device: string) {
    this.namespace = namespace;
    this.device = device;
  }

  /** One that asks routers, whatever the others of a test do. */
  static async add(network: Network, device: string): Promise<SlaacHost> {
    const host = await network.add('host');
    await host.set({ 'ipv6/conf/default/accept_ra': '1' });
    // Linux ignores routes in advertisements by default, and may be built without them.
    const routes = '/proc/sys/net/ipv6/conf/default/accept_ra_rt_info_max_plen';
    await host.runOrThrow(['sh', '-ec', `if [ -e ${routes} ]; then echo 128 > ${routes}; fi`]);
    return new SlaacHost(host, device);
  }

  async addresses(): Promise<HostAddress[]> {
    const command = ['ip', '-j', '-6', 'address', 'show', 'dev', this.device, 'scope', 'global'];
    const links = JSON.parse(await this.namespace.runOrThrow(command)) as readonly {
      readonly addr_info?: readonly HostAddress[];
    }[];
    return links.flatMap(({ addr_info }) => addr_info ?? []);
  }

  /** The address that it has made itself of a prefix. */
  async ownAddress(prefix: string): Promise<HostAddress | undefined> {
    return (await this.addresses()).find(({ local, dynamic }) => dynamic === true && local.startsWith(prefix));
  }

  /** Waits until it has a preferred address of each prefix. */
  async untilConfigured(...prefixes: readonly string[]): Promise<HostAddress[] | undefined> {
    const all = async () => {
      const found = await Promise.all(prefixes.map((prefix) => this.ownAddress(prefix)));
      const preferred = found.filter((address) => address !== undefined && address.deprecated !== true);
      return preferred.length === prefixes.length ? (preferred as HostAddress[]) : undefined;
    };
    return until(all, CONFIGURED_MS_MAX);
  }

  async routes(): Promise<HostRoute[]> {
    const text = await this.namespace.runOrThrow(['ip', '-j', '-6', 'route', 'show', 'dev', this.device]);
    return JSON.parse(text) as HostRoute[];
  }

  async defaultRoute(): Promise<HostRoute | undefined> {
    return (await this.routes()).find(({ dst }) => dst === 'default');
  }

  /** The interface identifier that Linux makes of a link address (RFC 4291 appendix A). */
  async interfaceId(): Promise<string> {
    const text = await this.namespace.runOrThrow(['ip', '-j', 'link', 'show', 'dev', this.device]);
    const [link] = JSON.parse(text) as readonly { readonly address: string }[];
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = (link?.address ?? '')
      .split(':')
      .map((octet) => Number.parseInt(octet, 16));
    const words = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
    return words.map((word) => word.toString(16)).join(':');
  }
}

export interface SlaacBedOptions extends Pick<TestBedOptions, 'prefer'> {
  /** Addresses of the gateway on the host's link. */
  readonly ipv6: readonly string[];
  /** That of the gateway with its prefix length. */
  readonly ipv4?: string;
  /** Last changes to the configuration. */
  readonly change?: (config: ConfigObject) => ConfigObject;
}

/** A bed with a second internal device, whose host has no IPv6 address but those that it makes. */
export async function openSlaacBed(options: SlaacBedOptions): Promise<{ bed: TestBed; host: SlaacHost }> {
  const { ipv6, ipv4, change = (config) => config, prefer } = options;
  let host: SlaacHost | undefined;
  const bed = await TestBed.open({
    ...(prefer === undefined ? {} : { prefer }),
    before: async (network) => {
      host = await SlaacHost.add(network, DEVICE);
    },
    change: (config, prefix) => {
      const device = { tap: DEVICE, netns: `${prefix}host`, mtu: LINK_MTU };
      const hosts = { device, ipv6, ...(ipv4 === undefined ? {} : { ipv4 }) };
      return change({ ...config, internal: { ...(config.internal as object), hosts } });
    },
  });
  if (host === undefined) throw new Error('no host');
  await host.namespace.ip(`link set ${DEVICE} mtu ${DEVICE_MTU}`, `link set ${DEVICE} up`);
  return { bed, host };
}

/** An uplink whose hosts hold addresses of the ISP's own prefix. */
export const nativeUplink = (uplink: ConfigObject): ConfigObject => ({
  ...uplink,
  ipv6: { ...(uplink.ipv6 as object), native: true },
});

/** True once the log says, from a line of it on, that one family of uplinks has changed to a state. */
export async function untilChanged(
  bed: TestBed,
  isps: readonly Isp[],
  family: 4 | 6,
  state: 'up' | 'down',
  from: number,
): Promise<true | undefined> {
  const isThere = ({ name }: Isp) =>
    bed.gateway.log(from).some((entry) => entry.uplink === name && entry.family === family && entry.to === state);
  return until(async () => (isps.every(isThere) ? true : undefined), CHANGE_MS_MAX, 20);
}

/** True once the log says that the IPv6 of uplinks went down, from a line of the log on. */
export async function untilDown(bed: TestBed, isps: readonly Isp[], from: number): Promise<true | undefined> {
  return untilChanged(bed, isps, 6, 'down', from);
}
