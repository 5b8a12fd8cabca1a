/** A suite: the same packets through each implementation. */
import Benchmark from 'benchmark';

export interface Row {
  /** Case, like `nat44-out`. */
  readonly case: string;
  /** Implementation, like `reference`. */
  readonly implementation: string;
  /** Nanoseconds per packet, mean over the samples of benchmark.js. */
  readonly value: number;
  readonly unit: 'ns/packet';
  /** Relative margin of error at 95 %, in per cent. */
  readonly errorPercent: number;
}

export interface Candidate {
  readonly implementation: string;
  /** Packets that one call processes. */
  readonly packets: number;
  /** One call; throws when a packet is not forwarded. */
  readonly run: () => void;
}

/** Times every candidate of a case, for `seconds` each. */
export function measure(name: string, candidates: readonly Candidate[], seconds: number): Row[] {
  return candidates.map(({ implementation, packets, run }) => {
    const benchmark = new Benchmark(`${name} ${implementation}`, run, { maxTime: seconds, minSamples: 5 });
    benchmark.run({ async: false });
    if (benchmark.error !== undefined) throw benchmark.error;
    const value = (benchmark.stats.mean * 1e9) / packets;
    return { case: name, implementation, value, unit: 'ns/packet', errorPercent: benchmark.stats.rme };
  });
}
