/** The workloads are what their description says, and the gateway of their site forwards every packet of them. */
import { describe, expect, it, vi } from 'vitest';
import { SITE } from '../../../bench/workloads/site.ts';
import { framesOf, shuffled, WORKLOADS } from '../../../bench/workloads/workload.ts';
import { replay } from '../../../src/api/replay.ts';
import { createTranslator } from '../../../src/api/translator.ts';
import { LINK_TYPE } from '../../../src/pcap/format.ts';
import { ipPacketOf } from '../../../src/pcap/link-layer.ts';

vi.setConfig({ testTimeout: 60_000 });

/** Fewer flows are enough to see what they are. */
const FLOWS_MAX = 4096;

const small = WORKLOADS.map((workload) => ({ ...workload, flows: Math.min(workload.flows, FLOWS_MAX), rounds: 2 }));

describe('a workload', () => {
  it.each(small)('$name is forwarded by its site, every packet of it', (workload) => {
    const translator = createTranslator(SITE.replaceAll('1048576', '16384'));
    const device = translator.device('site');
    const frames = framesOf(workload);
    const packets = frames.map((frame, timeUs) => {
      const octets = ipPacketOf(LINK_TYPE.ethernet, frame);
      if (octets === undefined) throw new Error('a frame without IP');
      return { device, timeUs, octets };
    });
    expect(replay(translator, packets).verdicts).toEqual({ Forward: 3 * workload.flows });
    expect(translator.sessions(packets.length)).toHaveLength(workload.flows);
  });

  it.each(small)('$name has frames of the lengths that it says', (workload) => {
    const withCheckSequence = framesOf(workload).map(({ length }) => length + 4);
    const lengths = [...new Set(withCheckSequence)].toSorted((one, other) => one - other);
    const said = { 'nptv6-out': [68], mix: [64, 594, 1518] }[workload.name] ?? [64];
    // A TCP segment that opens a connection is short, and so is the least of IPv6.
    expect(lengths.filter((length) => said.includes(length))).toEqual(said);
    expect(lengths.filter((length) => !said.includes(length) && length > 78)).toEqual([]);
  });
});

describe('the order of flows', () => {
  it('has each once, is random, and the same in every run', () => {
    const order = shuffled(1000);
    expect(order.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 1000 }, (_, index) => index));
    expect(order.filter((flow, index) => flow === index).length).toBeLessThan(20);
    expect(shuffled(1000)).toEqual(order);
  });
});
