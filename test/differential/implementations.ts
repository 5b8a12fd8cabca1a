/** The two that are compared. */
import { NativeTranslator } from '../../src/native/native-translator.ts';
import { ReferenceTranslator } from '../../src/reference/reference-translator.ts';
import type { Implementations } from './compare.ts';

export const IMPLEMENTATIONS: Implementations = {
  reference: (options) => new ReferenceTranslator(options),
  native: (options) => new NativeTranslator(options),
};
