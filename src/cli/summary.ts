/** What a configuration means: the answer of `nptd check` to a valid file. Addresses are text. */
import type { DeviceConfig, InternalConfig, NptdConfig, UplinkConfig } from '../config/config.ts';
import { formatIpv4Address } from '../net/ipv4-address.ts';
import { formatIpv4Interface, formatIpv4Prefix } from '../net/ipv4-prefix.ts';
import { formatIpv6Address } from '../net/ipv6-address.ts';
import { formatIpv6Interface, formatIpv6Prefix } from '../net/ipv6-prefix.ts';
import { addressForms6, type MapAddress6 } from '../plan/external-forms.ts';
import { renderTable } from './render.ts';

export interface ConfigSummary {
  readonly internal: readonly InternalSummary[];
  readonly uplinks: readonly UplinkSummary[];
  readonly forms: readonly FormSummary[];
  /** Names of uplinks, most preferred first. */
  readonly prefer: readonly string[];
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
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
  /** External IPv4 addresses; none where the uplink is routed or has no IPv4. */
  readonly pool: readonly string[];
  readonly pairs: readonly string[];
  readonly targets: readonly string[];
  readonly metered: boolean;
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
    forms: mapAddress6 === undefined ? [] : summarizeForms(config, mapAddress6),
    prefer: config.policies.at(-1)?.prefer ?? [],
  };
}

export function renderSummary({ internal, uplinks, forms, prefer }: ConfigSummary): string {
  const tables = [
    renderTable(
      ['INTERNAL', 'DEVICE', 'ADDRESSES', 'ROUTES'],
      internal.map(({ name, device, addresses, routes }) => [name, device, list(addresses), list(routes)]),
    ),
    renderTable(
      ['UPLINK', 'DEVICE', 'ADDRESSES', 'GATEWAYS', 'NAT44', 'NPTV6'],
      uplinks.map((uplink) => [
        uplink.metered ? `${uplink.name} (metered)` : uplink.name,
        uplink.device,
        list(uplink.addresses),
        list(uplink.gateways),
        list(uplink.pool),
        list(uplink.pairs),
      ]),
    ),
  ];
  if (forms.length > 0) {
    const rows = forms.map(({ internal, uplink, external }) => [internal, uplink, external]);
    tables.push(renderTable(['ADDRESS', 'ON UPLINK', 'IS'], rows));
  }
  return `${tables.join('\n')}\nNew traffic prefers: ${prefer.join(', then ')}\n`;
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
    addresses: [
      ...(ipv4 ? [formatIpv4Interface(ipv4.address)] : []),
      ...(ipv6 ? [formatIpv6Interface(ipv6.address)] : []),
    ],
    gateways: [...(ipv4 ? [formatIpv4Address(ipv4.gateway)] : []), ...(ipv6 ? [formatIpv6Address(ipv6.gateway)] : [])],
    pool: ipv4?.nat44 === true ? ipv4.pool.map(formatIpv4Address) : [],
    pairs: (ipv6?.pairs ?? []).map(
      ({ internal, external }) => `${formatIpv6Prefix(internal)} ↔ ${formatIpv6Prefix(external)}`,
    ),
    targets: [...probe.targets4.map(formatIpv4Address), ...probe.targets6.map(formatIpv6Address)],
    metered,
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

function deviceText({ tap, netns }: DeviceConfig): string {
  return netns === undefined ? tap : `${tap} in ${netns}`;
}

function list(texts: readonly string[]): string {
  return texts.length === 0 ? '-' : texts.join(', ');
}
