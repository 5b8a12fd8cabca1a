/** Names and sentences of everything that the data path counts. */
import type { BindingCatalogue } from './binding.js';
import { binding } from './load-binding.ts';

export type VerdictCatalogue = BindingCatalogue;

/**
 * Verdicts by their code, kinds of extra outputs, and outputs that were called for and not made. Throws an
 * `AddonUnavailable`.
 */
export function verdictCatalogue(): VerdictCatalogue {
  return binding().verdictCatalogue();
}
