/** Opens the native data plane, and tells its failures apart for users. */
import type { DataPlane, DataPlaneOptions } from '../native/data-plane.ts';
import { messageOf, NptdError } from './errors.ts';

const EPERM = 1;
const EACCES = 13;
const PRIVILEGE_HELP =
  'run nptd as root, or in a user namespace (unshare -Urnm), or give node the capabilities CAP_NET_ADMIN (devices) ' +
  'and CAP_SYS_ADMIN (other network namespaces), and open /dev/net/tun to its user';

export async function openNativeDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  const { openDataPlane } = await loadNative();
  try {
    return await openDataPlane(options);
  } catch (error) {
    throw openFailure(error);
  }
}

/** Loaded when it is needed, so that everything else works where the addon does not. */
async function loadNative(): Promise<typeof import('../native/native-data-plane.ts')> {
  try {
    return await import('../native/native-data-plane.ts');
  } catch (error) {
    throw new NptdError('ADDON_UNAVAILABLE', `the native addon cannot be loaded: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function openFailure(error: unknown): NptdError {
  const message = messageOf(error);
  const errno = error instanceof Error && 'errno' in error ? error.errno : undefined;
  if (errno === EPERM || errno === EACCES) {
    return new NptdError('PRIVILEGE_MISSING', `${message}: ${PRIVILEGE_HELP}`, { cause: error });
  }
  return new NptdError('DEVICE_UNAVAILABLE', message, { cause: error });
}
