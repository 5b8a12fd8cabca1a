/**
 * Cases whose feature is not in an implementation yet, by how their topic or name begins, or by a word of their name after `*`.
 * `NPTD_PENDING=1` runs them all the same. Both lists are to become empty, and this file to go.
 */
import { NativeTranslator } from '../../src/native/native-translator.ts';
import type { MakeTranslator } from '../support/translator-bed.ts';
import { OPTIONS } from '../support/translator-bed.ts';

const NATIVE: readonly string[] = [];
const REFERENCE: readonly string[] = [];

/** Whether a case, by its topic and name, waits for this implementation. */
export function pendingOf(make: MakeTranslator): (topic: string, name: string) => boolean {
  if (process.env.NPTD_PENDING === '1') return () => false;
  const prefixes = make(OPTIONS) instanceof NativeTranslator ? NATIVE : REFERENCE;
  return (topic, name) =>
    prefixes.some((prefix) =>
      prefix.startsWith('*') ? name.includes(prefix.slice(1)) : topic.startsWith(prefix) || name.startsWith(prefix),
    );
}
