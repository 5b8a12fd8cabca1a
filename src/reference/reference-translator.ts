/**
 * The reference: both translators written plainly from docs/decisions.md, to be compared with the engine.
 *
 * Only the order of things is here; each step has a file of its own.
 */
import type { Plan, PlanDevice } from '../plan/plan.ts';
import { formatEndpoint, formatEndpoint6, sameEndpoint } from './address.ts';
import type { FilterSession } from './filter-sessions.ts';
import type { HeldPacket } from './held-packets.ts';
import { Hosts } from './host-limits.ts';
import { fromInternal4, fromUplink4 } from './ipv4.ts';
import { fromInternal6, fromUplink6 } from './ipv6.ts';
import { type Mapping, msUntil, type Session } from './mapping-table.ts';
import { refusePrefixPair } from './nptv6.ts';
import { readU8 } from './octets.ts';
import { icmpError, OwnErrorLimits, tcpReset } from './own-errors.ts';
import type { Packet, Parsed, TcpHeader } from './packet.ts';
import { parseIpv4 } from './packet-ipv4.ts';
import { parseIpv6 } from './packet-ipv6.ts';
import { portRests, restorePortRest } from './port-rests.ts';
import { externalForm } from './prefix-pairs.ts';
import { ICMPV6, protocolName } from './protocol.ts';
import { resetAll } from './reset-sessions.ts';
import { uplinkAt } from './steering.ts';
import { readTcp } from './tcp-header.ts';
import type {
  MappingRow,
  OutgoingPacket,
  PortRest,
  SessionRow,
  TranslationResult,
  Translator,
  TranslatorOptions,
} from './translator.ts';
import { type Dropped, dropped, ERROR4, ERROR6, type Forwarded, type Outcome } from './verdict.ts';
import { Workers } from './workers.ts';

export class ReferenceTranslator implements Translator {
  readonly #workers: Workers;
  readonly #hosts: Hosts;
  readonly #limits = new OwnErrorLimits();
  #plan: Plan | undefined;
  /** Whether sessions have to be looked at that a new plan may have reset. */
  #isSweepDue = false;

  constructor(options: TranslatorOptions) {
    this.#workers = new Workers(options);
    this.#hosts = new Hosts(this.#workers);
  }

  /** @throws {RangeError} if a prefix pair cannot be translated */
  applyPlan(plan: Plan): void {
    for (const pair of plan.uplinks.flatMap((uplink) => uplink.ipv6?.pairs ?? [])) {
      const problem = refusePrefixPair(pair);
      if (problem !== undefined) {
        throw new RangeError(problem);
      }
    }
    this.#workers.applyPlan(plan);
    this.#plan = plan;
    this.#isSweepDue = true;
  }

  process(device: number, octets: Uint8Array, nowUs: number): TranslationResult {
    const plan = this.#plan;
    const ingress = plan?.devices[device];
    if (plan === undefined || ingress === undefined) {
      return { verdict: 'UnknownDevice', outgoing: [] };
    }
    this.#advance(nowUs);
    this.#workers.advanceFragments(nowUs);
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
    const due = this.#workers.all.flatMap(({ held }) => held.takeDue(nowUs));
    const errors = due.flatMap((held) => {
      const error = errorAboutHeld(plan, held);
      return (error && this.#limits.passed(plan, error, nowUs)) ?? [];
    });
    return [...errors, ...this.#sweep(plan, nowUs)];
  }

  /** What a new plan resets, once. */
  #sweep(plan: Plan, nowUs: number): OutgoingPacket[] {
    if (!this.#isSweepDue) {
      return [];
    }
    this.#isSweepDue = false;
    this.#advance(nowUs);
    return this.#workers.all.flatMap(({ table, filter }) => resetAll(plan, table, filter, nowUs));
  }

  portRests(nowUs: number): PortRest[] {
    this.#advance(nowUs);
    const plan = this.#plan;
    return plan === undefined ? [] : this.#workers.all.flatMap(({ table }) => portRests(plan, table, nowUs));
  }

  restorePortRests(rests: readonly PortRest[], nowUs: number): void {
    const plan = this.#plan;
    if (plan === undefined) {
      return;
    }
    this.#advance(nowUs);
    for (const rest of rests) {
      restorePortRest({ plan, workers: this.#workers, hosts: this.#hosts, nowUs }, rest);
    }
  }

  sessions(nowUs: number): SessionRow[] {
    this.#workers.advance(nowUs);
    const ofNat44 = this.#live().flatMap((mapping) => [...mapping.sessions.values()]);
    return [
      ...ofNat44.map((session) => sessionRow(session, nowUs)),
      ...this.#workers.all
        .flatMap(({ filter }) => filter.all())
        .map((session) => filterRow(this.#plan, session, nowUs)),
    ];
  }

  mappings(nowUs: number): MappingRow[] {
    this.#workers.advance(nowUs);
    return this.#live().map((mapping) => ({
      ...mappingFields(mapping),
      sessions: mapping.sessions.size,
    }));
  }

  /** What has ended by an instant is gone, and so are hosts that hold nothing any more. */
  #advance(nowUs: number): void {
    this.#workers.advance(nowUs);
    this.#hosts.settle();
  }

  #live(): Mapping[] {
    return this.#workers.all.flatMap(({ table }) => table.live());
  }

