/** Devices: of the four ways to reach an interface each takes exactly one. */
import { macFromName } from '../net/mac-address.ts';
import type { DeviceConfig } from './config.ts';
import { DEFAULT_MTU } from './defaults.ts';
import { type DraftContext, need } from './draft-context.ts';
import type { ConfigPath } from './issue.ts';
import type { DeviceDraft } from './schema.ts';

const KINDS = ['tap', 'tun', 'packet', 'xdp'] as const;

/** What AF_XDP has room for in a page, its own headroom and a link header with one VLAN tag taken off. */
const XDP_MTU_MAX = 3822;

export type DeviceKind = (typeof KINDS)[number];

/** The device of an entry of `internal` or `uplinks`, whose path is given. */
export function completeDevice(
  draft: DeviceDraft | undefined,
  path: ConfigPath,
  context: DraftContext,
): DeviceConfig | undefined {
  const device = need(draft, path, 'device', context);
  if (device === undefined) return undefined;
  const kind = kindOf(device, [...path, 'device'], context);
  const name = kind && device[kind];
  if (kind === undefined || name === undefined) return undefined;
  const netns = device.netns;
  if (kind === 'tun') checkTun(device, path, context);
  if (kind === 'xdp') checkXdp(device, path, context);
  return {
    kind,
    name,
    ...(netns === undefined ? {} : { netns }),
    mtu: device.mtu ?? DEFAULT_MTU,
    ...(kind === 'tun' ? {} : { mac: device.mac ?? macFromName(netns === undefined ? name : `${netns}/${name}`) }),
    offload: kind !== 'xdp' && device.offload !== 'off',
  };
}

/** The way to reach it that a draft names, if it names one. */
export function deviceName(device: DeviceDraft): { kind: DeviceKind; name: string } | undefined {
  for (const kind of KINDS) {
    const name = device[kind];
    if (name !== undefined) return { kind, name };
  }
  return undefined;
}

function kindOf(device: DeviceDraft, path: ConfigPath, context: DraftContext): DeviceKind | undefined {
  const [kind, ...others] = KINDS.filter((key) => context.given([...path, key]));
  if (kind === undefined) need(device.tap, path, 'tap', context, 'or "tun", or "packet", or "xdp"');
  for (const other of others) context.report([...path, other], { code: 'second-kind', kind: other, other: `${kind}` });
  return kind;
}

function checkTun(device: DeviceDraft, path: ConfigPath, context: DraftContext): void {
  if (path[0] === 'internal') {
    context.report([...path, 'device', 'tun'], { code: 'bad-value', reason: 'only an uplink can be a TUN device' });
  }
  if (device.mac !== undefined) {
    context.report([...path, 'device', 'mac'], { code: 'bad-value', reason: 'a TUN device has no link address' });
  }
}

function checkXdp(device: DeviceDraft, path: ConfigPath, context: DraftContext): void {
  if (device.mtu !== undefined && device.mtu > XDP_MTU_MAX) {
    context.report([...path, 'device', 'mtu'], { code: 'bad-value', reason: `AF_XDP takes at most ${XDP_MTU_MAX}` });
  }
  if (device.offload === 'on') {
    context.report([...path, 'device', 'offload'], { code: 'bad-value', reason: 'AF_XDP has no offloads' });
  }
}
