/**
 * The reference: both translators written plainly from docs/decisions.md, to be compared with the engine.
 *
 * Only the order of things is here; each step has a file of its own.
 */
import type { Plan, PlanDevice } from '../plan/plan.ts';
import { formatEndpoint, sameEndpoint } from './address.ts';
import { FragmentTable } from './fragment-table.ts';
import { type HeldPacket, HeldPackets } from './held-packets.ts';
import { Hosts } from './host-limits.ts';
import { Identifications } from './identification.ts';
import { fromInternal4, fromUplink4 } from './ipv4.ts';
import { fromInternal6, fromUplink6 } from './ipv6.ts';
import { type Mapping, MappingTable, msUntil, type Session } from './mapping-table.ts';
import { refusePrefixPair } from './nptv6.ts';
import { readU8 } from './octets.ts';
import { icmpError, OwnErrorLimits, tcpReset } from './own-errors.ts';
import type { Packet, Parsed } from './packet.ts';
import { parseIpv4 } from './packet-ipv4.ts';
import { parseIpv6 } from './packet-ipv6.ts';
import { portRests, restorePortRest } from './port-rests.ts';
import { protocolName } from './protocol.ts';
import { uplinkAt } from './steering.ts';
import type {
  MappingRow,
  OutgoingPacket,
  PortRest,
  SessionRow,
  TranslationResult,
  Translator,
  TranslatorOptions,
} from './translator.ts';
import { type Dropped, dropped, ERROR4, type Forwarded, type Outcome } from './verdict.ts';

export class ReferenceTranslator implements Translator {
  readonly #options: TranslatorOptions;
  readonly #table = new MappingTable();
  readonly #hosts = new Hosts();
  readonly #fragments = new FragmentTable();
  readonly #held = new HeldPackets();
  readonly #identifications: Identifications;
  readonly #limits = new OwnErrorLimits();
  #plan: Plan | undefined;

  constructor(options: TranslatorOptions) {
    this.#options = options;
    this.#identifications = new Identifications(options.secret);
  }

  /** @throws {RangeError} if a prefix pair cannot be translated */
  applyPlan(plan: Plan): void {
    for (const pair of plan.uplinks.flatMap((uplink) => uplink.ipv6?.pairs ?? [])) {
      const problem = refusePrefixPair(pair);
      if (problem !== undefined) {
        throw new RangeError(problem);
      }
    }
    this.#table.applyPlan(plan);
    this.#plan = plan;
  }

  process(device: number, octets: Uint8Array, nowUs: number): TranslationResult {
    const plan = this.#plan;
    const ingress = plan?.devices[device];
    if (plan === undefined || ingress === undefined) {
      return { verdict: 'UnknownDevice', outgoing: [] };
    }
    this.#advance(nowUs);
    this.#fragments.advance(nowUs);
    const packet = parse(octets);
    if (!('family' in packet)) {
      return { verdict: packet.reason, outgoing: [] };
    }
    const outcome = this.#decide(plan, packet, device, ingress, nowUs);
    return this.#resultOf(plan, packet, device, outcome, nowUs);
  }

