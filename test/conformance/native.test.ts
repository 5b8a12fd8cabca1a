/** The shared cases on the engine. */
import { NativeTranslator } from '../../src/native/native-translator.ts';
import { isNativePending } from '../support/pending.ts';
import { policyCases } from './policy.cases.ts';
import { translatorCases } from './translator.cases.ts';

translatorCases((options) => new NativeTranslator(options));
if (!isNativePending) policyCases((options) => new NativeTranslator(options));
