/** SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012), by the book in bigint arithmetic. */

const MASK = (1n << 64n) - 1n;

type State = [bigint, bigint, bigint, bigint];

/**
 * The hash of a message as a 64-bit number.
 * @param key 16 octets; both halves are read little-endian, as in the paper
 */
export function sipHash24(key: Uint8Array, message: Uint8Array): bigint {
  const k0 = readLittleEndian(key.subarray(0, 8));
  const k1 = readLittleEndian(key.subarray(8, 16));
  let state: State = [
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ];
  for (const word of messageWords(message)) {
    state[3] ^= word;
    state = sipRound(sipRound(state));
    state[0] ^= word;
  }
  state[2] ^= 0xffn;
  state = sipRound(sipRound(sipRound(sipRound(state))));
  return state[0] ^ state[1] ^ state[2] ^ state[3];
}

/** Whole words of 8 octets, then one with the rest and the message length in its top octet. */
function messageWords(message: Uint8Array): bigint[] {
  const words: bigint[] = [];
  const whole = message.length - (message.length % 8);
  for (let at = 0; at < whole; at += 8) {
    words.push(readLittleEndian(message.subarray(at, at + 8)));
  }
  words.push((BigInt(message.length % 256) << 56n) | readLittleEndian(message.subarray(whole)));
  return words;
}

function sipRound([a, b, c, d]: State): State {
  let [v0, v1, v2, v3] = [a, b, c, d];
  v0 = (v0 + v1) & MASK;
  v1 = rotateLeft(v1, 13n) ^ v0;
  v0 = rotateLeft(v0, 32n);
  v2 = (v2 + v3) & MASK;
  v3 = rotateLeft(v3, 16n) ^ v2;
  v0 = (v0 + v3) & MASK;
  v3 = rotateLeft(v3, 21n) ^ v0;
  v2 = (v2 + v1) & MASK;
  v1 = rotateLeft(v1, 17n) ^ v2;
  v2 = rotateLeft(v2, 32n);
  return [v0, v1, v2, v3];
}

function rotateLeft(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (64n - bits))) & MASK;
}

function readLittleEndian(octets: Uint8Array): bigint {
  return octets.reduceRight((value, octet) => (value << 8n) | BigInt(octet), 0n);
}
