import { type Ipv4Address, ipv4Address } from '../net/ipv4-address.ts';
import type { Ipv4Prefix } from '../net/ipv4-prefix.ts';
import { completeDevice } from './complete-device.ts';
import { completeAdvertise, completeFilter } from './complete-ipv6.ts';
import { completeLimits } from './complete-limits.ts';
import { completeNat44 } from './complete-nat44.ts';
import { completeHook, completeJournal } from './complete-operations.ts';
import { completePolicies } from './complete-policy.ts';
import { completePublish } from './complete-publish.ts';
import type {
  DegradedConfig,
  InternalConfig,
  NptdConfig,
  ProbeConfig,
  RouteConfig,
  Uplink4Config,
  Uplink6Config,
  UplinkConfig,
} from './config.ts';
import {
  DEFAULT_CONTROL,
  DEFAULT_MARTIANS,
  DEFAULT_MTU,
  DEFAULT_NPTV6,
  DEFAULT_PORTS,
  DEFAULT_PROBE,
  PROBE_PROFILES,
} from './defaults.ts';
import { type DraftContext, need, oneOrMoreEntries, readEntries } from './draft-context.ts';
import type { ConfigPath } from './issue.ts';
import { draftPairs, wholePairs } from './pairs.ts';
import { readTargets } from './probe-target.ts';
import type {
  ConfigDraft,
  InternalDraft,
  ProbeDraft,
  RouteDraft,
  Uplink4Draft,
  Uplink6Draft,
  UplinkDraft,
} from './schema.ts';

/** Most external addresses of one uplink. */
export const POOL_ADDRESSES_MAX = 64;
/** Without options, which is how a maximum segment size is counted (RFC 6691). */
const IPV4_AND_TCP_HEADERS = 40;
const IPV6_AND_TCP_HEADERS = 60;

/** Fills in the defaults and reports missing keys. Whole only if nothing at all was reported of the file. */
export function completeConfig(draft: ConfigDraft, context: DraftContext): NptdConfig {
  const internal = entriesOf(draft.internal).flatMap(([name, device]) =>
    found(completeInternal(name, device, ['internal', name], context)),
  );
  const uplinks = entriesOf(draft.uplinks).flatMap(([name, uplink]) =>
    found(completeUplink(name, uplink, draft, context)),
  );
  return {
    internal,
    site: draft.site?.ula === undefined ? {} : { ula: draft.site.ula },
    uplinks,
    policies: completePolicies(draft, context),
    publish: entriesOf(draft.publish).map(([name, entry]) => completePublish(name, entry, uplinks, context)),
    nat44: completeNat44(draft.nat44),
    filter: completeFilter(draft.filter),
    martians: { documentation: draft.martians?.documentation ?? DEFAULT_MARTIANS.documentation },
    nptv6: { allZerosInterfaceId: draft.nptv6?.['all-zeros-interface-id'] ?? DEFAULT_NPTV6.allZerosInterfaceId },
    limits: completeLimits(draft.limits),
    state: draft.state?.file === undefined ? {} : { file: draft.state.file },
    journal: completeJournal(draft.journal),
    hooks: readEntries(draft.hooks).flatMap(({ entry, index }) => completeHook(entry, ['hooks', index], context)),
    worker: { count: draft.worker?.count ?? 1, busyPollUs: draft.worker?.['busy-poll'] ?? 0 },
    control: { socket: draft.control?.socket ?? DEFAULT_CONTROL.socket },
  };
}

function completeInternal(
  name: string,
  draft: InternalDraft,
  path: ConfigPath,
  context: DraftContext,
): InternalConfig | undefined {
  const device = completeDevice(draft.device, path, context);
  const routes = readEntries(draft.routes).flatMap(({ entry, index }) =>
    found(completeRoute(entry, [...path, 'routes', index], context)),
  );
  if (!context.given([...path, 'ipv4']) && !context.given([...path, 'ipv6'])) {
    context.report(path, { code: 'missing-key', key: 'ipv4', hint: 'or "ipv6", or both' });
  }
  if (device === undefined) return undefined;
  return {
    name,
    device,
    ipv4: oneOrMoreEntries(draft.ipv4, path).map(({ entry }) => entry),
    ipv6: oneOrMoreEntries(draft.ipv6, path).map(({ entry }) => entry),
    routes,
    ...completeAdvertise(draft),
  };
}

function completeRoute(draft: RouteDraft, path: ConfigPath, context: DraftContext): RouteConfig | undefined {
  const to = need(draft.to, path, 'to', context);
  const via = need(draft.via, path, 'via', context);
  if (to?.family === 4 && via?.family === 4) return { family: 4, to, via: via.value };
  if (to?.family === 6 && via?.family === 6) return { family: 6, to, via: via.value };
  return undefined;
}

function completeUplink(
  name: string,
  draft: UplinkDraft,
  file: ConfigDraft,
  context: DraftContext,
): UplinkConfig | undefined {
  const path = ['uplinks', name];
  const device = completeDevice(draft.device, path, context);
  const link = { mtu: draft.device?.mtu ?? DEFAULT_MTU, hasGateway: draft.device?.tun === undefined };
  const ipv4 = draft.ipv4 && completeUplink4(draft.ipv4, link, [...path, 'ipv4'], context);
  const ipv6 = draft.ipv6 && completeUplink6(draft.ipv6, link, [...path, 'ipv6'], file, context);
  if (device === undefined) return undefined;
  return {
    name,
    device,
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
    probe: completeProbe(draft.probe ?? {}),
    metered: draft.metered ?? false,
    bandwidth: completeBandwidth(draft.bandwidth),
  };
}

