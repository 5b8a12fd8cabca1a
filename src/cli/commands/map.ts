import type { Command } from 'commander';
import type { NptdConfig } from '../../config/config.ts';
import { DEFAULT_CONFIG_FILE } from '../../config/read-file.ts';
import { formatIpv4Address, parseIpv4Address } from '../../net/ipv4-address.ts';
import { formatIpv6Address, parseIpv6Address } from '../../net/ipv6-address.ts';
import { type AddressForm, addressForms4, addressForms6, type MapAddress6 } from '../../plan/external-forms.ts';
import { complainOf } from '../complain.ts';
import { loadConfig } from '../config-file.ts';
import { EXIT_CODE, type ExitCode } from '../exit-code.ts';
import { loadMapAddress6 } from '../native-map.ts';
import { type Output, processOutput } from '../output.ts';
import { renderJson, renderTable } from '../render.ts';

export interface MapOptions {
  readonly address: string;
  readonly file: string;
  readonly json: boolean;
}

export function registerMapCommand(program: Command): void {
  program
    .command('map')
    .summary('show what an address is on the other side of each uplink')
    .description(
      'Shows the external form of an internal address on each uplink, and the internal form of an external one.\n' +
        'For IPv4 these are the addresses that NAT44 maps hosts to; "nptd sessions" shows the mappings in use.\n' +
        'For names in the DNS, "nptd zone" prints the external forms of many hosts as zone-file lines.',
    )
    .argument('<address>', 'an IPv4 or IPv6 address')
    .argument('[config]', `configuration file (default ${DEFAULT_CONFIG_FILE})`)
    .option('-c, --config <file>', 'the same as an option')
    .option('--json', 'print JSON')
    .action(async (address: string, file: string | undefined, options: { config?: string; json?: boolean }) => {
      const chosen = file ?? options.config ?? DEFAULT_CONFIG_FILE;
      process.exitCode = await mapCommand(
        { address, file: chosen, json: options.json === true },
        processOutput,
        loadMapAddress6,
      );
    });
}

/** @param loadMap gives the NPTv6 algorithm; asked only for IPv6 */
export async function mapCommand(
  { address, file, json }: MapOptions,
  output: Output,
  loadMap: () => Promise<MapAddress6>,
): Promise<ExitCode> {
  const asked = parseAddress(address);
  if (asked === undefined) {
    output.complain(`nptd map: "${address}" is not an IP address\n`);
    return EXIT_CODE.usage;
  }
  const loaded = await loadConfig(file, output, { warnings: false });
  if (loaded === undefined) return EXIT_CODE.configInvalid;
  let forms: AddressForm[];
  try {
    forms = await asked.forms(loaded.config, loadMap);
  } catch (error) {
    return complainOf('map', error, output);
  }
  output.print(json ? renderJson({ address: asked.text, uplinks: forms }) : renderForms(asked.text, forms));
  return forms.length === 0 ? EXIT_CODE.failed : EXIT_CODE.ok;
}

interface AskedAddress {
  readonly text: string;
  forms(config: NptdConfig, loadMap: () => Promise<MapAddress6>): Promise<AddressForm[]>;
}

function parseAddress(text: string): AskedAddress | undefined {
  const ipv4 = parseIpv4Address(text);
  if (ipv4 !== undefined) {
    return { text: formatIpv4Address(ipv4), forms: async (config) => addressForms4(config, ipv4) };
  }
  const ipv6 = parseIpv6Address(text);
  if (ipv6 === undefined) return undefined;
  const forms: AskedAddress['forms'] = async (config, loadMap) => addressForms6(config, ipv6, await loadMap());
  return { text: formatIpv6Address(ipv6), forms };
}

function renderForms(address: string, forms: readonly AddressForm[]): string {
  if (forms.length === 0) return `${address} is neither an internal nor an external address of this configuration\n`;
  const rows = forms.map((form) => [
    form.uplink,
    form.direction,
    form.internal ?? '-',
    externalText(form),
    noteOf(form),
  ]);
  return renderTable(['UPLINK', 'DIRECTION', 'INTERNAL', 'EXTERNAL', 'BY'], rows);
}

function externalText({ external, pool }: AddressForm): string {
  return external ?? (pool === undefined ? '-' : `one of ${pool.join(', ')}`);
}

function noteOf({ translator, direction, drop }: AddressForm): string {
  if (drop !== undefined) return `NPTv6: dropped, ${drop}`;
  if (translator === 'nptv6') return 'NPTv6';
  if (translator === 'none') return 'no translation';
  return direction === 'outbound' ? 'NAT44' : 'NAT44: the mapping decides';
}
