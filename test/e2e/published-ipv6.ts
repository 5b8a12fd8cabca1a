/**
 * A site whose IPv6 server is behind an inner router, and its external addresses on both uplinks:
 *
 *     server ── client (router) ── [nptd] ─┬─ isp-a ─┬─ internet
 *                                          └─ isp-b ─┘
 *
 * The client runs the same services, and nobody has published them.
 */
import type { Namespace, Network } from '../../src/demo/network.ts';
import { CLIENT, ISP_A, ISP_B, type Isp, type Site } from '../../src/demo/site.ts';
import { type ConfigObject, startServers, TestBed } from './test-bed.ts';

export const SERVER = { ipv6: 'fd12:3456:789a:3::25', router: 'fd12:3456:789a:3::1' };
/** The device of the inner router that leads to the server. */
export const INNER_DEVICE = 'inner';

export interface PublishedSite {
  readonly bed: TestBed;
  readonly server: Namespace;
  /** External addresses by uplink. */
  readonly serverOn: Readonly<Record<string, string>>;
  readonly clientOn: Readonly<Record<string, string>>;
}

export async function openPublishedSite(
  change: (config: ConfigObject) => ConfigObject = (config) => config,
): Promise<PublishedSite> {
  const servers: Namespace[] = [];
  const bed = await TestBed.open({
    before: async (network, site) => void servers.push(await addServer(network, site)),
    change: (config) => change(withServer(config)),
  });
  const [server] = servers;
  if (server === undefined) throw new Error('there is no server');
  await startServers(server, SERVER.ipv6);
  await startServers(bed.site.client, CLIENT.ipv6);
  const onBoth = async (address: string) => {
    const external = async ({ name }: Isp) => [name, await bed.gateway.externalOf(address, name)] as const;
    return Object.fromEntries(await Promise.all([ISP_A, ISP_B].map(external)));
  };
  return { bed, server, serverOn: await onBoth(SERVER.ipv6), clientOn: await onBoth(CLIENT.ipv6) };
}

async function addServer(network: Network, site: Site): Promise<Namespace> {
  const server = await network.add('server');
  await network.connect(site.client, INNER_DEVICE, server, 'eth0');
  await site.client.forward();
  await site.client.ip(`address add ${SERVER.router}/64 dev ${INNER_DEVICE} nodad`);
  await server.ip(`address add ${SERVER.ipv6}/64 dev eth0 nodad`, `route add default via ${SERVER.router}`);
  return server;
}

function withServer(config: ConfigObject): ConfigObject {
  const { office } = config.internal as { office: object };
  const routes = [{ to: `${SERVER.router}/64`.replace('::1/', '::/'), via: CLIENT.ipv6 }];
  return {
    ...config,
    internal: { office: { ...office, routes } },
    publish: { web: { to: SERVER.ipv6, tcp: [80], udp: [7, 53] } },
  };
}
