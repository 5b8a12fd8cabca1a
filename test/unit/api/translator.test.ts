import { describe, expect, test } from 'vitest';
import { NptdError } from '../../../src/api/errors.ts';
import { createTranslator, type PacketTranslator } from '../../../src/api/translator.ts';
import { createPacketBatch, egressAt, packetAt, putPacket } from '../../../src/native/packet-batch.ts';
import { verdictCatalogue } from '../../../src/native/verdict-catalogue.ts';
import { parsed, siteText } from '../control/sites.ts';

/** An IPv4 packet with an empty UDP datagram, by the book of RFC 791 and RFC 768. */
function datagram(source: string, destination: string, port = 5353): Uint8Array {
  const octets = new Uint8Array(28);
  const view = new DataView(octets.buffer);
  octets.set([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17]);
  octets.set([...source.split('.'), ...destination.split('.')].map(Number), 12);
  let sum = 0;
  for (let offset = 0; offset < 20; offset += 2) sum += view.getUint16(offset);
  view.setUint16(10, ~((sum & 0xffff) + (sum >>> 16)));
  view.setUint16(20, port);
  view.setUint16(22, 53);
  view.setUint16(24, 8);
  return octets;
}

const sourceOf = (octets: Uint8Array | undefined) => octets?.slice(12, 16).join('.');
const QUERY = datagram('192.168.1.10', '192.0.2.53');

/** `device source` of what leaves for a query of an internal host, else the verdict. */
function route(translator: PacketTranslator, octets: Uint8Array, nowUs: number): string {
  const { verdict, outgoing } = translator.process(translator.device('office'), octets, nowUs);
  const [packet] = outgoing;
  return packet === undefined ? verdict : `${translator.devices[packet.device]} ${sourceOf(packet.octets)}`;
}

const codeOf = (call: () => unknown): string => {
  try {
    call();
    return 'nothing thrown';
  } catch (error) {
    return error instanceof NptdError ? error.code : String(error);
  }
};

test('devices are named like the internal devices and uplinks of the configuration', () => {
  const translator = createTranslator(siteText());
  expect(translator.devices).toEqual(['office', 'fiber', 'lte', 'dsl']);
  expect(translator.device('lte')).toBe(2);
  expect(codeOf(() => translator.device('lan0'))).toBe('UNKNOWN_NAME');
});

test('a packet leaves by the first uplink, translated, and the buffer of the caller stays as it was', () => {
  const translator = createTranslator(siteText());
  const octets = Uint8Array.from(QUERY);
  expect(route(translator, octets, 1000)).toBe('fiber 203.0.113.2');
  expect(octets).toEqual(QUERY);
  expect(translator.sessions(1000)).toMatchObject([{ internal: '192.168.1.10:5353', external: '203.0.113.2:5353' }]);
  expect(translator.mappings(1000)).toMatchObject([{ sessions: 1, uplinkSlot: 0 }]);
});

test('new traffic leaves by another uplink while the first is not usable in its family', () => {
  const translator = createTranslator(siteText());
  translator.setUsable('fiber', 6, false);
  expect(route(translator, QUERY, 1000)).toBe('fiber 203.0.113.2');
  translator.setUsable('fiber', 4, false);
  expect(route(translator, datagram('192.168.1.11', '192.0.2.53'), 2000)).toBe('lte 198.51.100.2');
  translator.setUsable('fiber', 4, true);
  expect(route(translator, datagram('192.168.1.12', '192.0.2.53'), 3000)).toBe('fiber 203.0.113.2');
  expect(codeOf(() => translator.setUsable('satellite', 4, true))).toBe('UNKNOWN_NAME');
});

