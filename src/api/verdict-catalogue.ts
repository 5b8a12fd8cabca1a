/** Names and sentences of everything that the data path counts. */
import { verdictCatalogue as nativeCatalogue, type VerdictCatalogue } from '../native/verdict-catalogue.ts';
import { fromNative } from './native-failure.ts';

/**
 * Verdicts by their code, kinds of extra outputs, and outputs that were called for and not made. Throws an `NptdError`,
 * `ADDON_UNAVAILABLE`, without the native addon.
 */
export function verdictCatalogue(): VerdictCatalogue {
  try {
    return nativeCatalogue();
  } catch (error) {
    throw fromNative(error);
  }
}
