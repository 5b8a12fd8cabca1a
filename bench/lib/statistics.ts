/** What is said of a figure that was measured several times. */

/** The middle of the samples, or the mean of the two in the middle; NaN of none. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((one, other) => one - other);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** Distance between the least and the greatest sample, in per cent of the median. */
export function spreadPercent(samples: readonly number[]): number {
  if (samples.length === 0) return Number.NaN;
  return ((Math.max(...samples) - Math.min(...samples)) / median(samples)) * 100;
}

/**
 * Median of the ratios of samples that were taken in the same round: what slowed the machine down for a while slowed
 * both. Rounds that lack one of the two, or a divisor, say nothing.
 */
export function medianRatio(values: readonly number[], peers: readonly number[]): number {
  const ratios = values.map((value, round) => value / (peers[round] ?? Number.NaN));
  return median(ratios.filter(Number.isFinite));
}
