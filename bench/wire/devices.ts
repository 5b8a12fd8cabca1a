/** How nptd and the forwarder reach client and server: TAP devices that lie with them, or interfaces of a namespace between. */
import type { Namespace, Network } from '../../src/demo/network.ts';
import { CLIENT, SERVER } from './addresses.ts';

export const DEVICE_KINDS = ['tap', 'packet', 'xdp'] as const;

export type DeviceKind = (typeof DEVICE_KINDS)[number];

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
