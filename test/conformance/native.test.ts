/** The shared cases on the engine. */
import { NativeTranslator } from '../../src/native/native-translator.ts';
import { translatorCases } from './translator.cases.ts';

translatorCases((options) => new NativeTranslator(options));
