/**
 * What a million flows leave behind in the memory of the process: nothing without the IPv6 filter (6296-7), and what the limit
 * allows with it.
 */
import { expect, test } from 'vitest';
import { createTranslator, type PacketTranslator } from '../../../src/api/translator.ts';
import {
  BATCH_HEADROOM,
  BATCH_PACKETS_MAX,
  createPacketBatch,
  DESCRIPTOR_WORDS,
} from '../../../src/native/packet-batch.ts';
import { verdictCatalogue } from '../../../src/native/verdict-catalogue.ts';

/** Half of them begin in the site, half outside. */
const FLOWS = 1_000_000;
/** Until code is compiled, buffers are made and the heap of JavaScript has its size. */
const WARM_UP = 200_000;
const FORWARD = verdictCatalogue().verdicts.findIndex(({ name }) => name === 'Forward');

/** The heap of JavaScript breathes; a session of the filter with an endpoint of its own costs 128 octets. */
const BREATH = 8_000_000;

/** An IPv6 packet with an empty UDP datagram between addresses that end in zeros. */
function template(source: readonly number[], destination: readonly number[]): Uint8Array {
  const octets = new Uint8Array(48);
  octets.set([0x60, 0, 0, 0, 0, 8, 17, 64]);
  octets.set(source, 8);
  octets.set(destination, 24);
  octets.set([0, 8], 44);
  return octets;
}

const INTERNAL = [0xfd, 0x12, 0x34, 0x56, 0x78, 0x9a, 0, 1];
const REMOTE = [0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, 0, 0];

/** Words of what is random: both interface identifiers, and both ports. */
const RANDOM = [4, 5, 8, 9, 10];

/** xorshift32: the same numbers in every run. */
let seed = 0x9e3779b9;
function random(): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return seed;
}

function openTranslator(mode: 'on' | 'off'): PacketTranslator {
  return createTranslator(`
internal: { office: { device: { tap: lan0 }, ipv6: "fd12:3456:789a:1::1/64" } }
site: { ula: "fd12:3456:789a::/48" }
uplinks:
  fiber:
    device: { tap: wan0 }
    ipv6: { address: "2001:db8:a::2/64", gateway: "2001:db8:a::1", prefix: "2001:db8:a100::/48" }
filter: { mode: ${mode}, ipsec: false }
limits: { filter-sessions: ${FLOWS} }
`);
}

/** Sends flows of one packet each; gives how many were forwarded. */
function send(translator: PacketTranslator, flows: number): number {
  const [office, fiber] = [translator.device('office'), translator.device('fiber')];
  const outbound = template(INTERNAL, REMOTE);
  outbound[23] = 1;
  const external = translator.process(office, outbound, 1).outgoing[0]?.octets.subarray(8, 16) ?? [];
  const templates = [outbound, template(REMOTE, [...external])];
  const batch = createPacketBatch(outbound.length);
  const words = new Int32Array(batch.memory.buffer);
  let forwarded = 0;
  for (let sent = 0; sent < flows; sent += BATCH_PACKETS_MAX) {
    for (let index = 0; index < BATCH_PACKETS_MAX; index += 1) {
      const isInbound = index % 2;
      batch.memory.set(templates[isInbound] ?? outbound, index * batch.slotOctets + BATCH_HEADROOM);
      batch.descriptors[index * DESCRIPTOR_WORDS] = BATCH_HEADROOM;
      batch.descriptors[index * DESCRIPTOR_WORDS + 1] = outbound.length;
      batch.descriptors[index * DESCRIPTOR_WORDS + 2] = isInbound ? fiber : office;
      const start = (index * batch.slotOctets + BATCH_HEADROOM) / 4;
      for (const word of RANDOM) words[start + word] = random();
    }
    translator.processBatch(batch, BATCH_PACKETS_MAX, 1);
    for (let index = 0; index < BATCH_PACKETS_MAX; index += 1) forwarded += Number(batch.verdicts[index] === FORWARD);
  }
  return forwarded;
}

/** Generous: a busy machine needs seconds. */
const TEST_MS_MAX = 60_000;

/** What flows beyond the first ones did. */
function measure(mode: 'on' | 'off', flows: number) {
  const translator = openTranslator(mode);
  send(translator, WARM_UP);
  const before = process.memoryUsage.rss();
  const forwarded = send(translator, flows);
  const grown = process.memoryUsage.rss() - before;
  return { forwarded, grown, sessions: translator.sessions(1).length };
}

test('6296-7, 6092-R49: a million random flows without the filter leave no session, and memory as it was', {
  timeout: TEST_MS_MAX,
}, () => {
  const { forwarded, grown, sessions } = measure('off', FLOWS);
  expect(forwarded).toBe(FLOWS);
  expect(sessions).toBe(0);
  expect(grown).toBeLessThan(BREATH);
});

test('with the filter each flow of the site is a session, and takes its memory', { timeout: TEST_MS_MAX }, () => {
  const { forwarded, grown, sessions } = measure('on', FLOWS / 2);
  expect(forwarded).toBeGreaterThanOrEqual(FLOWS / 4);
  expect(sessions).toBeGreaterThan(FLOWS / 4);
  expect(grown).toBeGreaterThan(2 * BREATH);
});
