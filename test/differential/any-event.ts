/** Which events happen, and how often. */
import fc from 'fast-check';
import {
  dialogueSteps,
  endpoints,
  mostlyFirst,
  opening,
  protocol,
  protocolWithPorts,
  sent,
  small,
  spoken,
  weighted,
} from './any-packet.ts';
import type {
  AddressedEvent,
  AnswerEvent,
  ErrorEvent,
  Event,
  FloodEvent,
  Flow6Event,
  InSessionEvent,
  OutboundEvent,
  PlanEvent,
  RestoreEvent,
  ToMappingEvent,
  ToPublishedEvent,
  WaitEvent,
} from './event.ts';
import { EXTENSIONS6 } from './packet6.ts';

const outbound: fc.Arbitrary<OutboundEvent> = fc.record({
  type: fc.constant<'outbound'>('outbound'),
  protocol,
  ...endpoints,
  ...opening,
});

const toMapping: fc.Arbitrary<ToMappingEvent> = fc.record({
  type: fc.constant<'to-mapping'>('to-mapping'),
  mapping: small(1023),
  from: weighted([6, 'its-uplink'], [4, 'site'], [1, 'other-uplink']),
  ...endpoints,
  ...spoken,
});

const toPublished: fc.Arbitrary<ToPublishedEvent> = fc.record({
  type: fc.constant<'to-published'>('to-published'),
  published: small(63),
  from: weighted([8, 'its-uplink'], [4, 'site'], [1, 'other-uplink']),
  protocol,
  place: mostlyFirst(8),
  ...endpoints,
  ...opening,
});

const inSession: fc.Arbitrary<InSessionEvent> = fc.record({
  type: fc.constant<'in-session'>('in-session'),
  session: fc.oneof({ weight: 1, arbitrary: fc.constant('same' as const) }, { weight: 2, arbitrary: small(1023) }),
  side: fc.constantFrom('internal', 'external'),
  ...spoken,
});

const dialogue: fc.Arbitrary<Event> = fc.record({
  type: fc.constant<'dialogue'>('dialogue'),
  opening: fc.oneof({ weight: 3, arbitrary: outbound }, { weight: 2, arbitrary: toPublished }),
  steps: dialogueSteps,
});

const answer: fc.Arbitrary<AnswerEvent> = fc.record({
  type: fc.constant<'answer'>('answer'),
  packet: small(15),
  ...spoken,
});

const error: fc.Arbitrary<ErrorEvent> = fc.record({
  type: fc.constant<'error'>('error'),
  packet: small(15),
  icmp: fc.constantFrom(3, 3, 3, 11, 11, 11, 12, 12, 12, 4, 5, 1, 2),
  code: small(5),
  word: fc.constantFrom(0, 0, 1300, 0x00070000, 0x00200000),
  by: fc.constantFrom('end', 'end', 'router'),
  quote: fc.constantFrom(
    'whole',
    'whole',
    'whole',
    'short',
    'eight',
    'rfc4884',
    'bad-header',
    'bad-transport',
    'foreign',
  ),
  ...sent,
});

const ipv6Choice = fc.record({ prefix: small(7), subnet: small(13), interfaceId: small(7) });

const ipv6: fc.Arbitrary<Event> = fc.record({
  type: fc.constant<'ipv6'>('ipv6'),
  from: fc.constantFrom('site', 'site', 'site', 'uplink-a', 'uplink-a', 'uplink-b'),
  source: ipv6Choice,
  destination: ipv6Choice,
  nextHeader: fc.constantFrom(17, 17, 6, 58, 58, 50, 253),
  extensions: fc.oneof(
    { weight: 8, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(small(6), { maxLength: 3 }) },
    { weight: 1, arbitrary: fc.array(fc.constant(2), { minLength: 7, maxLength: 10 }) },
  ),
  ...sent,
});

const flow6: fc.Arbitrary<Flow6Event> = fc.record({
  type: fc.constant<'flow6'>('flow6'),
  from: weighted([5, 'site'], [3, 'uplink'], [1, 'neighbour']),
  protocol: weighted<Flow6Event['protocol']>(
    [4, 'udp'],
    [8, 'tcp'],
    [4, 'icmpv6'],
    [2, 'udp-lite'],
    [3, 'dccp'],
    [4, 'sctp'],
    [2, 'esp'],
    [1, 'ip-51'],
    [1, 'ip-59'],
    [1, 'gre'],
    [1, 'ip-253'],
  ),
  seen: small(15),
  extension: small(EXTENSIONS6.length - 1),
  ...endpoints,
  ...opening,
});

const addressed: fc.Arbitrary<AddressedEvent> = fc.record({
  type: fc.constant<'addressed'>('addressed'),
  device: fc.constantFrom(0, 0, 1, 2, 3, 3, 1, 4),
  source: small(63),
  destination: small(63),
  payload: fc.constantFrom('udp', 'echo', 'echo', 'echo-reply', 'other-icmp', 'tcp', 'gre', 'ah', 'dccp', 'udp-lite'),
  ...sent,
});

