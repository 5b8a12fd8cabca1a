import { messageOf, NptdError } from '../api/errors.ts';
import type { MapAddress6 } from '../plan/external-forms.ts';

/**
 * The address algorithm of the engine, loaded when it is needed: commands that need no addon work without it.
 * Rejects with an `NptdError`, `ADDON_UNAVAILABLE`, if the addon cannot be loaded.
 */
export async function loadMapAddress6(): Promise<MapAddress6> {
  try {
    const { mapAddress6 } = await import('../native/map-address.ts');
    return mapAddress6;
  } catch (error) {
    throw new NptdError('ADDON_UNAVAILABLE', messageOf(error), { cause: error });
  }
}
