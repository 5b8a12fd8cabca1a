/** Whether a reset from outside belongs to its connection ("Reset check" in docs/decisions.md; 7857-S2.2, 5382-sec2). */
import type { TcpHeader } from './packet.ts';
import type { Side } from './tcp-machine.ts';

/** The gap of an unanswered SYN: data that it carried and the peer did not take. */
const UNTAKEN_MAX = 1460;
const FIRST_WINDOW = 65_536;

/** What is kept of a TCP session; sequence numbers are taken modulo 2^32. */
export interface SequenceTrack {
  /** What the internal host expects next; before it has acknowledged anything, what the peer would acknowledge. */
  readonly expected: number;
  /** Whether the internal host has acknowledged anything. */
  readonly acknowledged: boolean;
  /** A power of two. */
  readonly window: number;
  /** The window scales that the sides have offered. */
  readonly scales: Partial<Record<Side, number>>;
}

/** The track of a session that this segment opens, or begins anew. */
export function openTrack(side: Side, segment: TcpHeader): SequenceTrack {
  return {
    expected: endOf(segment),
    acknowledged: side === 'external',
    window: FIRST_WINDOW,
    scales: scalesAfter({}, side, segment),
  };
}

/** Whether the table may see a reset from outside as such. */
export function belongs(track: SequenceTrack, { sequence, acknowledgement, flags }: TcpHeader): boolean {
  return track.acknowledged
    ? distance(track.expected, sequence) < track.window
    : flags.ack && distance(acknowledgement, track.expected) <= UNTAKEN_MAX;
}

/** The track after a segment that does not begin the connection anew. A reset changes nothing, whatever else it says. */
export function nextTrack(track: SequenceTrack, side: Side, segment: TcpHeader): SequenceTrack {
  const { syn, ack, rst } = segment.flags;
  if (rst) {
    return track;
  }
  const scales = scalesAfter(track.scales, side, segment);
  if (side === 'external') {
    return { ...track, scales };
  }
  if (syn && !ack && !track.acknowledged) {
    return { expected: endOf(segment), acknowledged: false, window: FIRST_WINDOW, scales };
  }
  const isNews = !track.acknowledged || distance(track.expected, segment.acknowledgement) < 2 ** 31;
  if (ack && isNews) {
    const window = windowOf(segment, scales);
    return { expected: segment.acknowledgement, acknowledged: true, window, scales };
  }
  return { ...track, scales };
}

/** Every SYN says whether its side scales its windows. */
function scalesAfter(scales: SequenceTrack['scales'], side: Side, segment: TcpHeader): SequenceTrack['scales'] {
  if (!segment.flags.syn) {
    return scales;
  }
  const { [side]: _, ...ofOther } = scales;
  return segment.windowScale === undefined ? ofOther : { ...ofOther, [side]: segment.windowScale };
}

/** The smallest power of two above the window that the internal host offers. */
function windowOf({ window, flags }: TcpHeader, { internal, external }: SequenceTrack['scales']): number {
  const areScaled = internal !== undefined && external !== undefined && !flags.syn;
  const octets = areScaled ? window * 2 ** internal : window;
  let power = 1;
  while (power <= octets) {
    power *= 2;
  }
  return power;
}

/** The sequence number after a segment. */
function endOf({ sequence, payloadLength, flags }: TcpHeader): number {
  return (sequence + payloadLength + Number(flags.syn) + Number(flags.fin)) >>> 0;
}

/** How far one sequence number is after another. */
function distance(from: number, to: number): number {
  return (to - from) >>> 0;
}
