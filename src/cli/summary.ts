/** What a configuration means: the answer of `nptd check` to a valid file. Addresses are text. */
import type {
  DeviceConfig,
  InternalConfig,
  NptdConfig,
  Uplink4Config,
  Uplink6Config,
  UplinkConfig,
} from '../config/config.ts';
import { formatIpv4Address } from '../net/ipv4-address.ts';
import { formatIpv4Interface, formatIpv4Prefix } from '../net/ipv4-prefix.ts';
import { formatIpv6Address } from '../net/ipv6-address.ts';
import { formatIpv6Interface, formatIpv6Prefix } from '../net/ipv6-prefix.ts';
import { addressForms6, type MapAddress6 } from '../plan/external-forms.ts';
import { configNotes } from '../plan/notes.ts';
import { renderTable } from './render.ts';
import { type PolicySummary, policyRows, summarizePolicies } from './summary-policy.ts';
import { type PublishSummary, publishRow, summarizePublish } from './summary-publish.ts';

export interface ConfigSummary {
  readonly internal: readonly InternalSummary[];
  readonly uplinks: readonly UplinkSummary[];
  readonly published: readonly PublishSummary[];
  readonly forms: readonly FormSummary[];
  /** In order of match. */
  readonly policies: readonly PolicySummary[];
  /** What is as configured, and yet may surprise. */
  readonly notes: readonly string[];
}

export interface InternalSummary {
  readonly name: string;
  readonly device: string;
  readonly addresses: readonly string[];
  /** Subnets behind inner routers. */
  readonly routes: readonly string[];
}

export interface UplinkSummary {
  readonly name: string;
  readonly device: string;
  /** Absent: the uplink does not carry the family. */
  readonly ipv4?: {
    readonly address: string;
    /** Absent on a point-to-point device. */
    readonly gateway?: string;
    readonly nat44: boolean;
    readonly pool: readonly string[];
  };
  readonly ipv6?: { readonly address: string; readonly gateway?: string; readonly pairs: readonly PairSummary[] };
  readonly targets: readonly string[];
  readonly metered: boolean;
}

export interface PairSummary {
  readonly internal: string;
  readonly external: string;
}

/** The external form of one of the gateway's own internal addresses, as an example of the hosts beside it. */
export interface FormSummary {
  readonly internal: string;
  readonly uplink: string;
  readonly external: string;
}

/** @param mapAddress6 absent where the addon is not there: the summary then has no external forms */
export function summarize(config: NptdConfig, mapAddress6: MapAddress6 | undefined): ConfigSummary {
  return {
    internal: config.internal.map(summarizeInternal),
    uplinks: config.uplinks.map(summarizeUplink),
    published: summarizePublish(config),
    forms: mapAddress6 === undefined ? [] : summarizeForms(config, mapAddress6),
    policies: summarizePolicies(config),
    notes: configNotes(config),
  };
}

export function renderSummary({ internal, uplinks, published, forms, policies, notes }: ConfigSummary): string {
  const tables = [
    renderTable(
      ['INTERNAL', 'DEVICE', 'ADDRESSES', 'ROUTES'],
      internal.map(({ name, device, addresses, routes }) => [name, device, list(addresses), list(routes)]),
    ),
    renderTable(['UPLINK', 'DEVICE', 'ADDRESS', 'GATEWAY', 'TRANSLATION'], uplinks.flatMap(uplinkRows)),
  ];
  if (published.length > 0) {
    tables.push(renderTable(['PUBLISHED', 'SERVER', 'ON UPLINK', 'AT', 'PORTS'], published.map(publishRow)));
  }
  if (forms.length > 0) {
    const rows = forms.map(({ internal, uplink, external }) => [internal, uplink, external]);
    tables.push(renderTable(['ADDRESS', 'ON UPLINK', 'IS'], rows));
  }
  tables.push(renderTable(['POLICY', 'FLOWS', 'PREFERS', 'FAILBACK'], policyRows(policies)));
  const lines = notes.map((note) => `Note: ${note}\n`).join('');
  return `${tables.join('\n')}${lines === '' ? '' : `\n${lines}`}`;
}

/** One row for each family; the name stands in the first. */
function uplinkRows({ name, device, ipv4, ipv6, metered }: UplinkSummary): string[][] {
  const rows: string[][] = [];
  if (ipv4 !== undefined) {
    rows.push([
      ipv4.address,
      ipv4.gateway ?? 'point to point',
      ipv4.nat44 ? `NAT44 to ${ipv4.pool.join(', ')}` : 'none',
    ]);
  }
  for (const [index, { internal, external }] of (ipv6?.pairs ?? []).entries()) {
    const place = index === 0 && ipv6 !== undefined ? [ipv6.address, ipv6.gateway ?? 'point to point'] : ['', ''];
    rows.push([...place, `NPTv6 ${internal} ↔ ${external}`]);
  }
  const head = [metered ? `${name} (metered)` : name, device];
  return rows.map((row, index) => [...(index === 0 ? head : ['', '']), ...row]);
}

function summarizeInternal({ name, device, ipv4, ipv6, routes }: InternalConfig): InternalSummary {
  return {
    name,
    device: deviceText(device),
    addresses: [...ipv4.map(formatIpv4Interface), ...ipv6.map(formatIpv6Interface)],
    routes: routes.map(({ to }) => (to.family === 4 ? formatIpv4Prefix(to) : formatIpv6Prefix(to))),
  };
}

function summarizeUplink({ name, device, ipv4, ipv6, probe, metered }: UplinkConfig): UplinkSummary {
  return {
    name,
    device: deviceText(device),
    ...(ipv4 === undefined ? {} : { ipv4: summarizeIpv4(ipv4) }),
    ...(ipv6 === undefined ? {} : { ipv6: summarizeIpv6(ipv6) }),
    targets: probe.targets.map(({ text }) => text),
    metered,
  };
}

function summarizeIpv4({ address, gateway, nat44, pool }: Uplink4Config): NonNullable<UplinkSummary['ipv4']> {
  return {
    address: formatIpv4Interface(address),
    ...(gateway === undefined ? {} : { gateway: formatIpv4Address(gateway) }),
    nat44,
    pool: nat44 ? pool.map(formatIpv4Address) : [],
  };
}

function summarizeIpv6({ address, gateway, pairs }: Uplink6Config): NonNullable<UplinkSummary['ipv6']> {
  return {
    address: formatIpv6Interface(address),
    ...(gateway === undefined ? {} : { gateway: formatIpv6Address(gateway) }),
    pairs: pairs.map(({ internal, external }) => ({
      internal: formatIpv6Prefix(internal),
      external: formatIpv6Prefix(external),
    })),
  };
}

function summarizeForms(config: NptdConfig, mapAddress6: MapAddress6): FormSummary[] {
  const addresses = config.internal.flatMap(({ ipv6 }) => ipv6.map(({ address }) => address));
  return addresses.flatMap((address) =>
    addressForms6(config, address, mapAddress6)
      .filter(({ direction }) => direction === 'outbound')
      .map(({ uplink, external, drop }) => ({
        internal: formatIpv6Address(address),
        uplink,
        external: external ?? `dropped, ${drop}`,
      })),
  );
}

function deviceText({ kind, name, netns }: DeviceConfig): string {
  const device = kind === 'tap' ? name : `${kind} ${name}`;
  return netns === undefined ? device : `${device} in ${netns}`;
}

function list(texts: readonly string[]): string {
  return texts.length === 0 ? '-' : texts.join(', ');
}
