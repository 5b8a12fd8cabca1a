/** Opens the native data plane, and tells its failures apart for users. */
import type { DataPlane, DataPlaneOptions } from '../native/data-plane.ts';
import { openDataPlane } from '../native/native-data-plane.ts';
import { fromNative } from './native-failure.ts';

export async function openNativeDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  try {
    return await openDataPlane(options);
  } catch (error) {
    throw fromNative(error);
  }
}
