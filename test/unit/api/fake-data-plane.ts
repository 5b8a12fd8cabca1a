/** A data plane without devices: it remembers what it was told, and says what a test lets it say. */
import type {
  CountersSnapshot,
  DataPlane,
  DataPlaneEvent,
  DataPlaneOptions,
  FlowExplanation,
  FlowQuestion,
  PassedFrame,
  ProbeOptions,
  ProbeSample,
  UplinkStream,
} from '../../../src/native/data-plane.ts';
import type { Plan } from '../../../src/plan/plan.ts';
import type { MappingRow, PortRest, SessionRow } from '../../../src/reference/translator.ts';

/** The first target of the first uplink has answered after 1.5 ms. */
export const ANSWERED: ProbeSample = {
  slot: 0,
  family: 4,
  list: 0,
  round: 0,
  target: 0,
  burst: false,
  sentAtUs: 0,
  rttUs: 1500,
};

export const SESSION: SessionRow = {
  protocol: 'tcp',
  internal: '192.168.1.10:40000',
  external: '203.0.113.2:40000',
  remote: '192.0.2.80:80',
  uplinkSlot: 0,
  policy: 0,
  tcpState: 'ESTABLISHED',
  expiresInMs: 7_440_000,
};

const COUNTERS: CountersSnapshot = {
  verdicts: [
    { slot: 0, direction: 'outbound', verdict: 'Forward', count: 12 },
    { slot: 0, direction: 'inbound', verdict: 'NoMapping', count: 3 },
    { direction: 'outbound', verdict: 'SourceNotInternal', count: 1 },
  ],
  outputs: { IcmpError: 2 },
  suppressed: {},
  sessions: 1,
  mappings: 1,
  flows: [],
  traffic: [],
  receivedFrames: 16,
  transmittedFrames: 14,
};

export class FakeDataPlane implements DataPlane {
  options: DataPlaneOptions | undefined;
  readonly plans: Plan[] = [];
  probes: readonly ProbeOptions[] = [];
  generation = 0;
  closes = 0;
  passed: PassedFrame[] = [];
  rests: PortRest[] = [];
  /** What `explain` was asked. */
  readonly questions: FlowQuestion[] = [];
  /** What was restored, and in which generation. */
  readonly restored: { readonly rests: readonly PortRest[]; readonly generation: number }[] = [];
  /** Verdicts beside those that there always are. */
  verdicts: CountersSnapshot['verdicts'] = [];
  /** Awaited by each `applyPlan` before it takes the plan over. */
  beforeApply: (plan: Plan) => Promise<void> = async () => {};
  readonly #listeners = new Set<(event: DataPlaneEvent) => void>();

  /** What a gateway opens it with. */
  readonly open = async (options: DataPlaneOptions): Promise<DataPlane> => {
    this.options = options;
    return this;
  };

  async applyPlan(plan: Plan): Promise<void> {
    await this.beforeApply(plan);
    this.plans.push(plan);
    this.generation = plan.generation;
  }

  setProbes(probes: readonly ProbeOptions[]): void {
    this.probes = probes;
  }

  onProbeRequest(): () => void {
    return () => {};
  }

  concludeProbe(): void {}

  connect(): UplinkStream {
    throw new Error('this data plane has no connections');
  }

  counters(): CountersSnapshot {
    return { ...COUNTERS, verdicts: [...COUNTERS.verdicts, ...this.verdicts] };
  }

  async sessions(limit: number): Promise<SessionRow[]> {
    return [SESSION].slice(0, limit);
  }

  async mappings(): Promise<MappingRow[]> {
    const { protocol, internal, external, uplinkSlot } = SESSION;
    return [{ protocol, internal, external, uplinkSlot, sessions: 1 }];
  }

  async explain(flow: FlowQuestion): Promise<FlowExplanation> {
    this.questions.push(flow);
    const candidates = [{ slot: 0, weight: 0, isLeft: false }];
    return {
      generation: this.generation,
      policy: 0,
      candidates,
      session: SESSION,
      stays: true,
      slot: 0,
      by: 'session',
    };
  }

  async portRests(): Promise<PortRest[]> {
    return this.rests;
  }

  restorePortRests(rests: readonly PortRest[]): void {
    this.restored.push({ rests, generation: this.generation });
  }

  takePassed(): PassedFrame[] {
    return this.passed.splice(0);
  }

  inject(): boolean {
    return true;
  }

  onEvent(listener: (event: DataPlaneEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  say(event: DataPlaneEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Two bursts that no target answers. */
  kill(slot: number, family: 4 | 6): void {
    for (const round of [1, 2]) {
      for (const target of [0, 1]) this.say({ type: 'probe-sample', sample: missed(slot, family, round, target) });
    }
  }

  async close(): Promise<void> {
    this.closes += 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function missed(slot: number, family: 4 | 6, round: number, target: number): ProbeSample {
  return { slot, family, list: 0, round, target, burst: true, sentAtUs: round * 500_000 };
}
