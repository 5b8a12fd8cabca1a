/** Plays a sequence of events on two translators, and records the steps. */
import type { Plan } from '../../src/plan/plan.ts';
import type { PortRest, SessionRow } from '../../src/reference/translator.ts';
import type { Site } from './any-site.ts';
import { type Implementations, Pair } from './compare.ts';
import { Conversations } from './conversations.ts';
import { at, pick } from './endpoints.ts';
import type { Event, RestoreEvent, WaitEvent } from './event.ts';
import type { Arrival, Datagram, History } from './history.ts';
import { realise, sessionOf } from './realise.ts';
import { type Step, takeStep } from './recording.ts';
import { changed, optionsOf, planOf, SLOW_STEP_MS, START } from './site.ts';
import type { Tally } from './tally.ts';

const HISTORY_MAX = 16;
/** Reading whole tables is slow on both sides: done after so many packets, the more the longer they are. */
const PACKETS_PER_COMPARISON = 24;
const ROWS_PER_PACKET = 2;
const STEP_US = 1_700;
const SLOW_STEP_US = SLOW_STEP_MS * 1000;

/**
 * Plays events from a fresh start and records what it does.
 * @param steps receives every step before it is taken, so that a failure can be kept
 * @throws Difference
 */
export function playEvents(
  site: Site,
  events: readonly Event[],
  implementations: Implementations,
  tally: Tally,
  steps: Step[] = [],
): void {
  const run = new Run(site, implementations, tally, steps);
  for (const event of events) {
    run.play(event);
  }
  run.end();
  tally.sequences += 1;
}

class Run {
  readonly #site: Site;
  readonly #pair: Pair;
  readonly #tally: Tally;
  readonly #steps: Step[];
  readonly #left: Arrival[] = [];
  readonly #arrived: Arrival[] = [];
  readonly #datagrams: Datagram[] = [];
  readonly #conversations = new Conversations();
  #session: SessionRow | undefined;
  #state = START;
  #plan: Plan;
  #nowUs = 0;
  /** When a packet came that may be held. */
  #heldUs = 0;
  #sinceComparison = 0;
  #packets = 0;

  constructor(site: Site, implementations: Implementations, tally: Tally, steps: Step[]) {
    this.#site = site;
    this.#tally = tally;
    this.#steps = steps;
    this.#pair = new Pair(implementations, optionsOf(site));
    this.#plan = planOf(site, this.#state, 1);
    this.#take({ atUs: 0, plan: this.#plan });
  }

  play(event: Event): void {
    this.#passTime(event.type === 'wait' ? this.#waitUs(event) : STEP_US);
    switch (event.type) {
      case 'plan':
        this.#state = changed(this.#state, event);
        this.#plan = planOf(this.#site, this.#state, this.#plan.generation + 1);
        this.#tally.mark(`plan ${event.change}`);
        this.#take({ atUs: this.#nowUs, plan: this.#plan });
        if (event.tick) this.#tick();
        break;
      case 'tick':
        this.#tick();
        break;
      case 'wait':
        if (event.tick) {
          this.#tick();
        }
        break;
      case 'restore':
        this.#restore(event);
        break;
      default:
        this.#packetsOf(event);
    }
  }

  end(): void {
    this.#pair.compareTables(this.#nowUs);
  }

  #packetsOf(event: Event): void {
    const history = this.#history();
    for (const arrival of realise(event, history, (datagram) => this.#datagrams.push(datagram))) {
      this.#arrive(arrival);
    }
    if (event.type === 'in-session') {
      this.#session = sessionOf(event, history);
    }
  }

