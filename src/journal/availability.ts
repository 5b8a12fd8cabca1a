/** From journal entries to how long each uplink worked, and when it did not. Pure. */
import type { JournalEntry } from './entry.ts';

/** One uplink in one family, within a stretch of time. */
export interface Availability {
  readonly uplink: string;
  readonly family: number;
  /** How long its health was known to the journal: the gateway ran, and had heard of it. */
  readonly observedMs: number;
  readonly degradedMs: number;
  readonly downMs: number;
  /** In order of time. */
  readonly outages: readonly Outage[];
}

export interface Outage {
  readonly fromMs: number;
  /** Absent: it goes on. */
  readonly toMs?: number;
  /** A sentence without a full stop. */
  readonly cause: string;
}

export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

interface Course {
  readonly uplink: string;
  readonly family: number;
  status: string;
  sinceMs: number;
  cause: string;
  observedMs: number;
  degradedMs: number;
  downMs: number;
  readonly outages: Outage[];
}

/**
 * @param entries in order of time, from before the stretch too: what holds at its beginning follows from them
 * @param stretch its end is the present: what has not ended by then goes on
 */
export function availabilityOf(entries: readonly JournalEntry[], stretch: Stretch): Availability[] {
  const courses = new Map<string, Course>();
  for (const entry of entries) {
    if (entry.event === 'uplink-changed') change(courses, entry, stretch);
    // Nobody watches while the gateway does not run, and what it knew is forgotten.
    if (entry.event === 'stopped' || entry.event === 'started') endAll(courses, entry.atMs, stretch);
  }
  for (const course of courses.values()) account(course, stretch.toMs, stretch, true);
  return [...courses.values()]
    .filter(({ observedMs }) => observedMs > 0)
    .map(({ status: _status, sinceMs: _sinceMs, cause: _cause, ...rest }) => rest);
}

const UNWATCHED = 'unwatched';

function change(courses: Map<string, Course>, { atMs, fields }: JournalEntry, stretch: Stretch): void {
  const { uplink, family, to, cause } = fields;
  if (typeof uplink !== 'string' || typeof family !== 'number' || typeof to !== 'string') return;
  const key = `${uplink}/${family}`;
  const course = courses.get(key) ?? newCourse(uplink, family, atMs);
  courses.set(key, course);
  account(course, atMs, stretch, false);
  Object.assign(course, { status: to, sinceMs: atMs, cause: typeof cause === 'string' ? cause : '' });
}

function newCourse(uplink: string, family: number, sinceMs: number): Course {
  const zero = { observedMs: 0, degradedMs: 0, downMs: 0 };
  return { uplink, family, status: UNWATCHED, sinceMs, cause: '', ...zero, outages: [] };
}

function endAll(courses: ReadonlyMap<string, Course>, atMs: number, stretch: Stretch): void {
  for (const course of courses.values()) {
    account(course, atMs, stretch, false);
    Object.assign(course, { status: UNWATCHED, sinceMs: atMs });
  }
}

/** Counts the time since the last change, as far as it is within the stretch. */
function account(course: Course, untilMs: number, { fromMs, toMs }: Stretch, goesOn: boolean): void {
  const duration = Math.min(untilMs, toMs) - Math.max(course.sinceMs, fromMs);
  if (course.status === UNWATCHED || duration <= 0) return;
  course.observedMs += duration;
  if (course.status === 'degraded') course.degradedMs += duration;
  if (course.status !== 'down') return;
  course.downMs += duration;
  course.outages.push({ fromMs: course.sinceMs, ...(goesOn ? {} : { toMs: untilMs }), cause: course.cause });
}
