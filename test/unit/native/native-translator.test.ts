/** The engine behind the translator's interface: its batches, and what it refuses. Packets are judged elsewhere. */
import { describe, expect, it } from 'vitest';
import { NativeTranslator } from '../../../src/native/native-translator.ts';
import {
  BATCH_HEADROOM,
  BATCH_PACKETS_MAX,
  createPacketBatch,
  egressAt,
  packetAt,
  putPacket,
} from '../../../src/native/packet-batch.ts';
import { NativeError } from '../../../src/native/unwrap-error.ts';
import { verdictCatalogue } from '../../../src/native/verdict-catalogue.ts';
import type { Plan } from '../../../src/plan/plan.ts';
import { udp } from '../../support/packet-builder.ts';
import { ISP_A, LAN, twoUplinks } from '../../support/plans.ts';
import { OPTIONS } from '../../support/translator-bed.ts';

const NOW_US = 1_000_000;

function translator(plan: Plan = twoUplinks()): NativeTranslator {
  const made = new NativeTranslator(OPTIONS);
  made.applyPlan(plan);
  return made;
}

/** UDP from hosts of the site to the Internet; every fifth has no hop left. */
const packets = Array.from({ length: BATCH_PACKETS_MAX }, (_, index) =>
  udp(`10.0.0.${11 + (index % 7)}:${5000 + index}`, '192.0.2.10:53', { ttl: index % 5 === 0 ? 1 : 64 }),
);

function refusalOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof NativeError) return `${error.code} ${error.path}`;
    throw error;
  }
  return 'nothing';
}

describe('a batch', () => {
  it('ends as its packets do one by one', () => {
    const single = translator();
    const expected = packets.map((octets) => single.process(LAN, octets, NOW_US));

    const whole = translator();
    const batch = createPacketBatch(1500);
    packets.forEach((octets, index) => {
      putPacket(batch, index, LAN, octets);
    });
    const outputs = whole.processBatch(batch, packets.length, NOW_US);

    const names = verdictCatalogue().verdicts.map(({ name }) => name);
    const verdicts = packets.map((_, index) => names[batch.verdicts[index] ?? -1]);
    expect(verdicts).toEqual(expected.map(({ verdict }) => verdict));
    expect(verdicts.filter((verdict) => verdict === 'Forward')).toHaveLength(51);
    for (const [index, { verdict, outgoing }] of expected.entries()) {
      if (verdict !== 'Forward') continue;
      expect(egressAt(batch, index)).toBe(ISP_A);
      expect(packetAt(batch, index)).toEqual(outgoing[0]?.octets);
    }
    const errors = expected.flatMap(({ outgoing }) => outgoing.filter(({ kind }) => kind === 'IcmpError'));
    expect(outputs).toBe(13);
    expect(whole.takeOutputs()).toEqual(errors);
    expect(whole.takeOutputs()).toEqual([]);
    expect(whole.sessions(NOW_US)).toHaveLength(51);
  });

  it('changes nothing behind the count', () => {
    const batch = createPacketBatch(1500);
    const [first = new Uint8Array(), second = new Uint8Array()] = packets.slice(1);
    putPacket(batch, 0, LAN, first);
    putPacket(batch, 1, LAN, second);
    batch.verdicts.fill(255);
    translator().processBatch(batch, 1, NOW_US);
    expect([...batch.verdicts.subarray(0, 3)]).toEqual([0, 255, 255]);
    expect(packetAt(batch, 1)).toEqual(second);
  });

  it('has slots that are no power of two and hold the packet behind the headroom', () => {
    for (const octets of [20, 192, 1500, 9000]) {
      const { slotOctets, memory } = createPacketBatch(octets);
      expect(slotOctets).toBeGreaterThanOrEqual(BATCH_HEADROOM + octets);
      expect((slotOctets / 64) % 2).toBe(1);
      expect(memory).toHaveLength(slotOctets * BATCH_PACKETS_MAX);
    }
  });

  it('is refused, not misread, when its arrays do not fit', () => {
    const native = translator();
    const good = createPacketBatch(100);
    const refusal = (change: object, count = 2) =>
      refusalOf(() => native.processBatch({ ...good, ...change }, count, NOW_US));
    expect(refusal({}, 65)).toBe('InvalidArgument count');
    expect(refusal({ memory: good.memory.subarray(0, good.slotOctets) })).toBe('InvalidArgument memory');
    expect(refusal({ slotOctets: 0 })).toBe('InvalidArgument memory');
    expect(refusal({ descriptors: new Uint32Array(7) })).toBe('InvalidArgument descriptors');
    expect(refusal({ verdicts: new Uint8Array(1) })).toBe('InvalidArgument verdicts');
    expect(refusal({ verdicts: good.memory.subarray(100, 102) })).toBe('InvalidArgument memory');
    expect(refusal({ descriptors: Uint32Array.of(0, 0, 65_536, 0, 0, 0, 0, 0) })).toBe('InvalidArgument descriptors');
    expect(refusal({})).toBe('nothing');
  });

  it('drops a packet whose descriptor points out of its slot', () => {
    const batch = createPacketBatch(100);
    batch.descriptors.set([4_000_000_000, 4_000_000_000, LAN]);
    translator().processBatch(batch, 1, NOW_US);
    expect(verdictCatalogue().verdicts[batch.verdicts[0] ?? -1]?.name).toBe('UnsupportedEtherType');
    expect([...batch.descriptors.subarray(0, 2)]).toEqual([batch.slotOctets, 0]);
  });
});

