/** The shared cases on the engine. */
import { NativeTranslator } from '../../src/native/native-translator.ts';
import { policyCases } from './policy.cases.ts';
import { translatorCases } from './translator.cases.ts';

translatorCases((options) => new NativeTranslator(options));
policyCases((options) => new NativeTranslator(options));
