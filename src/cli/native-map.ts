import { fromNative } from '../api/native-failure.ts';
import { loadMapAddress6 as load } from '../native/map-address.ts';
import type { MapAddress6 } from '../plan/external-forms.ts';

/**
 * The address algorithm of the engine, whose addon is loaded by the call: commands that need none work without it.
 * Rejects with an `NptdError`, `ADDON_UNAVAILABLE`, if it cannot be loaded.
 */
export async function loadMapAddress6(): Promise<MapAddress6> {
  try {
    return load();
  } catch (error) {
    throw fromNative(error);
  }
}
