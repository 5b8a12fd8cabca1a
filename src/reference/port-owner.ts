/** Which of several workers a port belongs to ("Workers" in docs/decisions.md). */

/** The number of the owner of a port, or of the identifier of an ICMP query. */
export function ownerOfPort(port: number, workers: number): number {
  return mix16(port >> 1) % workers;
}

/** What one worker has of a capacity. */
export function shareOf(total: number, workers: number): number {
  return Math.ceil(total / workers);
}

function mix16(value: number): number {
  const first = product16(value ^ (value >> 8), 0x88b5);
  const second = product16(first ^ (first >> 7), 0xdb2d);
  return second ^ (second >> 9);
}

function product16(a: number, b: number): number {
  return (a * b) % 65_536;
}
