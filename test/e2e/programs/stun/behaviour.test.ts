/** What the STUN server answers, octet by octet: nothing of its own code reads the answers here. */
import { describe, expect, test } from 'vitest';
import { answerStun, type ServerPlace } from './behaviour.ts';

const PLACE: ServerPlace = { addresses: ['192.0.2.53', '192.0.2.80'], ports: [3478, 3479] };
const CLIENT = { address: '203.0.113.2', port: 0xabcd };
const PRIMARY = { address: '192.0.2.53', port: 3478 };
const TRANSACTION = '000102030405060708090a0b';

const hex = (octets: number, width: number) => octets.toString(16).padStart(width, '0');

/** A Binding request with attributes given in hexadecimal. */
function request(...attributes: string[]): Buffer {
  const body = attributes.join('');
  return Buffer.from(`0001${hex(body.length / 2, 4)}2112a442${TRANSACTION}${body}`, 'hex');
}

const changeRequest = (value: number) => `00030004${hex(value, 8)}`;
const responsePort = (port: number) => `00270004${hex(port, 4)}0000`;
const PADDING = '0026000401020304';

function endpoint(address: string, port: number): string {
  const octets = address.split('.').map((octet) => hex(Number(octet), 2));
  return `0001${hex(port, 4)}${octets.join('')}`;
}

/** Attributes of an answer: their values in hexadecimal by their types. */
function attributesOf(octets: Buffer): Record<string, string> {
  expect(octets.readUInt16BE(2)).toBe(octets.length - 20);
  expect(octets.toString('hex', 4, 20)).toBe(`2112a442${TRANSACTION}`);
  const found: Record<string, string> = {};
  for (let at = 20; at < octets.length; ) {
    const length = octets.readUInt16BE(at + 2);
    found[octets.toString('hex', at, at + 2)] = octets.toString('hex', at + 4, at + 4 + length);
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return found;
}

function answer(octets: Buffer, arrival = PRIMARY) {
  const answered = answerStun(PLACE, octets, arrival, CLIENT);
  if (answered === undefined) throw new Error('no answer');
  return { ...answered, type: answered.octets.readUInt16BE(0), attributes: attributesOf(answered.octets) };
}

describe('the answer to a Binding request', () => {
  test('5780-S1: says where it was seen from, plainly and masked by the cookie', () => {
    const { type, attributes, to } = answer(request());
    expect(type).toBe(0x0101);
    expect(attributes['0001']).toBe(endpoint(CLIENT.address, CLIENT.port));
    // 0xabcd ^ 0x2112, 203.0.113.2 ^ 0x2112a442
    expect(attributes['0020']).toBe('00018adfea12d540');
    expect(to).toEqual(CLIENT);
  });

  test.each([
    ['192.0.2.53', 3478, '192.0.2.80', 3479],
    ['192.0.2.53', 3479, '192.0.2.80', 3478],
    ['192.0.2.80', 3478, '192.0.2.53', 3479],
    ['192.0.2.80', 3479, '192.0.2.53', 3478],
  ])('5780-S1: of what arrived at %s:%i the other address is %s:%i', (address, port, otherAddress, otherPort) => {
    const { from, attributes } = answer(request(), { address, port });
    expect(attributes['802c']).toBe(endpoint(otherAddress, otherPort));
    expect(attributes['802b']).toBe(endpoint(address, port));
    expect(from).toEqual({ address, port });
  });

  test.each([
    [0, PRIMARY.address, PRIMARY.port],
    [2, PRIMARY.address, 3479],
    [4, '192.0.2.80', PRIMARY.port],
    [6, '192.0.2.80', 3479],
  ])('5780-S2: with a CHANGE-REQUEST of %i leaves from %s:%i, and says so', (change, address, port) => {
    const { from, to, attributes } = answer(request(changeRequest(change)));
    expect(from).toEqual({ address, port });
    expect(to).toEqual(CLIENT);
    expect(attributes['802b']).toBe(endpoint(address, port));
    expect(attributes['802c']).toBe(endpoint('192.0.2.80', 3479));
  });

  test('5780-S2: a CHANGE-REQUEST is relative to where it arrived', () => {
    const { from } = answer(request(changeRequest(6)), { address: '192.0.2.80', port: 3478 });
    expect(from).toEqual({ address: '192.0.2.53', port: 3479 });
  });

  test.each([0, 1, 40_000, 65_535])('5780-S3: goes to the RESPONSE-PORT %i at the same address', (port) => {
    const { to, attributes } = answer(request(responsePort(port)));
    expect(to).toEqual({ address: CLIENT.address, port });
    expect(attributes['0001']).toBe(endpoint(CLIENT.address, CLIENT.port));
  });

  test('5780-P: has padding of an MTU if the request has padding', () => {
    expect(answer(request(PADDING)).attributes['0026']).toHaveLength(2 * 1500);
    expect(answer(request()).attributes['0026']).toBeUndefined();
  });
});

describe('a request that is refused', () => {
  test.each([
    ['RESPONSE-PORT and PADDING', responsePort(40_000) + PADDING],
    ['PADDING and RESPONSE-PORT', PADDING + responsePort(40_000)],
    ['a CHANGE-REQUEST that is too short', '0003000200060000'],
  ])('5780-S3: %s together are answered with 400', (_title, attributes) => {
    const { type, to, from, attributes: found } = answer(request(attributes));
    expect(type).toBe(0x0111);
    expect(found).toEqual({ '0009': '00000400' });
    expect({ to, from }).toEqual({ to: CLIENT, from: PRIMARY });
  });

  test('an attribute that must be understood and is not is answered with 420 and its type', () => {
    const { type, attributes } = answer(request('7ffe0000', changeRequest(6)));
    expect(type).toBe(0x0111);
    expect(attributes).toEqual({ '0009': '00000414', '000a': '7ffe' });
  });

  test('an attribute that need not be understood is passed over', () => {
    expect(answer(request('802200057465737473000000')).type).toBe(0x0101);
  });
});

test.each([
  ['nothing', ''],
  ['text', Buffer.from('hello, this is no STUN at all').toString('hex')],
  ['another cookie', `000100002112a443${TRANSACTION}`],
  ['an answer', `010100002112a442${TRANSACTION}`],
  ['an indication', `001100002112a442${TRANSACTION}`],
  ['a wrong length', `000100042112a442${TRANSACTION}`],
  ['an attribute that runs past the end', `000100042112a442${TRANSACTION}00030004`],
])('%s gets no answer', (_title, octets) => {
  expect(answerStun(PLACE, Buffer.from(octets, 'hex'), PRIMARY, CLIENT)).toBeUndefined();
});
