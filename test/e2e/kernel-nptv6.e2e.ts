/**
 * nptd and the Linux kernel's own NPTv6, side by side on the same packets.
 * `NPTD_UPDATE=1` writes docs/nptv6-comparison.md anew; it holds for the kernel that it names.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { planOf } from '../conformance/rfc6296-vectors.ts';
import { KernelRouter } from './kernel-nptv6.ts';
import { NPTV6_CASES } from './nptv6-cases.ts';
import { agree, type Compared, compareOn, type Outcome } from './nptv6-comparison.ts';
import { consequencesOf, pageOf } from './nptv6-page.ts';

const DOCUMENT = new URL('../../docs/nptv6-comparison.md', import.meta.url);
const KERNEL = release().split('.').slice(0, 2).join('.');

const obstacle = await KernelRouter.obstacle();
let compared: readonly Compared[] = [];

beforeAll(async () => {
  if (obstacle !== undefined) return;
  const prefixes = NPTV6_CASES.map(({ pair }) => pair.internal_prefix);
  await using kernel = await KernelRouter.open(prefixes);
  compared = await compareOn(kernel, NPTV6_CASES, planOf);
});
beforeEach(({ skip }) => skip(obstacle !== undefined, obstacle));

const titlesOf = (list: readonly Compared[]) => [...new Set(list.map(({ title }) => title))];
const translates = ({ packet }: Outcome) => packet !== undefined;

test('6296-3.2b, 6296-3.3: what both translate is the same in every octet, but for quotes that the kernel does not find', () => {
  const both = compared.filter(({ nptd, kernel }) => translates(nptd) && translates(kernel));
  expect(both.length).toBeGreaterThan(380);
  expect(titlesOf(both.filter(({ nptd, kernel }) => nptd.packet !== kernel.packet))).toEqual([
    'an ICMPv6 error behind destination options, inbound',
    'an ICMPv6 error behind destination options, outbound',
  ]);
});

test('6296-2.6: what nptd translates keeps its sum, and the kernel takes the answer back to where it came from', () => {
  const translated = compared.filter(({ nptd }) => translates(nptd));
  expect(titlesOf(translated.filter(({ neutral, astray }) => !neutral || astray !== undefined))).toEqual([]);
});

test('the kernel translates all that nptd translates', () => {
  expect(titlesOf(compared.filter(({ nptd, kernel }) => translates(nptd) && !translates(kernel)))).toEqual([]);
});

test('6296-3.2a, 6296-3.7a: addresses that the kernel translates and nptd refuses break a checksum or lose their answers', () => {
  const refused = compared.filter(({ nptd, kernel }) => nptd.verdict === 'SubnetNotMapped' && translates(kernel));
  expect(refused.length).toBeGreaterThanOrEqual(27);
  expect(titlesOf(refused.filter(({ neutral, astray }) => neutral && astray === undefined))).toEqual([]);
});

test('every other difference has a meaning', () => {
  const differing = compared.filter((one) => !agree(one));
  expect(titlesOf(differing.filter((one) => consequencesOf(one).includes('unknown')))).toEqual([]);
});

test('docs/nptv6-comparison.md says what was observed', ({ skip }) => {
  const page = pageOf(compared, KERNEL);
  if (process.env.NPTD_UPDATE === '1') writeFileSync(DOCUMENT, page);
  const written = readFileSync(DOCUMENT, 'utf8');
  skip(!written.includes(`Linux ${KERNEL} `), `the page is about another kernel than Linux ${KERNEL}`);
  expect(written).toBe(page);
});
