/**
 * A site with real clients, nptd and servers for one test file: `src/demo` builds it, this adds what tests need.
 *
 * Every file has a network of its own, and nptd runs as an operator would run it, from a configuration file.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Status } from '../../src/api/status.ts';
import { Gateway } from '../../src/demo/gateway.ts';
import { type Namespace, Network } from '../../src/demo/network.ts';
import type { Background } from '../../src/demo/processes.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B, type Isp, Site } from '../../src/demo/site.ts';
import type { SessionRow } from '../../src/reference/translator.ts';

/** A configuration before it is written as JSON, which is YAML as well. */
export type ConfigObject = Record<string, unknown>;

export interface TestBedOptions {
  readonly isps?: readonly Isp[];
  /** Most preferred first; the order of `isps` if not given. */
  readonly prefer?: readonly Isp[];
  /** Last changes to the configuration. */
  readonly change?: (config: ConfigObject, prefix: string) => ConfigObject;
  /** Until all uplinks are up, in milliseconds; what came down while the ISPs were not there yet needs `up-after` more. */
  readonly upMsMax?: number;
  /** More namespaces, made before nptd starts. */
  readonly before?: (network: Network, site: Site) => Promise<unknown>;
}

/** Threads of nptd: `NPTD_E2E_WORKERS`, so that all tests can run with several. */
const WORKERS = Number(process.env.NPTD_E2E_WORKERS ?? 1);

/** Until all targets have answered once. */
const UP_MS_MAX = 6000;

export interface SessionsAnswer {
  readonly total: number;
  readonly sessions: readonly (SessionRow & { readonly uplink: string })[];
}

const SERVER = fileURLToPath(new URL('../../dist/demo/internet-server.js', import.meta.url));

/** One line of the servers' log. */
export interface LogEntry {
  readonly service: string;
  readonly local: string;
  readonly remote: string;
  readonly port: number;
  readonly detail: string;
}

let count = 0;

interface Parts {
  readonly network: Network;
  readonly site: Site;
  readonly gateway: Gateway;
  readonly servers: Background;
  /** Of the configuration and the control socket. */
  readonly folder: string;
}

export class TestBed implements AsyncDisposable {
  readonly network: Network;
  readonly site: Site;
  readonly gateway: Gateway;
  /** Path of the control socket. */
  readonly socket: string;
  readonly #servers: Background;
  readonly #folder: string;

  private constructor({ network, site, gateway, servers, folder }: Parts) {
    this.network = network;
    this.site = site;
    this.gateway = gateway;
    this.socket = socketIn(folder);
    this.#servers = servers;
    this.#folder = folder;
  }

  static async open(options: TestBedOptions = {}): Promise<TestBed> {
    count += 1;
    const prefix = `nptd-${process.pid}-${count}-`;
    const folder = await mkdtemp(join(tmpdir(), 'nptd-e2e-'));
    const network = new Network(prefix);
    try {
      const site = await Site.create(network, options.isps);
      const servers = await startServers(site.internet, ...Object.values(INTERNET));
      await options.before?.(network, site);
      const config = siteConfig(options, prefix, socketIn(folder));
      const file = join(folder, 'nptd.yaml');
      await writeFile(file, JSON.stringify(options.change?.(config, prefix) ?? config, undefined, 2));
      const gateway = await Gateway.start(network, file);
      await site.configureDevices();
      for (const isp of site.isps.keys()) await gateway.waitUntilUp(isp.name, options.upMsMax ?? UP_MS_MAX);
      return new TestBed({ network, site, gateway, servers, folder });
    } catch (error) {
      await network.close();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Everything the servers have logged so far. */
  log(): LogEntry[] {
    return this.#servers.lines.filter((line) => line.includes('"service"')).map((line) => JSON.parse(line) as LogEntry);
  }

  /** What `nptd status --json` prints. */
  async status(): Promise<Status> {
    return (await this.gateway.json('status', '--socket', this.socket)) as Status;
  }

  /** What `nptd sessions --json` prints. */
  async sessions(): Promise<SessionsAnswer> {
    return (await this.gateway.json('sessions', '--socket', this.socket)) as SessionsAnswer;
  }

  /** How often each verdict was given, over all uplinks and directions. */
  async verdicts(): Promise<Record<string, number>> {
    const sums: Record<string, number> = {};
    for (const { verdict, count } of (await this.status()).counters.verdicts)
      sums[verdict] = (sums[verdict] ?? 0) + count;
    return sums;
  }

  async close(): Promise<void> {
    await this.network.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Starts every service of the Internet host on addresses of a namespace. */
export async function startServers(namespace: Namespace, ...addresses: string[]): Promise<Background> {
  const servers = namespace.start([process.execPath, SERVER, ...addresses]);
  await servers.waitForLine((line) => line.includes('"listening"'), 5000);
  return servers;
}

const socketIn = (folder: string) => join(folder, 'control.sock');

/** The configuration of a site: its ISPs with probes, most preferred first. */
export function siteConfig(options: TestBedOptions, prefix: string, socket: string): ConfigObject {
  const isps = options.isps ?? [ISP_A, ISP_B];
  const device = { tap: CLIENT.device, netns: `${prefix}${CLIENT.name}` };
  return {
    internal: { office: { device, ipv4: `${CLIENT.gateway4}/24`, ipv6: `${CLIENT.gateway6}/64` } },
    site: { ula: 'fd12:3456:789a::/48' },
    uplinks: Object.fromEntries(isps.map((isp) => [isp.name, uplinkConfig(isp, prefix)])),
    policy: { default: { prefer: (options.prefer ?? isps).map(({ name }) => name) } },
    control: { socket },
    worker: { count: WORKERS },
  };
}

function uplinkConfig(isp: Isp, prefix: string): ConfigObject {
  const { ipv4, ipv6 } = isp;
  return {
    device: { tap: isp.device, netns: `${prefix}${isp.name}` },
    ipv4: { address: `${ipv4.own}/${ipv4.length}`, gateway: ipv4.gateway },
    ipv6: { address: `${ipv6.own}/64`, gateway: ipv6.gateway, prefix: ipv6.prefix },
    probe: {
      targets: [INTERNET.probe4, INTERNET.dns4, INTERNET.probe6, INTERNET.dns6],
      'up-after': '5s',
    },
  };
}

/** Changes one uplink of a configuration. */
export function changeUplink(
  config: ConfigObject,
  isp: Isp,
  change: (uplink: ConfigObject) => ConfigObject,
): ConfigObject {
  const uplinks = config.uplinks as Record<string, ConfigObject>;
  return { ...config, uplinks: { ...uplinks, [isp.name]: change(uplinks[isp.name] ?? {}) } };
}
