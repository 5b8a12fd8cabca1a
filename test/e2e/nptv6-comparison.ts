/** What two implementations of NPTv6 make of the same packets. */

import ipaddr from 'ipaddr.js';
import { NativeTranslator } from '../../src/native/native-translator.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { type PairFields, PEER } from '../conformance/rfc6296-vectors.ts';
import { udp6 } from '../support/packet-builder-ipv6.ts';
import { hex, OPTIONS } from '../support/translator-bed.ts';
import { type KernelRouter, type Left, ROUTER, type Side } from './kernel-nptv6.ts';
import type { Nptv6Case } from './nptv6-cases.ts';

/** What became of one packet. */
export interface Outcome {
  /** `SIDE:HEX` of the packet itself, if it was sent on. */
  readonly packet?: string;
  /** An ICMPv6 error about it. */
  readonly error?: { readonly side: Side; readonly type: number; readonly code: number; readonly to: string };
}

export interface Compared extends Nptv6Case {
  readonly nptd: Outcome & { readonly verdict: string };
  readonly kernel: Outcome;
  /** Whether the one's complement sum that transport checksums see is what it was, after the kernel's translation. */
  readonly neutral: boolean;
  /** Where the kernel sends an answer to what it sent on, or what an answer comes from, if that is another address. */
  readonly astray?: string;
}

/** Every case on both. */
export async function compareOn(
  kernel: KernelRouter,
  cases: readonly Nptv6Case[],
  planOf: (pair: PairFields) => Plan,
): Promise<Compared[]> {
  const compared: Compared[] = [];
  let current: PairFields | undefined;
  for (const one of cases) {
    const { pair, from, octets } = one;
    const { internal_prefix, external_prefix } = pair;
    if (current?.internal_prefix !== internal_prefix || current.external_prefix !== external_prefix) {
      await kernel.translate(pair);
    }
    current = pair;
    const outcome = kernelOutcome(await kernel.process(from, octets));
    const sent = outcome.packet === undefined ? undefined : octetsOf(outcome.packet);
    const astray = sent && (await answerAstray(kernel, from, octets, sent));
    compared.push({
      ...one,
      nptd: nptdOutcome(planOf(pair), from, octets),
      kernel: outcome,
      neutral: sent === undefined || wordSum(sent) === wordSum(octets),
      ...(astray === undefined ? {} : { astray }),
    });
  }
  return compared;
}

function nptdOutcome(plan: Plan, from: Side, octets: Uint8Array): Compared['nptd'] {
  const translator = new NativeTranslator(OPTIONS);
  translator.applyPlan({ ...plan, errorRate: { perSecond: 100, burst: 100 } });
  const { verdict, outgoing } = translator.process(from === 'internal' ? 0 : 1, octets, 0);
  const left = outgoing.map(({ device, ...more }) => ({ side: sideOf(device), ...more }));
  const packet = left.find(({ kind }) => kind === 'Forward');
  const error = left.find(({ kind }) => kind === 'IcmpError');
  return {
    verdict,
    ...(packet && { packet: `${packet.side}:${hex(packet.octets)}` }),
    ...(error && { error: errorOf(error) }),
  };
}

const sideOf = (device: number): Side => (device === 0 ? 'internal' : 'external');

/** Errors of the router come from its own addresses, which no packet of the cases has. */
function kernelOutcome(left: readonly Left[]): Outcome {
  const isOwn = ({ octets }: Left) => Object.values(ROUTER).includes(addressAt(octets, 8));
  const packet = left.find((one) => !isOwn(one));
  const error = left.find(isOwn);
  return {
    ...(packet && { packet: `${packet.side}:${hex(packet.octets)}` }),
    ...(error && { error: errorOf(error) }),
  };
}

function errorOf({ side, octets }: Left): NonNullable<Outcome['error']> {
  return { side, type: octets[40] ?? 0, code: octets[41] ?? 0, to: addressAt(octets, 24) };
}

/** Answers to a packet that crossed, and looks whether the answer fits it. */
async function answerAstray(
  kernel: KernelRouter,
  from: Side,
  received: Uint8Array,
  sent: Uint8Array,
): Promise<string | undefined> {
  const outbound = from === 'internal';
  if (addressAt(received, outbound ? 24 : 8) !== PEER) return undefined;
  const end = addressAt(sent, outbound ? 8 : 24);
  const answer = outbound ? udp6(PEER, end, [53, 40_000]) : udp6(end, PEER, [53, 40_000]);
  const [left] = await kernel.process(outbound ? 'external' : 'internal', answer);
  const reached = left === undefined ? 'nowhere' : addressAt(left.octets, outbound ? 24 : 8);
  return reached === addressAt(received, outbound ? 8 : 24) ? undefined : reached;
}

const octetsOf = (packet: string) => Uint8Array.from(Buffer.from(packet.slice(packet.indexOf(':') + 1), 'hex'));

function addressAt(octets: Uint8Array, at: number): string {
  return ipaddr.fromByteArray([...octets.slice(at, at + 16)]).toString();
}

/** One's complement sum from the addresses on: the same before and after, or some checksum is wrong. */
function wordSum(octets: Uint8Array): number {
  let sum = 0;
  for (let at = 8; at < octets.length; at += 2) sum += (octets[at] ?? 0) * 256 + (octets[at + 1] ?? 0);
  return sum % 0xffff;
}

/** Neither the packet nor the error about it is another one. */
export function agree({ nptd, kernel }: Compared): boolean {
  return nptd.packet === kernel.packet && JSON.stringify(nptd.error) === JSON.stringify(kernel.error);
}
