/** A gateway's control plane in virtual time: probes by the rules of the data path, links that tests decide about, plans. */
import type { NptdConfig } from '../../../src/config/config.ts';
import type { ControlNotice, LogEntry } from '../../../src/control/notice.ts';
import type { ProbeAssignment } from '../../../src/control/probe/assignment.ts';
import { ProbeSession } from '../../../src/control/probe/probe-session.ts';
import { targetText } from '../../../src/control/probe/target.ts';
import { reduce } from '../../../src/control/reduce.ts';
import { type ControlEvent, type ControlState, INITIAL_STATE } from '../../../src/control/state.ts';
import type { CountersSnapshot, ProbeSample, TrafficCount } from '../../../src/native/data-plane.ts';
import type { Plan, PlanPolicy } from '../../../src/plan/plan.ts';

export interface SentProbe {
  readonly family: 4 | 6;
  readonly target: string;
  readonly atMs: number;
}

/** How an uplink is. What is absent works. */
export interface Link {
  /** Round-trip time in milliseconds, 10 if absent; undefined: lost. */
  readonly probe?: (probe: SentProbe) => number | undefined;
  /** Whether its gateway answers ARP and neighbour discovery. */
  readonly gateway?: boolean;
}

interface Track {
  readonly key: string;
  readonly session: ProbeSession;
  assignment: ProbeAssignment;
  answers: { readonly atUs: number; readonly sequence: number }[];
}

type EventBody = ControlEvent extends infer E ? (E extends ControlEvent ? Omit<E, 'atMs'> : never) : never;

const ROUND_TRIP_MS = 10;

export class World {
  state: ControlState = INITIAL_STATE;
  nowMs = 0;
  readonly links = new Map<string, Link>();
  readonly logs: (LogEntry & { readonly atMs: number })[] = [];
  readonly notices: ControlNotice[] = [];
  readonly plans: Plan[] = [];
  traffic: readonly TrafficCount[] = [];
  /** Probes sent so far, by uplink. */
  readonly sent = new Map<string, number>();
  /** Called after each event. */
  onStep: (before: ControlState) => void = () => {};
  #tracks: Track[] = [];
  #nextTickMs = 1000;

  constructor(config: NptdConfig) {
    this.say({ type: 'config', config });
  }

  say(body: EventBody): void {
    const before = this.state;
    // A body with a time is an event of the same type.
    const { state, effects } = reduce(this.state, { ...body, atMs: this.nowMs } as ControlEvent);
    this.state = state;
    for (const effect of effects) {
      if (effect.type === 'apply-plan') this.plans.push(effect.plan);
      if (effect.type === 'set-probes') this.#setProbes(effect.probes);
      if (effect.type === 'log') this.logs.push({ ...effect.entry, atMs: this.nowMs });
      if (effect.type === 'emit') this.notices.push(effect.notice);
    }
    this.onStep(before);
  }

  /** Lets time pass, second by second for the control plane. */
  run(ms: number): this {
    const endMs = this.nowMs + ms;
    for (;;) {
      const nextUs = Math.min(...this.#tracks.map(nextOf), this.#nextTickMs * 1000);
      if (nextUs > endMs * 1000) break;
      this.nowMs = Math.max(this.nowMs, nextUs / 1000);
      for (const track of [...this.#tracks]) this.#poll(track);
      if (this.nowMs >= this.#nextTickMs) {
        this.#nextTickMs += 1000;
        this.say({ type: 'counters', counters: { ...COUNTERS, traffic: this.traffic } });
      }
    }
    this.nowMs = endMs;
    return this;
  }

  status(uplink: string, family: 4 | 6 = 4): string | undefined {
    const found = this.state.uplinks.find(({ name }) => name === uplink);
    return (family === 4 ? found?.ipv4 : found?.ipv6)?.health.status;
  }

  /** What new flows take, with commas between those that share. */
  takes(policy = 'default', family: 4 | 6 = 4): string | undefined {
    const found = this.#selection(policy, family);
    return (found?.uplinks.length ?? 0) > 1 ? found?.uplinks.join(', ') : found?.uplink;
  }

  why(policy = 'default', family: 4 | 6 = 4): string | undefined {
    return this.#selection(policy, family)?.reason;
  }

  leave(policy = 'default', family: 4 | 6 = 4): readonly string[] {
    return this.#selection(policy, family)?.leave ?? [];
  }

  /** The policy in the last plan. */
  planned(policy = 'default'): PlanPolicy | undefined {
    const number = this.state.site?.numbers.get(policy);
    return this.plans.at(-1)?.policies.find((other) => other.number === number);
  }

  #selection(policy: string, family: 4 | 6) {
    return this.state.selections.find((other) => other.policy === policy && other.family === family);
  }

  #setProbes(probes: readonly ProbeAssignment[]): void {
    this.#tracks = probes.map((assignment) => {
      const { slot, family, list, targets } = assignment.options;
      const key = `${slot} ${family} ${list} ${targets.map(targetText).join()}`;
      const known = this.#tracks.find((track) => track.key === key);
      if (known === undefined) {
        const session = new ProbeSession(assignment.options, this.nowMs * 1000);
        return { key, assignment, session, answers: [] };
      }
      known.session.configure(assignment.options, this.nowMs * 1000);
      known.assignment = assignment;
      return known;
    });
  }

  #poll(track: Track): void {
    const nowUs = this.nowMs * 1000;
    const { slot, family, targets } = track.assignment.options;
    const name = this.state.uplinks.find((uplink) => uplink.slot === slot)?.name ?? '';
    const link = this.links.get(name) ?? {};
    const samples: ProbeSample[] = [];
    for (const { sequence } of track.answers.filter(({ atUs }) => atUs <= nowUs)) {
      const sample = track.session.answer(sequence, nowUs);
      if (sample !== undefined) samples.push(sample);
    }
    track.answers = track.answers.filter(({ atUs }) => atUs > nowUs);
    for (const sample of track.session.expire(nowUs)) {
      samples.push({ ...sample, gatewayAnswered: sample.burst && link.gateway !== false });
    }
    for (const { sequence, target } of track.session.poll(nowUs)) {
      const probe = { family, target: targetText(targets[target] ?? 0), atMs: this.nowMs };
      const rttMs = link.probe === undefined ? ROUND_TRIP_MS : link.probe(probe);
      this.sent.set(name, (this.sent.get(name) ?? 0) + 1);
      if (rttMs !== undefined) track.answers.push({ sequence, atUs: nowUs + rttMs * 1000 });
    }
    for (const sample of samples) this.say({ type: 'probe-sample', sample });
  }
}

const COUNTERS: CountersSnapshot = {
  verdicts: [],
  flows: [],
  traffic: [],
  outputs: {},
  suppressed: {},
  sessions: 0,
  mappings: 0,
  receivedFrames: 0,
  transmittedFrames: 0,
};

function nextOf({ session, answers }: Track): number {
  return Math.min(session.nextAtUs(), ...answers.map(({ atUs }) => atUs));
}

/** Nothing comes back. */
export const DEAD: Link = { probe: () => undefined };

/** Loses this share of probes, evenly. */
export function lossy(share: number, rttMs = ROUND_TRIP_MS): Link {
  let owed = 0;
  return {
    probe: () => {
      owed += share;
      if (owed < 1) return rttMs;
      owed -= 1;
      return undefined;
    },
  };
}

export function slow(rttMs: number): Link {
  return { probe: () => rttMs };
}
