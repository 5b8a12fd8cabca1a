/**
 * The gateways that are compared, each between a client and a server of its own:
 *
 *     kernel, kernel-conntrack   client ── veth ── router ── veth ── server
 *     nptd, nptd-filter          client ── TAP ── nptd ── TAP ── server
 *     forwarder                  client ── TAP ── (nothing) ── TAP ── server
 *
 * TAP devices lie in the namespaces of client and server and are their only network cards; with `--device packet` or `xdp` a veth
 * pair and sockets on its other end take the place of each. All exist at the same time; those that are not measured sleep.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Namespace, Network } from '../../src/demo/network.ts';
import type { Background } from '../../src/demo/processes.ts';
import { CLIENT, GATEWAY, PREFIX, SERVER } from './addresses.ts';
import { type DevicePlaces, type Hosts, placeDevices } from './devices.ts';
import type { WireOptions } from './options.ts';

export const GATEWAY_NAMES = ['kernel', 'kernel-conntrack', 'nptd', 'nptd-filter', 'forwarder'] as const;

export type GatewayName = (typeof GATEWAY_NAMES)[number];

/** A path from client to server. */
export interface Path {
  readonly name: GatewayName;
  readonly client: Namespace;
  readonly server: Namespace;
  /** The process that forwards; none where the kernel does. */
  readonly gateway?: Background;
}

/** Programs that the suite starts. */
export interface Programs {
  /** `dist/cli/main.js` */
  readonly nptd: string;
  /** The load generator of native/nptd-load. */
  readonly load: string;
  /** A program that has a network card finish what it sends. */
  readonly finishAll: string;
  /** Folder for configurations and control sockets. */
  readonly folder: string;
  readonly options: WireOptions;
}

const READY_MS_MAX = 15_000;

export async function openPath(network: Network, name: GatewayName, programs: Programs): Promise<Path> {
  const client = await network.add(`${name}-c`);
  const server = await network.add(`${name}-s`);
  switch (name) {
    case 'kernel':
    case 'kernel-conntrack':
      await kernelGateway(network, { name, client, server });
      return { name, client, server };
    case 'nptd':
    case 'nptd-filter': {
      const places = await placeDevices(network, { name, client, server }, programs.options.kind, programs.finishAll);
      const gateway = await startNptd(network, name, places, programs);
      await configureHosts(client, server);
      return { name, client, server, gateway };
    }
    case 'forwarder': {
      const places = await placeDevices(network, { name, client, server }, programs.options.kind, programs.finishAll);
      const devices = [places.internal, places.external].map((place) => `${place.name}@${place.netns}`).join(',');
      const gateway = network.start([programs.load, 'forward', '--kind', programs.options.kind, '--devices', devices]);
      await gateway.waitForLine((line) => line.includes('"ready"'), READY_MS_MAX);
      await configureHosts(client, server);
      await introduceHosts(client, server);
      return { name, client, server, gateway };
    }
  }
}

/** Addresses and routes of both hosts, whatever is between them. */
async function configureHosts(client: Namespace, server: Namespace): Promise<void> {
  await client.ip(
    `link set ${CLIENT.device} up`,
    `address add ${CLIENT.ipv4}/24 dev ${CLIENT.device}`,
    `address add ${CLIENT.ipv6}/64 dev ${CLIENT.device} nodad`,
    `route add default via ${GATEWAY.internal4}`,
    `route add default via ${GATEWAY.internal6}`,
  );
  await server.ip(
    `link set ${SERVER.device} up`,
    `address add ${SERVER.ipv4}/24 dev ${SERVER.device}`,
    `address add ${SERVER.ipv6}/64 dev ${SERVER.device} nodad`,
    `route add ${PREFIX.external} via ${GATEWAY.external6} dev ${SERVER.device} onlink`,
  );
}

/** Behind the forwarder both are on one link and must find each other without anybody's help. */
async function introduceHosts(client: Namespace, server: Namespace): Promise<void> {
  const known = (address: string, mac: string, device: string) =>
    `neigh replace ${address} lladdr ${mac} dev ${device} nud permanent`;
  await client.ip(
    `link set ${CLIENT.device} address ${CLIENT.mac}`,
    known(GATEWAY.internal4, SERVER.mac, CLIENT.device),
    known(GATEWAY.internal6, SERVER.mac, CLIENT.device),
  );
  await server.ip(
    `link set ${SERVER.device} address ${SERVER.mac}`,
    `route add ${CLIENT.ipv4}/32 dev ${SERVER.device}`,
    `route add ${CLIENT.ipv6}/128 dev ${SERVER.device}`,
    known(CLIENT.ipv4, CLIENT.mac, SERVER.device),
    known(CLIENT.ipv6, CLIENT.mac, SERVER.device),
  );
}

