/** Gateways on interfaces that are there, in a namespace between the others, by packet or AF_XDP sockets. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Namespace, Network } from '../../src/demo/network.ts';
import { CLIENT, ISP_A, ISP_B, type Site } from '../../src/demo/site.ts';
import { type ConfigObject, changeUplink } from './test-bed.ts';

export type InterfaceKind = 'packet' | 'xdp';

/** Namespace of the gateway, without the prefix of the network. */
const GATEWAY = 'gateway';
const PORT = 'port0';
const UPLINKS = [
  { isp: ISP_A, port: 'port1' },
  { isp: ISP_B, port: 'port2' },
];

export const PORTS: readonly string[] = [PORT, ...UPLINKS.map(({ port }) => port)];

/** All devices by sockets of one kind. */
export const byInterfaces =
  (kind: InterfaceKind) =>
  (config: ConfigObject, prefix: string): ConfigObject => {
    const device = (name: string) => ({ [kind]: name, netns: `${prefix}${GATEWAY}` });
    const { office } = config.internal as { office: ConfigObject };
    const internal = { office: { ...office, device: device(PORT) } };
    const start: ConfigObject = { ...config, internal, worker: { 'busy-poll': 50 } };
    return UPLINKS.reduce(
      (changed, { isp, port }) => changeUplink(changed, isp, (uplink) => ({ ...uplink, device: device(port) })),
      start,
    );
  };

/** Makes the interfaces; returns their namespace. */
export async function addInterfaces(network: Network, site: Site): Promise<Namespace> {
  const gateway = await network.add(GATEWAY);
  await network.connect(gateway, PORT, site.client, CLIENT.device);
  for (const { isp, port } of UPLINKS) await network.connect(gateway, port, site.isp(isp), isp.device);
  return gateway;
}

/** The same for AF_XDP, which does not tell what the other end has left unfinished. */
export async function addFinishedInterfaces(network: Network, site: Site): Promise<Namespace> {
  const gateway = await addInterfaces(network, site);
  await finishAll(site.client, CLIENT.device);
  for (const { isp } of UPLINKS) await finishAll(site.isp(isp), isp.device);
  return gateway;
}

const PROGRAM = fileURLToPath(new URL('no-offload.pl', import.meta.url));

/** Has a device finish whatever it sends. */
export async function finishAll(namespace: Namespace, device: string): Promise<void> {
  await namespace.runOrThrow(['perl', PROGRAM, device]);
}

/** Why AF_XDP cannot be shown here, if it cannot. */
export function xdpObstacle(): string | undefined {
  const isOwn = /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
  return isOwn ? undefined : 'XDP programs take root, and in a user namespace nobody is';
}
