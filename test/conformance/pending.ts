/**
 * Cases whose feature is not in an implementation yet, by how their topic or name begins, or by a word of their name after `*`.
 * `NPTD_PENDING=1` runs them all the same. Both lists are to become empty, and this file to go.
 */
import { NativeTranslator } from '../../src/native/native-translator.ts';
import type { MakeTranslator } from '../support/translator-bed.ts';
import { OPTIONS } from '../support/translator-bed.ts';

const BOTH = [
  '*a second host to the same remote is refused',
  '5382-R4b a SYN to a port',
  '6888-R4',
  '6888-R5',
  '6888-R8 the number',
  '6888-R8 a restart: what',
  '6888-R8 what does',
  '6056-3',
  '4787-R4,',
  '3022-2.2',
  '6888-R6 an exemption',
  '6888-R6 by ',
  '8305-2',
  'MWAN-4 a connection to a server',
  '5508-R5 a published',
  '5382-R4 what a published',
];
const NATIVE: readonly string[] = [
  ...BOTH,
  '*udp-lite',
  '*UDP-Lite',
  '*dccp',
  '*DCCP',
  '5597-',
  '6146-T9',
  '1812-13',
  '5382-R4 ',
  '7857-S7.1 resets',
  'other protocols',
  '2663-9 100,000 SYNs',
  '8900-1 AH',
  '5508-S7.3 errors',
  '5382-sec2',
  'resets from outside',
  'held opening packets',
  'DCCP packets',
  'UDP-Lite (RFC',
  'protocols without ports',
];
const REFERENCE: readonly string[] = BOTH;

/** Whether a case, by its topic and name, waits for this implementation. */
export function pendingOf(make: MakeTranslator): (topic: string, name: string) => boolean {
  if (process.env.NPTD_PENDING === '1') return () => false;
  const prefixes = make(OPTIONS) instanceof NativeTranslator ? NATIVE : REFERENCE;
  return (topic, name) =>
    prefixes.some((prefix) =>
      prefix.startsWith('*') ? name.includes(prefix.slice(1)) : topic.startsWith(prefix) || name.startsWith(prefix),
    );
}
