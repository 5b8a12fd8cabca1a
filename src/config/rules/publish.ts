import { formatIpv4Address, type Ipv4Address } from '../../net/ipv4-address.ts';
import { ipv4PrefixContains } from '../../net/ipv4-prefix.ts';
import { ipv6PrefixContains } from '../../net/ipv6-prefix.ts';
import { addressesOfPool } from '../complete.ts';
import { draftPorts } from '../complete-publish.ts';
import type { ProtocolPorts } from '../config.ts';
import { type DraftContext, oneOrMoreEntries, readEntries } from '../draft-context.ts';
import type { ConfigPath } from '../issue.ts';
import { nearestName } from '../nearest.ts';
import { PROBE_PORTS, probeReservations, readTargets } from '../probe-target.ts';
import { PORTED_PROTOCOLS } from '../protocols.ts';
import type { ConfigDraft, PublishDraft } from '../schema.ts';
import { type Address, formatAddress } from '../values.ts';
import { internalPrefixes } from './internal.ts';

/** Published servers are in the site, and lead one way: no two of an uplink share an external or an internal endpoint. */
export function checkPublish(draft: ConfigDraft, context: DraftContext): void {
  const claims = new Map<string, Claim[]>();
  for (const [name, server] of Object.entries(draft.publish ?? {})) {
    const path = ['publish', name];
    checkServer(draft, server, path, context);
    checkUplinkNames(draft, server, path, context);
    for (const claim of claimsOf(draft, server, path, context)) {
      const earlier = claims.get(claim.uplink) ?? [];
      claims.set(claim.uplink, earlier);
      const other = earlier.find((one) => clash(one, claim));
      if (other !== undefined)
        context.report(claim.path, { code: 'published-twice', uplink: claim.uplink, other: other.path });
      for (const { low, high } of probePortsTaken(claim, draft)) {
        const kinds = low === PROBE_PORTS.low ? 'DNS and TCP' : 'HTTP';
        const reason = `ports ${low}-${high} are those that ${kinds} probes leave from`;
        context.report(claim.path, { code: 'bad-value', reason });
      }
      earlier.push(claim);
    }
  }
}

/** Endpoints that one entry needs for itself on one uplink; ports from `low` on, of all protocols if `protocol` is absent. */
interface Claim {
  readonly uplink: string;
  readonly external: Ipv4Address | undefined;
  readonly internal: Ipv4Address | undefined;
  readonly protocol?: number;
  readonly externalLow: number;
  readonly internalLow: number;
  readonly count: number;
  readonly path: ConfigPath;
}

const ALL_PORTS = 65_536;

/** The ports of the uplink's own address that it would publish, although answers to probes come to them. */
function probePortsTaken(
  { uplink, external, protocol, externalLow, count }: Claim,
  draft: ConfigDraft,
): ProtocolPorts[] {
  const own = draft.uplinks?.[uplink];
  if (own?.ipv4?.address?.address !== external) return [];
  const lists = [own?.probe?.targets, ...Object.values(draft.policy ?? {}).map(({ probe }) => probe?.targets)];
  const targets = lists.flatMap((list) => readTargets(list).map(({ target }) => target));
  return probeReservations(targets).filter(
    (ports) => ports.protocol === protocol && externalLow <= ports.high && ports.low < externalLow + count,
  );
}

/** Of claims on one uplink. */
function clash(a: Claim, b: Claim): boolean {
  if (a.protocol !== undefined && b.protocol !== undefined && a.protocol !== b.protocol) return false;
  const overlap = (one: number, other: number): boolean => one < other + b.count && other < one + a.count;
  const external = a.external === b.external && overlap(a.externalLow, b.externalLow);
  return external || (a.internal === b.internal && overlap(a.internalLow, b.internalLow));
}

function claimsOf(draft: ConfigDraft, server: PublishDraft, path: ConfigPath, context: DraftContext): Claim[] {
  const uplinks = server.on === undefined ? context.uplinkNames : readEntries(server.on).map(({ entry }) => entry);
  const servers = addressesOf(server, 4);
  return uplinks.flatMap((uplink) => {
    const external = server.address?.[uplink] ?? draft.uplinks?.[uplink]?.ipv4?.address?.address;
    return servers.flatMap((internal) => {
      const ends = { uplink, external, internal };
      if (server['whole-address'] === true) {
        return [{ ...ends, externalLow: 0, internalLow: 0, count: ALL_PORTS, path }];
      }
      return draftPorts(server).map(({ ports, path: place }) => ({
        ...ends,
        protocol: ports.protocol,
        externalLow: ports.external,
        internalLow: ports.internal,
        count: ports.count,
        path: [...path, ...place],
      }));
    });
  });
}

