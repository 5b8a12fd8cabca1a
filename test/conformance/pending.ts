/**
 * Cases whose feature is not in an implementation yet, by how their topic or name begins, or by a word of their name after `*`.
 * `NPTD_PENDING=1` runs them all the same. Both lists are to become empty, and this file to go.
 */
import { NativeTranslator } from '../../src/native/native-translator.ts';
import type { MakeTranslator } from '../support/translator-bed.ts';
import { OPTIONS } from '../support/translator-bed.ts';

const NATIVE: readonly string[] = [
  '6888-R4',
  '6888-R5',
  '6888-R8 the number',
  '6888-R8 a restart: what',
  '6888-R8 what does',
  '6056-3',
  '4787-R4,',
  '3022-2.2',
  'MWAN-4 a connection to a server',
  '5508-R5 a published',
  '5382-R4 what a published',
  '1812-RATE errors about held packets',
  'own errors',
  'OTHER-2, 6888-R8',
];
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
