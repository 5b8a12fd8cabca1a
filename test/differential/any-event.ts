/** Which events happen, and how often. */
import fc from 'fast-check';
import type {
  AddressedEvent,
  AnswerEvent,
  Damage,
  ErrorEvent,
  Event,
  InSessionEvent,
  OutboundEvent,
  PacketShape,
  PlanEvent,
  Protocol,
  ToMappingEvent,
} from './event.ts';

const small = (max: number) => fc.nat({ max });

const shape: fc.Arbitrary<PacketShape> = fc.record({
  ttl: fc.oneof({ weight: 12, arbitrary: fc.constant(64) }, { weight: 1, arbitrary: fc.constantFrom(0, 1, 2, 255) }),
  size: fc.oneof(
    { weight: 12, arbitrary: small(40) },
    { weight: 2, arbitrary: fc.constantFrom(540, 672, 1252, 1372, 1460, 1472, 1473) },
  ),
  dontFragment: fc.boolean(),
  tos: fc.constantFrom(0, 0, 0, 0xb8, 0x03, 0xff),
  options: fc.constantFrom(false, false, false, false, false, false, false, true),
  tcpOptions: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat({ max: 13 }) }),
});

const damage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 24, arbitrary: fc.constant<Damage>({ kind: 'none' }) },
  { weight: 1, arbitrary: small(1000).map((permille): Damage => ({ kind: 'truncate', permille })) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 30 }).map((octets): Damage => ({ kind: 'extend', octets })) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant<'patch'>('patch'),
      permille: small(1000),
      value: small(255),
      repairHeader: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant<'fragment'>('fragment'),
      offset: fc.constantFrom(0, 8, 1480),
      more: fc.boolean(),
    }),
  },
);

const flags = fc.oneof(
  { weight: 6, arbitrary: fc.constant('SYN') },
  { weight: 10, arbitrary: fc.constantFrom('ACK', 'SYN,ACK', 'FIN,ACK', 'RST', 'RST,ACK', 'PSH,ACK') },
  { weight: 1, arbitrary: fc.constantFrom('', 'SYN,FIN', 'SYN,RST', 'FIN', 'SYN,FIN,RST,ACK') },
);

const sent = { shape, damage };
/** Mostly the first of a list, so that flows meet again. */
const mostlyFirst = (max: number) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: small(max) });

const endpoints = { host: small(5), port: mostlyFirst(6), remote: mostlyFirst(3), remotePort: mostlyFirst(2), flags };

const outbound: fc.Arbitrary<OutboundEvent> = fc.record({
  type: fc.constant<'outbound'>('outbound'),
  protocol: fc.constantFrom<Protocol>('udp', 'tcp', 'icmp'),
  ...endpoints,
  ...sent,
});

const toMapping: fc.Arbitrary<ToMappingEvent> = fc.record({
  type: fc.constant<'to-mapping'>('to-mapping'),
  mapping: small(63),
  from: fc.constantFrom('its-uplink', 'its-uplink', 'its-uplink', 'site', 'site', 'other-uplink'),
  ...endpoints,
  ...sent,
});

const inSession: fc.Arbitrary<InSessionEvent> = fc.record({
  type: fc.constant<'in-session'>('in-session'),
  session: small(63),
  side: fc.constantFrom('internal', 'internal', 'external'),
  flags,
  ...sent,
});

const answer: fc.Arbitrary<AnswerEvent> = fc.record({
  type: fc.constant<'answer'>('answer'),
  packet: small(15),
  flags,
  ...sent,
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

const ipv6Choice = fc.record({ prefix: small(7), subnet: small(7), interfaceId: small(7) });

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

const addressed: fc.Arbitrary<AddressedEvent> = fc.record({
  type: fc.constant<'addressed'>('addressed'),
  device: fc.constantFrom(0, 0, 1, 2, 3, 3, 1, 4),
  source: small(63),
  destination: small(63),
  payload: fc.constantFrom('udp', 'echo', 'echo', 'echo-reply', 'other-icmp', 'tcp', 'gre'),
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
    { weight: 1, arbitrary: answer },
    { weight: 1, arbitrary: error },
    { weight: 1, arbitrary: addressed },
  ),
  identification: fc.constantFrom(7, 7, 8, 65_535),
  part: fc.record({
    place: fc.constantFrom('first', 'first', 'middle', 'last'),
    cut: fc.constantFrom(8, 16, 24, 64, 64, 64, 576, 1240, 1360, 1480, 2032, 2040),
    ttl: fc.constantFrom(64, 64, 64, 64, 64, 64, 2, 1),
    dontFragment: fc.constantFrom(false, false, false, true),
  }),
});

const flood: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.record({
      type: fc.constant<'flood'>('flood'),
      device: small(3),
      kind: fc.constant<'lone'>('lone'),
      count: fc.constantFrom(5, 20, 250, 257),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant<'flood'>('flood'),
      device: small(3),
      kind: fc.constant<'first'>('first'),
      count: fc.constantFrom(4090, 4097),
    }),
  },
);

const again: fc.Arbitrary<Event> = fc.record({ type: fc.constant<'again'>('again'), packet: small(15) });

const octetsOfNoMeaning: fc.Arbitrary<Event> = fc.record({
  type: fc.constant<'garbage'>('garbage'),
  device: small(3),
  octets: fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.uint8Array({ minLength: 20, maxLength: 80 }).map((octets) => Uint8Array.of(0x45, ...octets)),
    fc.uint8Array({ minLength: 40, maxLength: 90 }).map((octets) => Uint8Array.of(0x60, ...octets)),
  ),
});

const garbage = fc.oneof({ weight: 14, arbitrary: octetsOfNoMeaning }, { weight: 1, arbitrary: flood });

/** Around ticks, and now and then around every timer of the plans. */
const wait: fc.Arbitrary<Event> = fc
  .oneof(
    { weight: 3, arbitrary: fc.constantFrom(1, 50, 99, 100, 101, 1000) },
    { weight: 1, arbitrary: fc.constantFrom(1999, 2000, 2001, 4900, 5000, 5100, 7499, 9999, 10000, 20_000, 60_000) },
  )
  .map((ms): Event => ({ type: 'wait', ms }));

const plan: fc.Arbitrary<Event> = fc
  .constantFrom(
    'usable-a',
    'usable-a',
    'usable-b',
    'both-down',
    'epoch-a',
    'address-a',
    'routed-a',
    'prefer',
    'filtering',
  )
  .map((change): Event => ({ type: 'plan', change: change as PlanEvent['change'] }));

/** One event; packets outnumber everything else. */
export const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  { weight: 22, arbitrary: outbound },
  { weight: 14, arbitrary: toMapping },
  { weight: 18, arbitrary: inSession },
  { weight: 8, arbitrary: again },
  { weight: 20, arbitrary: fragment },
  { weight: 14, arbitrary: answer },
  { weight: 12, arbitrary: error },
  { weight: 12, arbitrary: ipv6 },
  { weight: 3, arbitrary: addressed },
  { weight: 2, arbitrary: garbage },
  { weight: 6, arbitrary: wait },
  { weight: 4, arbitrary: plan },
);