function addressesOf({ to }: PublishDraft, family: 4): Ipv4Address[] {
  return oneOrMoreEntries(to, []).flatMap(({ entry }) => (entry.family === family ? [entry.value] : []));
}

function checkServer(
  draft: ConfigDraft,
  server: PublishDraft,
  path: ConfigPath,
  { report, given }: DraftContext,
): void {
  for (const { entry, path: place } of oneOrMoreEntries(server.to, [...path, 'to'])) {
    const reason = whyNoServer(draft, entry);
    if (reason !== undefined) report(place, { code: 'bad-value', reason });
  }
  if (addressesOf(server, 4).length > 1) {
    report([...path, 'to'], {
      code: 'bad-value',
      reason: 'more than one IPv4 address: an external port leads to one server',
    });
  }
  const hasPorts = Object.keys(PORTED_PROTOCOLS).some((protocol) => given([...path, protocol]));
  const isWhole = server['whole-address'] === true;
  if (hasPorts === isWhole) {
    const reason = isWhole
      ? 'a whole address needs no ports: leave out one of the two'
      : 'nothing is published: give ports ("tcp", "udp", …) or "whole-address: true"';
    report(path, { code: 'bad-value', reason });
  }
  if (isWhole && server.source === 'gateway') {
    report([...path, 'source'], { code: 'bad-value', reason: 'a whole address keeps the source of its clients' });
  }
}

/** A server is in the site, and not the gateway. */
function whyNoServer(draft: ConfigDraft, address: Address): string | undefined {
  const text = formatAddress(address);
  const own = Object.values(draft.internal ?? {}).flatMap(({ ipv4, ipv6 }) => [
    ...oneOrMoreEntries(ipv4, []).map(({ entry }) => entry.address),
    ...oneOrMoreEntries(ipv6, []).map(({ entry }) => entry.address),
  ]);
  if (own.some((one) => one === address.value)) return `${text} is the gateway's own address`;
  const isInternal = internalPrefixes(draft).some(({ prefix }) =>
    prefix.family === 4
      ? address.family === 4 && ipv4PrefixContains(prefix, address.value)
      : address.family === 6 && ipv6PrefixContains(prefix, address.value),
  );
  return isInternal ? undefined : `${text} is in no internal prefix`;
}

function checkUplinkNames(draft: ConfigDraft, server: PublishDraft, path: ConfigPath, context: DraftContext): void {
  const { report, uplinkNames } = context;
  const named = [
    ...readEntries(server.on).map(({ entry, index }) => ({ name: entry, place: [...path, 'on', index] })),
    ...Object.keys(server.address ?? {}).map((name) => ({ name, place: [...path, 'address', name] })),
  ];
  for (const { name, place } of named) {
    if (!uplinkNames.includes(name)) {
      const nearest = nearestName(name, uplinkNames);
      report(place, { code: 'unknown-uplink', name, ...(nearest === undefined ? {} : { nearest }) });
    } else if (draft.uplinks?.[name]?.ipv4?.nat44 === 'off' || !context.given(['uplinks', name, 'ipv4'])) {
      report(place, { code: 'bad-value', reason: `uplink "${name}" does not translate IPv4` });
    }
  }
  if (server['whole-address'] === true) checkWholeAddress(draft, server, path, context);
}

/** It is for one server alone: neither the uplink's own address nor one that others share. */
function checkWholeAddress(draft: ConfigDraft, server: PublishDraft, path: ConfigPath, context: DraftContext): void {
  const uplinks = server.on === undefined ? context.uplinkNames : readEntries(server.on).map(({ entry }) => entry);
  for (const uplink of uplinks) {
    const ipv4 = draft.uplinks?.[uplink]?.ipv4;
    const address = server.address?.[uplink];
    if (ipv4 === undefined) continue;
    if (address === undefined) {
      context.report(path, { code: 'missing-key', key: 'address', hint: `an external address on uplink "${uplink}"` });
    } else if (addressesOfPool(ipv4).includes(address)) {
      const reason = `${formatIpv4Address(address)} serves other hosts of uplink "${uplink}" too: a whole address is no other address of it`;
      context.report([...path, 'address', uplink], { code: 'bad-value', reason });
    }
  }
}
