/** How nptd and the forwarder reach client and server: TAP devices that lie with them, or interfaces of a namespace between. */
import type { Namespace, Network } from '../../src/demo/network.ts';
import { UsageError } from '../lib/options.ts';
import { CLIENT, SERVER } from './addresses.ts';

const KINDS = ['tap', 'packet', 'xdp'] as const;

export type DeviceKind = (typeof KINDS)[number];

/** Takes `--device KIND` out of a command line. Throws a `UsageError` for a kind that there is not. */
export function takeDeviceKind(given: readonly string[]): { kind: DeviceKind; rest: string[] } {
  const at = given.indexOf('--device');
  if (at < 0) return { kind: 'tap', rest: [...given] };
  const kind = KINDS.find((name) => name === given[at + 1]);
  if (kind === undefined) throw new UsageError(`--device needs one of ${KINDS.join(', ')}`);
  return { kind, rest: [...given.slice(0, at), ...given.slice(at + 2)] };
}

/** A device of a gateway. */
export interface DevicePlace {
  readonly name: string;
  readonly netns: string;
}

export interface DevicePlaces {
  readonly internal: DevicePlace;
  readonly external: DevicePlace;
}

export interface Hosts {
  readonly name: string;
  readonly client: Namespace;
  readonly server: Namespace;
}

/**
 * Where a gateway finds, or makes, its devices.
 * @param finishAll a program that has a device finish what it sends, which AF_XDP cannot do for it
 */
export async function placeDevices(
  network: Network,
  hosts: Hosts,
  kind: DeviceKind,
  finishAll: string,
): Promise<DevicePlaces> {
  const { name, client, server } = hosts;
  if (kind === 'tap') {
    return {
      internal: { name: CLIENT.device, netns: client.name },
      external: { name: SERVER.device, netns: server.name },
    };
  }
  const between = await network.add(`${name}-g`);
  for (const [host, device, port] of [
    [client, CLIENT.device, 'internal'],
    [server, SERVER.device, 'external'],
  ] as const) {
    await network.connect(between, port, host, device);
    if (kind === 'xdp') await host.runOrThrow(['perl', finishAll, device]);
  }
  return { internal: { name: 'internal', netns: between.name }, external: { name: 'external', netns: between.name } };
}
