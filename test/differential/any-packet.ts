/** What packets look like: header fields, what they say to their connection, what is wrong with them. */
import fc from 'fast-check';
import type { Damage, DialogueStep, PacketShape, Protocol, Speech } from './event.ts';
import { TCP_OPTIONS } from './flow-packet.ts';

export const small = (max: number): fc.Arbitrary<number> => fc.nat({ max });

/** Mostly the first of a list, so that flows meet again. */
export const mostlyFirst = (max: number): fc.Arbitrary<number> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: small(max) });

/** Each as often as its weight says. */
export function weighted<T>(...choices: readonly (readonly [weight: number, value: T])[]): fc.Arbitrary<T> {
  return fc.constantFrom(...choices.flatMap(([weight, value]) => Array.from({ length: weight }, () => value)));
}

const shape: fc.Arbitrary<PacketShape> = fc.record({
  ttl: fc.oneof({ weight: 12, arbitrary: fc.constant(64) }, { weight: 1, arbitrary: fc.constantFrom(0, 1, 2, 255) }),
  size: fc.oneof(
    { weight: 24, arbitrary: small(40) },
    { weight: 3, arbitrary: fc.constantFrom(540, 672, 1252, 1372, 1460, 1472, 1473) },
  ),
  dontFragment: fc.boolean(),
  tos: fc.constantFrom(0, 0, 0, 0xb8, 0x03, 0xff),
  options: fc.constantFrom(false, false, false, false, false, false, false, true),
});

const damage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 30, arbitrary: fc.constant<Damage>({ kind: 'none' }) },
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
  { weight: 5, arbitrary: fc.constant('SYN') },
  {
    weight: 10,
    arbitrary: fc.constantFrom('ACK', 'SYN,ACK', 'FIN,ACK', 'RST', 'RST', 'RST,ACK', 'PSH,ACK'),
  },
  { weight: 1, arbitrary: fc.constantFrom('', 'SYN,FIN', 'SYN,RST', 'FIN', 'SYN,FIN,RST,ACK') },
);

/** At the edges of windows, of what a SYN may carry, and of the circle of numbers. */
const distance = fc.oneof(
  { weight: 6, arbitrary: small(2) },
  { weight: 4, arbitrary: fc.constantFrom(1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537) },
  { weight: 2, arbitrary: fc.tuple(small(31), fc.constantFrom(-1, 0, 1)).map(([bits, more]) => 2 ** bits + more) },
  { weight: 2, arbitrary: fc.constantFrom(-1, -1459, -1460, -1460, -1461, -1461) },
  { weight: 1, arbitrary: small(0xffff_ffff) },
);

const dccp: fc.Arbitrary<Speech['dccp']> = weighted(
  [6, 'Request'],
  [4, 'Response'],
  [1, 'Listen'],
  [2, 'Data'],
  [2, 'Ack'],
  [2, 'DataAck'],
  [1, 'CloseReq'],
  [2, 'Close'],
  [2, 'Reset'],
  [1, 'Sync'],
  [1, 'SyncAck'],
);

const rest = {
  tcpOptions: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 3, arbitrary: small(3) },
    { weight: 2, arbitrary: small(TCP_OPTIONS.length - 1) },
  ),
  sequence: distance,
  acknowledgement: distance,
  after: weighted<Speech['after']>([3, 'beginning'], [2, 'window'], [5, 'said']),
  window: fc.constantFrom(0, 1, 254, 255, 256, 511, 512, 32_767, 32_768, 65_535, 65_535, 65_535),
  coverage: fc.constantFrom(0, 0, 0, 0, 0, 0, 8, 8, 9, 16, 1, 2, 3, 40),
  turned: weighted([6, false], [1, true]),
};

const speech: fc.Arbitrary<Speech> = fc.record({ flags, dccp, ...rest });

/** Of packets that mostly open a connection. */
const openingSpeech: fc.Arbitrary<Speech> = fc.record({
  flags: fc.oneof({ weight: 3, arbitrary: fc.constant('SYN') }, { weight: 1, arbitrary: flags }),
  dccp: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom<Speech['dccp']>('Request', 'Request', 'Listen') },
    { weight: 1, arbitrary: dccp },
  ),
  ...rest,
});

/** Where a conversation goes on as it should, or just beside. */
const edge = weighted(
  [8, 0],
  [2, 1],
  [2, -1],
  [1, 2 ** 31 - 1],
  [1, 2 ** 31],
  [1, 2 ** 31 + 1],
  [1, 65_535],
  [1, 65_536],
  [1, -1460],
  [1, -1461],
);

/** What ends of a conversation say that was opened by a SYN or a Request. */
const dialogueStep = fc
  .record({
    what: weighted<readonly [DialogueStep['side'], string, Speech['dccp']]>(
      [6, ['external', 'SYN,ACK', 'Response']],
      [6, ['internal', 'ACK', 'Ack']],
      [4, ['external', 'RST', 'Reset']],
      [1, ['external', 'RST,ACK', 'Data']],
      [1, ['internal', 'RST', 'Reset']],
      [2, ['internal', 'FIN,ACK', 'Close']],
      [2, ['external', 'FIN,ACK', 'CloseReq']],
      [1, ['internal', 'SYN', 'Request']],
      [1, ['external', 'SYN', 'Listen']],
      [1, ['internal', 'SYN,ACK', 'Response']],
    ),
    shape,
    ...rest,
    sequence: edge,
    acknowledgement: edge,
    after: weighted<Speech['after']>([3, 'said'], [1, 'window']),
    tcpOptions: small(3),
  })
  .map(({ what: [side, flags, type], shape: ofPacket, ...more }): DialogueStep => {
    return { side, shape: ofPacket, speech: { ...more, flags, dccp: type } };
  });

export const dialogueSteps = fc.array(dialogueStep, { minLength: 1, maxLength: 7 });

export const sent = { shape, damage };
export const spoken = { ...sent, speech };
export const opening = { ...sent, speech: openingSpeech };

export const endpoints = { host: small(5), port: mostlyFirst(6), remote: mostlyFirst(3), remotePort: mostlyFirst(2) };

/** Those that every implementation knows, and AH, which none translates. */
export const protocol: fc.Arbitrary<Protocol> = weighted<Protocol>(
  [6, 'udp'],
  [8, 'tcp'],
  [4, 'icmp'],
  [3, 'udp-lite'],
  [4, 'dccp'],
  [2, 'esp'],
  [2, 'gre'],
  [1, 'sctp'],
  [1, 'ip-253'],
  [1, 'ip-51'],
);

/** Those that have ports. */
export const protocolWithPorts: fc.Arbitrary<Protocol> = fc.constantFrom<Protocol>('udp', 'tcp', 'udp-lite', 'dccp');