/** What the device of an uplink means for its addresses. */
interface Link {
  readonly mtu: number;
  /** Point to point there is nobody else to send to. */
  readonly hasGateway: boolean;
}

function completeUplink4(
  draft: Uplink4Draft,
  { mtu, hasGateway }: Link,
  path: ConfigPath,
  context: DraftContext,
): Uplink4Config | undefined {
  const address = need(draft.address, path, 'address', context);
  const gateway = hasGateway ? need(draft.gateway, path, 'gateway', context) : draft.gateway;
  if (address === undefined || (hasGateway && gateway === undefined)) return undefined;
  return {
    address,
    ...(gateway === undefined ? {} : { gateway }),
    pool: addressesOfPool(draft),
    ports: draft.ports ?? DEFAULT_PORTS,
    nat44: draft.nat44 !== 'off',
    ...completeMssClamp(draft['mss-clamp'] ?? 'auto', mtu, IPV4_AND_TCP_HEADERS),
    reserved: readEntries(draft.reserved).map(({ entry }) => entry),
  };
}

function completeMssClamp(
  draft: NonNullable<Uplink4Draft['mss-clamp']>,
  mtu: number,
  headers: number,
): { readonly mssClamp?: number } {
  if (draft === 'off') return {};
  return { mssClamp: draft === 'auto' ? mtu - headers : draft };
}

function completeUplink6(
  draft: Uplink6Draft,
  { mtu, hasGateway }: Link,
  path: ConfigPath,
  file: ConfigDraft,
  context: DraftContext,
): Uplink6Config | undefined {
  const address = need(draft.address, path, 'address', context);
  const gateway = hasGateway ? need(draft.gateway, path, 'gateway', context) : draft.gateway;
  const hasPairs = draft.pairs === undefined ? context.given([...path, 'pairs']) : draft.pairs.length > 0;
  if (!hasPairs || context.given([...path, 'internal'])) need(draft.prefix, path, 'prefix', context, 'or "pairs"');
  for (const { entry, index } of readEntries(draft.pairs)) {
    need(entry.internal, [...path, 'pairs', index], 'internal', context);
    need(entry.external, [...path, 'pairs', index], 'external', context);
  }
  if (address === undefined || (hasGateway && gateway === undefined)) return undefined;
  const pairs = wholePairs(draftPairs(draft, path, file)).map(({ internal, external }) => ({ internal, external }));
  return {
    address,
    ...(gateway === undefined ? {} : { gateway }),
    pairs,
    ...(draft.native === true && draft.prefix !== undefined ? { native: draft.prefix } : {}),
    resolvers: readEntries(draft.resolvers).map(({ entry }) => entry),
    ...completeMssClamp(draft['mss-clamp'] ?? 'auto', mtu, IPV6_AND_TCP_HEADERS),
    neighbourProxy: draft['neighbour-proxy'] ?? false,
  };
}

function completeProbe(draft: ProbeDraft): ProbeConfig {
  const profile = PROBE_PROFILES[draft.profile ?? 'default'];
  const upAfterMs = draft['up-after'] ?? DEFAULT_PROBE.upAfterMs;
  return {
    targets: readTargets(draft.targets).map(({ target }) => target),
    intervalMs: draft.interval ?? profile.intervalMs,
    timeoutMs: draft.timeout ?? profile.timeoutMs,
    upAfterMs,
    upAfterMaxMs: Math.max(upAfterMs, draft['up-after-max'] ?? DEFAULT_PROBE.upAfterMaxMs),
    standbyIntervalMs: draft['standby-interval'] ?? DEFAULT_PROBE.standbyIntervalMs,
    degraded: completeDegraded(draft.degraded),
    quorum: draft.quorum ?? DEFAULT_PROBE.quorum,
    transport: draft.transport ?? DEFAULT_PROBE.transport,
  };
}

function completeDegraded(draft: ProbeDraft['degraded'] = {}): DegradedConfig {
  const defaults = DEFAULT_PROBE.degraded;
  return {
    loss: draft.loss ?? defaults.loss,
    ...(draft.latency === undefined ? {} : { latencyMs: draft.latency }),
    windowMs: draft.window ?? defaults.windowMs,
    clearLoss: draft.clear ?? defaults.clearLoss,
  };
}

function completeBandwidth({ down, up }: NonNullable<UplinkDraft['bandwidth']> = {}): UplinkConfig['bandwidth'] {
  return { ...(down === undefined ? {} : { down }), ...(up === undefined ? {} : { up }) };
}

/** The uplink's own address, and those of its pool. */
export function addressesOfPool({ address, pool }: Uplink4Draft): Ipv4Address[] {
  const own = address === undefined ? [] : [address.address];
  return [...new Set([...own, ...readEntries(pool).flatMap(({ entry }) => addressesOf(entry))])];
}

/** The addresses of a pool entry, no more than a pool holds. */
function addressesOf(prefix: Ipv4Prefix): Ipv4Address[] {
  const count = Math.min(2 ** (32 - prefix.length), POOL_ADDRESSES_MAX);
  return Array.from({ length: count }, (_, index) => ipv4Address(prefix.address + index));
}

function entriesOf<T>(record: Readonly<Record<string, T>> | undefined): [string, T][] {
  return Object.entries(record ?? {});
}

function found<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}
