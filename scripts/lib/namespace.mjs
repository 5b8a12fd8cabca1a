/**
 * Network and mount namespaces of their own for the demo and the end-to-end tests.
 *
 * Root and ordinary users go the same way, the latter inside a user namespace as well: whatever a run makes, named
 * namespaces and devices included, ends with its last process, and nothing of it is visible to the machine.
 */
import { closeSync, existsSync, openSync } from 'node:fs';
import { installCommand, missingNetworkPrograms } from './prerequisites.mjs';
import { outputOf } from './process.mjs';

const isRoot = () => process.getuid?.() === 0;

/** `ip netns add` needs a /run it may write to, servers need a loopback device. */
const PREPARE = 'mount -t tmpfs -o mode=755 tmpfs /run && ip link set lo up && exec "$@"';

/** Puts a command into namespaces of its own. */
export function inNamespaces(command) {
  return ['unshare', isRoot() ? '-nm' : '-Urnm', '--propagation', 'private', 'sh', '-c', PREPARE, 'sh', ...command];
}

/**
 * Why namespaces with TAP devices cannot be had here; undefined where they can.
 * @returns {{ missing: string, remedy: string } | undefined}
 */
export function namespaceObstacle() {
  const programs = missingNetworkPrograms();
  if (programs.length > 0) {
    return { missing: `programs are missing: ${programs.join(', ')}`, remedy: `${installCommand(programs)} (as root)` };
  }
  return tunObstacle() ?? unshareObstacle();
}

function tunObstacle() {
  const device = '/dev/net/tun';
  if (!existsSync(device)) {
    return {
      missing: `${device} does not exist, so no TAP device can be made`,
      remedy: 'modprobe tun (in a container: pass --device /dev/net/tun)',
    };
  }
  try {
    closeSync(openSync(device, 'r+'));
    return undefined;
  } catch (error) {
    const remedy = isRoot()
      ? 'in a container: pass --device /dev/net/tun'
      : `run as root, or: chmod 0666 ${device} (the mode most distributions give it)`;
    return { missing: `${device} cannot be opened by this user (${error.code}), so no TAP device can be made`, remedy };
  }
}

function unshareObstacle() {
  const [program = '', ...rest] = inNamespaces(['ip', 'netns', 'add', 'probe']);
  if (outputOf(program, ...rest) !== undefined) return undefined;
  const remedy = isRoot()
    ? 'in a container: pass --privileged, or --cap-add SYS_ADMIN --cap-add NET_ADMIN with an unconfined seccomp and AppArmor profile'
    : 'run as root, or let users make namespaces: sysctl kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0';
  return { missing: 'this user may not make network namespaces (unshare failed)', remedy };
}
