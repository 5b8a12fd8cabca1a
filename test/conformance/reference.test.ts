/** The shared cases on the reference. */
import { ReferenceTranslator } from '../../src/reference/reference-translator.ts';
import { policyCases } from './policy.cases.ts';
import { translatorCases } from './translator.cases.ts';

translatorCases((options) => new ReferenceTranslator(options));
policyCases((options) => new ReferenceTranslator(options));