describe('another configuration', () => {
  test('keeps the sessions', () => {
    const translator = createTranslator(siteText());
    route(translator, QUERY, 1000);
    translator.apply(siteText({ prefer: ['lte', 'fiber', 'dsl'] }));
    expect(translator.sessions(2000)).toHaveLength(1);
    expect(route(translator, datagram('192.168.1.11', '192.0.2.53'), 2000)).toBe('lte 198.51.100.2');
  });

  test('ends those of an uplink whose address changed', () => {
    const translator = createTranslator(siteText());
    route(translator, QUERY, 1000);
    translator.apply(siteText({ fiber: '203.0.113.3' }));
    expect(translator.sessions(2000)).toEqual([]);
    expect(route(translator, QUERY, 2000)).toBe('fiber 203.0.113.3');
  });

  test('with tables of another size needs another translator', () => {
    const translator = createTranslator(siteText());
    const other = `${siteText({ prefer: ['lte', 'fiber', 'dsl'] })}\nlimits: { sessions: 7 }\n`;
    expect(codeOf(() => translator.apply(other))).toBe('RESTART_REQUIRED');
    expect(route(translator, QUERY, 1000)).toBe('fiber 203.0.113.2');
  });

  test('that the engine refuses changes nothing, and costs no session of the uplinks that it would have changed', () => {
    const translator = createTranslator(siteText());
    route(translator, QUERY, 1000);
    const changed = parsed(siteText({ fiber: '203.0.113.3', prefer: ['lte'] }));
    const internal = changed.internal.map((one) => ({ ...one, device: { ...one.device, mtu: 20 } }));
    expect(codeOf(() => translator.apply({ ...changed, internal }))).toBe('PLAN_REFUSED');
    expect(translator.devices).toEqual(['office', 'fiber', 'lte', 'dsl']);
    translator.setUsable('lte', 4, true);
    expect(translator.sessions(2000)).toHaveLength(1);
    expect(route(translator, datagram('192.168.1.11', '192.0.2.53'), 2000)).toBe('fiber 203.0.113.2');
    translator.apply(siteText());
    expect(translator.sessions(3000)).toHaveLength(2);
  });

  test('that is invalid changes nothing', () => {
    const translator = createTranslator(siteText());
    expect(codeOf(() => translator.apply('internal: 5'))).toBe('CONFIG_INVALID');
    expect(route(translator, QUERY, 1000)).toBe('fiber 203.0.113.2');
  });
});

test('a batch is translated in place', () => {
  const translator = createTranslator(siteText());
  const batch = createPacketBatch(1500);
  putPacket(batch, 0, translator.device('office'), QUERY);
  putPacket(batch, 1, translator.device('office'), datagram('10.9.9.9', '192.0.2.53'));
  expect(translator.processBatch(batch, 2, 1000)).toBe(0);
  const names = verdictCatalogue().verdicts.map(({ name }) => name);
  expect([...batch.verdicts.subarray(0, 2)].map((code) => names[code])).toEqual(['Forward', 'SourceNotInternal']);
  expect(sourceOf(packetAt(batch, 0))).toBe('203.0.113.2');
  expect(egressAt(batch, 0)).toBe(translator.device('fiber'));
  expect(translator.takeOutputs()).toEqual([]);
});

test('the same secret makes the same choices again', () => {
  const secret = Uint8Array.from({ length: 16 }, (_, index) => index);
  const externals = [1, 2].map(() => {
    const translator = createTranslator(siteText(), { secret });
    // The second host finds its port taken, so that the secret decides.
    for (const host of ['192.168.1.10', '192.168.1.11']) route(translator, datagram(host, '192.0.2.53'), 1000);
    return translator.mappings(1000).map(({ external }) => external);
  });
  expect(new Set(externals[0]).size).toBe(2);
  expect(externals[0]?.toSorted()).toEqual(externals[1]?.toSorted());
});

test('arguments that cannot be used are errors of the library', () => {
  expect(codeOf(() => createTranslator(siteText(), { secret: new Uint8Array(3) }))).toBe('INVALID_ARGUMENT');
  expect(codeOf(() => createTranslator('uplinks: {}'))).toBe('CONFIG_INVALID');
  const batch = createPacketBatch(1500);
  expect(codeOf(() => createTranslator(siteText()).processBatch(batch, 65, 1000))).toBe('INVALID_ARGUMENT');
});