/** Identifications collide, and cuts are too small for some transport headers and too long for some links. */
const fragment: fc.Arbitrary<Event> = fc.record({
  type: fc.constant<'fragment'>('fragment'),
  of: fc.oneof(
    { weight: 14, arbitrary: mostlyFirst(9) },
    { weight: 3, arbitrary: outbound },
    { weight: 3, arbitrary: inSession },
    { weight: 3, arbitrary: toMapping },
    { weight: 2, arbitrary: toPublished },
    { weight: 1, arbitrary: answer },
    { weight: 1, arbitrary: error },
    { weight: 1, arbitrary: addressed },
    { weight: 4, arbitrary: flow6 },
  ),
  identification: fc.constantFrom(7, 7, 8, 65_535),
  part: fc.record({
    place: fc.constantFrom('first', 'first', 'middle', 'last'),
    cut: fc.constantFrom(8, 16, 24, 64, 64, 64, 576, 1240, 1360, 1480, 2032, 2040),
    ttl: fc.constantFrom(64, 64, 64, 64, 64, 64, 2, 1),
    dontFragment: fc.constantFrom(false, false, false, true),
  }),
});

const floodOf = (
  kind: FloodEvent['kind'],
  protocols: fc.Arbitrary<FloodEvent['protocol']>,
  ...counts: readonly number[]
): fc.Arbitrary<FloodEvent> =>
  fc.record({
    type: fc.constant<'flood'>('flood'),
    device: small(3),
    kind: fc.constant(kind),
    protocol: protocols,
    count: fc.constantFrom(...counts),
  });

/** Those that fill a table of 256, of a pool, of 4,096. */
const flood: fc.Arbitrary<FloodEvent> = fc.oneof(
  { weight: 40, arbitrary: floodOf('lone', fc.constant('ip-253'), 5, 20, 250, 257) },
  { weight: 24, arbitrary: floodOf('flows', protocolWithPorts, 5, 20, 378, 399, 405) },
  {
    weight: 12,
    arbitrary: floodOf('calls', weighted([2, 'tcp'], [1, 'dccp']), 5, 20, 250, 257),
  },
  { weight: 1, arbitrary: floodOf('first', fc.constant('ip-253'), 4090, 4097) },
);

const again: fc.Arbitrary<Event> = fc.record({ type: fc.constant<'again'>('again'), packet: small(15) });

const garbage: fc.Arbitrary<Event> = fc.record({
  type: fc.constant<'garbage'>('garbage'),
  device: small(3),
  octets: fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.uint8Array({ minLength: 20, maxLength: 80 }).map((octets) => Uint8Array.of(0x45, ...octets)),
    fc.uint8Array({ minLength: 40, maxLength: 90 }).map((octets) => Uint8Array.of(0x60, ...octets)),
  ),
});

/** Around ticks, and now and then around every timer of the plans and the ends of what lives. */
const wait: fc.Arbitrary<WaitEvent> = fc.oneof(
  { weight: 6, arbitrary: waitUntil('then', 1, 50, 99, 100, 101, 1000) },
  { weight: 1, arbitrary: waitUntil('then', 1999, 2000, 4900, 9999, 20_000, 60_000) },
  { weight: 2, arbitrary: waitUntil('timer-ends', -100, -1, 0, 1, 100) },
  { weight: 2, arbitrary: waitUntil('session-ends', -99, -1, 0, 1, 100) },
  { weight: 3, arbitrary: waitUntil('held-is-due', -101, -100, -50, -1, 0, 1, 50, 100, 101) },
);

function waitUntil(until: WaitEvent['until'], ...ms: readonly number[]): fc.Arbitrary<WaitEvent> {
  return fc.record({
    type: fc.constant<'wait'>('wait'),
    until: fc.constant(until),
    which: small(63),
    ms: fc.constantFrom(...ms),
    tick: until === 'held-is-due' ? weighted([3, true], [1, false]) : weighted([1, true], [3, false]),
  });
}

const restore: fc.Arbitrary<RestoreEvent> = fc.record({
  type: fc.constant<'restore'>('restore'),
  fresh: weighted([4, true], [1, false]),
  without: fc.constantFrom(0, 0, 2, 3),
  spoilt: fc.constantFrom(0, 0, 1, 2, 3),
  change: small(63),
});

const plan: fc.Arbitrary<PlanEvent> = fc.record({
  type: fc.constant<'plan'>('plan'),
  change: weighted<PlanEvent['change']>(
    [4, 'usable-a'],
    [2, 'usable-b'],
    [2, 'both-down'],
    [2, 'epoch-a'],
    [2, 'address-a'],
    [2, 'routed-a'],
    [2, 'prefer'],
    [2, 'filtering'],
    [1, 'internal-address'],
    [8, 'published'],
    [4, 'published-6'],
    [1, 'filter'],
    [4, 'shun'],
    [4, 'leave'],
    [1, 'policy-numbers'],
  ),
  which: small(63),
  tick: weighted([1, true], [1, false]),
});

/** How often each kind of event happens; packets outnumber everything else. */
const WEIGHTS: readonly (readonly [weight: number, arbitrary: fc.Arbitrary<Event>])[] = [
  [352, outbound],
  [224, toMapping],
  [192, toPublished],
  [352, inSession],
  [56, dialogue],
  [112, again],
  [304, fragment],
  [224, answer],
  [192, error],
  [160, ipv6],
  [320, flow6],
  [48, addressed],
  [32, garbage],
  [96, wait],
  [80, fc.constant<Event>({ type: 'tick' })],
  [8, restore],
  [64, plan],
  // One of them is as long as many sequences.
  [1, flood],
  // More than one tick answers.
  [8, floodOf('calls', weighted([2, 'tcp'], [1, 'dccp']), 3, 17, 18, 35)],
];

export const anyEvent: fc.Arbitrary<Event> = fc.oneof(...WEIGHTS.map(([weight, arbitrary]) => ({ weight, arbitrary })));