  #decide(plan: Plan, packet: Packet, device: number, ingress: PlanDevice, nowUs: number): Outcome {
    const uplink = ingress.uplinkSlot === undefined ? undefined : uplinkAt(plan, ingress.uplinkSlot);
    const workers = this.#workers;
    const common = { plan, workers, nowUs, ingress: device };
    if (packet.family === 6) {
      const { filter, held, options, fragments6: fragments } = workers.first;
      const context = { ...common, filter, held, options, fragments };
      return uplink === undefined
        ? fromInternal6(context, packet, ingress)
        : fromUplink6(context, packet, ingress, uplink);
    }
    const { fragments } = workers.homeOf(packet);
    const context = { ...common, ...workers.first, hosts: this.#hosts, fragments };
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

/** Nobody took it in time (5382-R4, 6146-T9, 5597-R4; 6092-R34, 6092-R39). */
function errorAboutHeld(plan: Plan, { packet, slot, epoch }: HeldPacket): OutgoingPacket | undefined {
  const uplink = uplinkAt(plan, slot);
  if (uplink === undefined || uplink.epoch !== epoch) {
    return undefined;
  }
  const isServed =
    packet.family === 4 ? uplink.ipv4?.nat44 === true : uplink.ipv6 !== undefined && plan.filter6 !== undefined;
  const error = packet.family === 4 ? ERROR4.portUnreachable : ERROR6.prohibited;
  return isServed ? icmpError(plan, packet, uplink.device, error) : undefined;
}

function answerTo(plan: Plan, packet: Packet, device: number, { error, reset }: Dropped): OutgoingPacket | undefined {
  if (error !== undefined) {
    return icmpError(plan, packet, device, error);
  }
  const segment = reset === undefined ? undefined : segmentOf(packet);
  return segment && tcpReset(packet, segment, device);
}

function segmentOf(packet: Packet): TcpHeader | undefined {
  if (packet.family === 6) {
    return readTcp(packet.octets.subarray(packet.upperOffset));
  }
  return packet.transport.kind === 'tcp' ? packet.transport : undefined;
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

function sessionRow({ mapping, remote, apparent, tcp, endTick, policy }: Session, nowUs: number): SessionRow {
  const isSeenAsItself = apparent === undefined || sameEndpoint(apparent, remote);
  return {
    ...mappingFields(mapping),
    remote: formatEndpoint(remote),
    expiresInMs: msUntil(endTick, nowUs),
    policy,
    ...(isSeenAsItself ? {} : { apparent: formatEndpoint(apparent) }),
    ...(tcp === undefined ? {} : { tcpState: tcp.state }),
  };
}

function filterRow(plan: Plan | undefined, session: FilterSession, nowUs: number): SessionRow {
  const { protocol, internal, remote, slot, tcp, endTick, policy } = session;
  const address = plan && externalForm(plan, slot, internal.address);
  const isIcmp = protocol === 'echo' || protocol === ICMPV6;
  return {
    protocol: isIcmp ? 'icmpv6' : protocolName(protocol),
    internal: formatEndpoint6(internal),
    external: formatEndpoint6({ ...internal, address: address ?? internal.address }),
    uplinkSlot: slot,
    remote: formatEndpoint6(remote),
    expiresInMs: msUntil(endTick, nowUs),
    policy,
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
