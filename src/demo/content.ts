/** Octets that never repeat and that anyone can make again: the AES-128-CTR keystream of the zero key. */
import { createCipheriv, createHash } from 'node:crypto';

const CHUNK = 256 * 1024;

/** The first `length` octets, in chunks. */
export function* contentChunks(length: number): Generator<Buffer> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  const zeros = Buffer.alloc(CHUNK);
  for (let left = length; left > 0; left -= CHUNK) yield cipher.update(left < CHUNK ? zeros.subarray(0, left) : zeros);
}

/** SHA-256 of the first `length` octets, in hexadecimal. */
export function contentDigest(length: number): string {
  const hash = createHash('sha256');
  for (const chunk of contentChunks(length)) hash.update(chunk);
  return hash.digest('hex');
}

/** A name and the text of its TXT record, longer than the MTU: an answer over UDP comes in fragments. */
export const LONG_ANSWER = {
  name: 'long.example',
  text: Buffer.concat([...contentChunks(1500)]).toString('hex'),
};
