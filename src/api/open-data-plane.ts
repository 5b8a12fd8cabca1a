/** Opens the native data plane, and tells its failures apart for users. */
import type { DataPlane, DataPlaneOptions } from '../native/data-plane.ts';
import { messageOf, NptdError } from './errors.ts';
import { fromNative } from './native-failure.ts';

export async function openNativeDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  const { openDataPlane } = await loadNative();
  try {
    return await openDataPlane(options);
  } catch (error) {
    throw fromNative(error);
  }
}

/** Loaded when it is needed, so that everything else works where the addon does not. */
async function loadNative(): Promise<typeof import('../native/native-data-plane.ts')> {
  try {
    return await import('../native/native-data-plane.ts');
  } catch (error) {
    throw new NptdError('ADDON_UNAVAILABLE', messageOf(error), {
      cause: error,
    });
  }
}