async function kernelGateway(network: Network, { name, client, server }: Hosts): Promise<void> {
  const router = await network.add(`${name}-r`);
  await network.connect(client, CLIENT.device, router, 'internal');
  await network.connect(server, SERVER.device, router, 'external');
  await router.ip(
    `address add ${GATEWAY.internal4}/24 dev internal`,
    `address add ${GATEWAY.internal6}/64 dev internal nodad`,
    `address add ${GATEWAY.external4}/24 dev external`,
    `address add ${GATEWAY.external6}/64 dev external nodad`,
  );
  await router.forward();
  await router.nft(MASQUERADE);
  await router.nft(name === 'kernel' ? NOTRACK6 : TRACK6);
  await router.runOrThrow(['ip6tables-restore'], { input: PREFIX_RULES });
  await configureHosts(client, server);
}

const MASQUERADE = `table ip translate {
  chain postrouting { type nat hook postrouting priority srcnat; oifname "external" masquerade; }
}`;

/** NPTv6 needs no state, and is fastest without. */
const NOTRACK6 = `table ip6 stateless {
  chain prerouting {
    type filter hook prerouting priority raw;
    notrack
  }
}`;

/**
 * A question about state, which makes the kernel track connections. It sees each direction under other addresses, so it
 * tracks every connection twice and takes neither for valid TCP: nothing may be dropped for that.
 */
const TRACK6 = `table ip6 stateful {
  chain forward { type filter hook forward priority filter; ct state established accept; }
}`;

const PREFIX_RULES = [
  '*mangle',
  `-A POSTROUTING -o external -s ${PREFIX.internal} -j SNPT --src-pfx ${PREFIX.internal} --dst-pfx ${PREFIX.external}`,
  `-A PREROUTING -i external -d ${PREFIX.external} -j DNPT --src-pfx ${PREFIX.external} --dst-pfx ${PREFIX.internal}`,
  'COMMIT',
  '',
].join('\n');

async function startNptd(
  network: Network,
  name: GatewayName,
  places: DevicePlaces,
  programs: Programs,
): Promise<Background> {
  const file = join(programs.folder, `${name}.yaml`);
  const config = nptdConfig(name, places, programs);
  await writeFile(file, JSON.stringify(config, undefined, 2));
  const gateway = network.start([process.execPath, programs.nptd, 'run', file, '--log', 'json']);
  await gateway.waitForLine((line) => line.includes('"event":"ready"'), READY_MS_MAX);
  return gateway;
}

/** Tables and limits as large as one busy client needs them; everything else as it comes. */
function nptdConfig(name: GatewayName, places: DevicePlaces, { folder, options }: Programs): object {
  const uplink = {
    device: { [options.kind]: places.external.name, netns: places.external.netns },
    ipv4: { address: `${GATEWAY.external4}/24`, gateway: SERVER.ipv4 },
    ipv6: { address: `${GATEWAY.external6}/64`, gateway: SERVER.ipv6, prefix: PREFIX.external },
  };
  const internal = {
    device: { [options.kind]: places.internal.name, netns: places.internal.netns },
    ipv4: `${GATEWAY.internal4}/24`,
    ipv6: `${GATEWAY.internal6}/64`,
  };
  const flows = { rate: 1_000_000, burst: 1_000_000 };
  const perHost = { mappings: 64_512, sessions: 1_000_000, 'sessions-per-mapping': 1_000_000, flows };
  return {
    internal: { office: internal },
    site: { ula: PREFIX.internal },
    uplinks: { fiber: uplink },
    filter: { mode: name === 'nptd-filter' ? 'on' : 'off' },
    limits: { sessions: 1_000_000, 'filter-sessions': 1_000_000, 'per-host': perHost },
    worker: { count: options.workers, 'busy-poll': options.busyPoll },
    control: { socket: join(folder, `${name}.sock`) },
  };
}