describe('a packet', () => {
  it('longer than any frame is dropped', () => {
    expect(translator().process(LAN, new Uint8Array(70_000), NOW_US)).toEqual({
      verdict: 'FrameTooLong',
      outgoing: [],
    });
  });

  it('from a device that is no index is refused', () => {
    const native = translator();
    for (const device of [-1, 0.5, 65_536, Number.NaN]) {
      expect(refusalOf(() => native.process(device, new Uint8Array(20), NOW_US))).toBe('InvalidArgument device');
    }
    expect(native.process(99, new Uint8Array(20), NOW_US).verdict).toBe('UnknownDevice');
  });
});

describe('time', () => {
  it('that falls is taken as standing still', () => {
    const native = translator();
    const [, packet = new Uint8Array()] = packets;
    native.process(LAN, packet, 400_000_000);
    expect(native.sessions(0)).toHaveLength(1);
    expect(native.sessions(400_000_000 + 299_000_000)).toHaveLength(1);
    expect(native.sessions(400_000_000 + 301_000_000)).toHaveLength(0);
  });
});

describe('options and plans that cannot be used', () => {
  it('are refused with their path', () => {
    const options = (change: object) => refusalOf(() => new NativeTranslator({ ...OPTIONS, ...change }));
    expect(options({ secret: new Uint8Array(8) })).toBe('InvalidArgument secret');
    expect(options({ mappingsMax: 2 ** 32 })).toBe('InvalidArgument mappingsMax');
    expect(options({ sessionsMax: -1 })).toBe('InvalidArgument sessionsMax');
    for (const workers of [0, 17, 300, 1.5]) {
      expect(options({ workers })).toBe('InvalidArgument workers');
    }
  });

  it('name the place in the plan', () => {
    const plan = twoUplinks();
    const [device, ...devices] = plan.devices;
    const [uplink, ...uplinks] = plan.uplinks;
    if (device === undefined || uplink?.ipv4 === undefined || uplink.ipv6 === undefined)
      throw new Error('no such plan');
    const [pair] = uplink.ipv6.pairs;
    const { ipv4, ipv6 } = uplink;
    const withDevice = (change: object) => ({ ...plan, devices: [{ ...device, ...change }, ...devices] });
    const withUplink = (change: object) => ({ ...plan, uplinks: [{ ...uplink, ...change }, ...uplinks] });
    const refusal = (bad: Plan) => refusalOf(() => new NativeTranslator(OPTIONS).applyPlan(bad));
    expect(refusal(withDevice({ mac: new Uint8Array(5) }))).toBe('PlanRefused devices[0].mac');
    expect(refusal(withDevice({ mtu: 1500.5 }))).toBe('PlanRefused devices[0].mtu');
    expect(refusal(withDevice({ ipv4: [{ address: 2 ** 32, prefixLength: 24 }] }))).toBe(
      'PlanRefused devices[0].ipv4[0].address',
    );
    expect(refusal(withDevice({ ipv6: [{ address: new Uint8Array(17), prefixLength: 64 }] }))).toBe(
      'PlanRefused devices[0].ipv6[0].address',
    );
    expect(refusal({ ...plan, routes: [{ device: 0 }] })).toBe('PlanRefused routes[0]');
    expect(refusal(withUplink({ ipv4: { ...ipv4, pool: [1, -1] } }))).toBe('PlanRefused uplinks[0].ipv4.pool[1]');
    expect(refusal(withUplink({ ipv6: { ...ipv6, pairs: [{ ...pair, internal: new Uint8Array(4) }] } }))).toBe(
      'PlanRefused uplinks[0].ipv6.pairs[0].internal',
    );
    expect(refusal({ ...plan, nat44: { ...plan.nat44, udpMs: Number.POSITIVE_INFINITY } })).toBe(
      'PlanRefused nat44.udpMs',
    );
    expect(refusal(plan)).toBe('nothing');
  });
});