  tick(nowUs: number): OutgoingPacket[] {
    const plan = this.#plan;
    if (plan === undefined) {
      return [];
    }
    return this.#held.takeDue(nowUs).flatMap((held) => {
      const error = errorAboutHeld(plan, held);
      return (error && this.#limits.passed(plan, error, nowUs)) ?? [];
    });
  }

  portRests(nowUs: number): PortRest[] {
    this.#advance(nowUs);
    return this.#plan === undefined ? [] : portRests(this.#plan, this.#table, nowUs);
  }

  restorePortRests(rests: readonly PortRest[], nowUs: number): void {
    const plan = this.#plan;
    if (plan === undefined) {
      return;
    }
    this.#advance(nowUs);
    for (const rest of rests) {
      restorePortRest({ plan, table: this.#table, hosts: this.#hosts, options: this.#options, nowUs }, rest);
    }
  }

  sessions(nowUs: number): SessionRow[] {
    this.#table.advance(nowUs);
    return this.#table
      .live()
      .flatMap((mapping) => [...mapping.sessions.values()].map((session) => sessionRow(session, nowUs)));
  }

  mappings(nowUs: number): MappingRow[] {
    this.#table.advance(nowUs);
    return this.#table.live().map((mapping) => ({
      ...mappingFields(mapping),
      sessions: mapping.sessions.size,
    }));
  }

  /** What has ended by an instant is gone, and so are hosts that hold nothing any more. */
  #advance(nowUs: number): void {
    this.#table.advance(nowUs);
    this.#hosts.settle(this.#table);
  }

  #decide(plan: Plan, packet: Packet, device: number, ingress: PlanDevice, nowUs: number): Outcome {
    const uplink = ingress.uplinkSlot === undefined ? undefined : uplinkAt(plan, ingress.uplinkSlot);
    if (packet.family === 6) {
      return uplink === undefined ? fromInternal6(plan, packet, ingress) : fromUplink6(plan, packet, ingress, uplink);
    }
    const context = {
      plan,
      table: this.#table,
      hosts: this.#hosts,
      fragments: this.#fragments,
      held: this.#held,
      identifications: this.#identifications,
      options: this.#options,
      nowUs,
      ingress: device,
    };
    return uplink === undefined
      ? fromInternal4(context, packet, ingress)
      : fromUplink4(context, packet, ingress, uplink);
  }

  #resultOf(plan: Plan, packet: Packet, device: number, outcome: Outcome, nowUs: number): TranslationResult {
    switch (outcome.kind) {
      case 'passed':
        return { verdict: 'Pass', outgoing: [] };
      case 'replied':
        return { verdict: 'Reply', outgoing: [{ device, octets: outcome.octets, kind: 'Reply' }] };
      case 'queued':
        return { verdict: 'Queued', outgoing: [] };
      case 'forwarded':
        return { verdict: 'Forward', outgoing: packetsOf(outcome) };
      case 'dropped': {
        const answer = this.#answerTo(plan, packet, device, outcome, nowUs);
        return { verdict: outcome.reason, outgoing: answer === undefined ? [] : [answer] };
      }
    }
  }

  /** The error or reset that a drop calls for, if it may be sent and the limit allows it. */
  #answerTo(plan: Plan, packet: Packet, device: number, outcome: Dropped, nowUs: number): OutgoingPacket | undefined {
    const answer = answerTo(plan, packet, device, outcome);
    return answer && this.#limits.passed(plan, answer, nowUs);
  }
}

/** Nobody took it in time (5382-R4, 6146-T9, 5597-R4). */
function errorAboutHeld(plan: Plan, { packet, slot, epoch }: HeldPacket): OutgoingPacket | undefined {
  const uplink = uplinkAt(plan, slot);
  return uplink?.epoch === epoch && uplink.ipv4?.nat44 === true
    ? icmpError(plan, packet, uplink.device, ERROR4.portUnreachable)
    : undefined;
}

function answerTo(plan: Plan, packet: Packet, device: number, { error, reset }: Dropped): OutgoingPacket | undefined {
  if (error !== undefined) {
    return icmpError(plan, packet, device, error);
  }
  return reset && packet.family === 4 && packet.transport.kind === 'tcp'
    ? tcpReset(packet, packet.transport, device)
    : undefined;
}

/** The packet itself or its pieces, then what waited for it. */
function packetsOf({ device, pieces, followers = [] }: Forwarded): OutgoingPacket[] {
  return [
    ...pieces.map((octets, index) => ({ device, octets, kind: index === 0 ? 'Forward' : 'Fragment' })),
    ...followers.map(({ octets, kind }) => ({ device, octets, kind })),
  ];
}

/** A packet without link header is told apart by its first nibble. */
function parse(octets: Uint8Array): Parsed<Packet> {
  const version = octets.length === 0 ? undefined : readU8(octets, 0) >> 4;
  switch (version) {
    case 4:
      return parseIpv4(octets);
    case 6:
      return parseIpv6(octets);
    default:
      return dropped('UnsupportedEtherType');
  }
}

function sessionRow({ mapping, remote, apparent, tcp, endTick }: Session, nowUs: number): SessionRow {
  const isSeenAsItself = apparent === undefined || sameEndpoint(apparent, remote);
  return {
    ...mappingFields(mapping),
    remote: formatEndpoint(remote),
    expiresInMs: msUntil(endTick, nowUs),
    ...(isSeenAsItself ? {} : { apparent: formatEndpoint(apparent) }),
    ...(tcp === undefined ? {} : { tcpState: tcp.state }),
  };
}

function mappingFields(mapping: Mapping): Omit<MappingRow, 'sessions'> {
  return {
    protocol: protocolName(mapping.protocol),
    internal: formatEndpoint(mapping.internal),
    external: formatEndpoint(mapping.external),
    uplinkSlot: mapping.slot,
  };
}