  #history(): History {
    const { mappings, sessions } = this.#pair;
    const [left, arrived, datagrams] = [this.#left, this.#arrived, this.#datagrams];
    const [session, conversations] = [this.#session, this.#conversations];
    return { plan: this.#plan, mappings, sessions, left, arrived, datagrams, session, conversations };
  }

  #take(step: Step): ReturnType<typeof takeStep> {
    this.#steps.push(step);
    return takeStep(this.#pair, step);
  }

  #tick(): void {
    this.#tally.mark('tick');
    const result = this.#take({ atUs: this.#nowUs, tick: true });
    if (!('verdict' in result)) {
      this.#tally.tick(result);
      this.#remember(result);
    }
  }

  #arrive(arrival: Arrival): void {
    if (this.#site.resting.pace === 'slow') {
      // A hairpin would open two sessions in one tick.
      if (isHairpin(arrival, this.#plan)) return;
      this.#passTime(SLOW_STEP_US);
    }
    const result = this.#take({ atUs: this.#nowUs, ...arrival });
    if (!('verdict' in result)) return;
    this.#tally.packet(result);
    this.#remember(result.outgoing);
    if (result.verdict === 'Forward') {
      this.#arrived.push(arrival);
      forget(this.#arrived);
    } else if (result.verdict === 'NoMapping' || result.verdict === 'FilteredInbound') {
      this.#heldUs = this.#nowUs;
    }
    this.#packets += 1;
    this.#sinceComparison += 1;
    if (this.#sinceComparison >= this.#packetsPerComparison()) {
      this.#pair.compareTables(this.#nowUs);
      this.#sinceComparison = 0;
    }
  }

  #remember(outgoing: readonly { readonly device: number; readonly octets: Uint8Array }[]): void {
    for (const { device, octets } of outgoing) {
      this.#left.push({ device, packet: octets });
      if (this.#plan.devices[device]?.uplinkSlot !== undefined) {
        this.#conversations.note(octets);
      }
    }
    forget(this.#left);
    forget(this.#datagrams);
  }

  /** Soon after the start, so that there is something to refer to. */
  #packetsPerComparison(): number {
    const rows = this.#pair.sessions.length + this.#pair.mappings.length;
    return Math.min(this.#packets, PACKETS_PER_COMPARISON) + rows / ROWS_PER_PACKET;
  }

  /** On a slow clock only whole steps. */
  #passTime(us: number): void {
    this.#nowUs += us;
    if (this.#site.resting.pace === 'slow') {
      this.#nowUs = Math.ceil(this.#nowUs / SLOW_STEP_US) * SLOW_STEP_US;
    }
  }

  #waitUs({ until, which, ms }: WaitEvent): number {
    switch (until) {
      case 'then':
        return ms * 1000;
      case 'timer-ends':
        return Math.max(0, at(timersOf(this.#plan), which) + ms) * 1000;
      case 'session-ends':
        return Math.max(0, (pick(this.#pair.sessions, which)?.expiresInMs ?? 0) + ms) * 1000;
      case 'held-is-due':
        return Math.max(0, this.#heldUs + (this.#plan.nat44.holdMs + ms) * 1000 - this.#nowUs);
    }
  }

  #restore({ fresh, without, spoilt, change }: RestoreEvent): void {
    const rests = this.#pair
      .portRests(this.#nowUs)
      .filter((_, index) => without === 0 || index % without !== 0)
      .map((rest, index) => (spoilt === 0 || index % spoilt !== 0 ? rest : spoiltRest(rest, index + change)));
    this.#tally.mark(fresh ? 'restart' : 'restore');
    this.#tally.mark('port rest restored', rests.length);
    this.#take({ atUs: this.#nowUs, rests, fresh });
  }
}

function forget(history: unknown[]): void {
  history.splice(0, history.length - HISTORY_MAX);
}

function timersOf({ nat44 }: Plan): readonly number[] {
  const { udpMs, icmpMs, otherMs, tcpOpeningMs, tcpClosingMs, tcpEstablishedMs, portRestMs, fragmentMs } = nat44;
  const { dccpTransitoryMs, dccpEstablishedMs, holdMs } = nat44;
  const transport = [udpMs, icmpMs, otherMs, tcpOpeningMs, tcpClosingMs, tcpEstablishedMs];
  return [...transport, portRestMs, fragmentMs, dccpTransitoryMs, dccpEstablishedMs, holdMs, portRestMs, udpMs];
}

/** A rest that may belong to nobody any more. */
function spoiltRest(rest: PortRest, choice: number): PortRest {
  const changes: readonly Partial<PortRest>[] = [
    { externalPort: rest.externalPort ^ 1 },
    { externalPort: 0 },
    { externalAddress: rest.externalAddress + 7 },
    { slot: 1 - rest.slot },
    { protocol: 17 },
    { restMs: 0 },
    { restMs: 1 },
    { internalAddress: rest.internalAddress ^ 1 },
    { internalPort: rest.internalPort ^ 1 },
    { slot: 9 },
    { protocol: 47, internalPort: 0, externalPort: 0 },
    { externalPort: 5000 },
    { restMs: 99_999 },
  ];
  return { ...rest, ...at(changes, choice) };
}

function isHairpin({ device, packet }: Arrival, plan: Plan): boolean {
  if (plan.devices[device]?.uplinkSlot !== undefined || packet.length < 20 || (packet[0] ?? 0) >> 4 !== 4) {
    return false;
  }
  const destination = new DataView(packet.buffer, packet.byteOffset, packet.byteLength).getUint32(16);
  const pools = plan.uplinks.flatMap((uplink) => uplink.ipv4?.pool ?? []);
  const published = plan.nat44.staticMappings.map(({ externalAddress }) => externalAddress);
  return [...pools, ...published].includes(destination);
}
