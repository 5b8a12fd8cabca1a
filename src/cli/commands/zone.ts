import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { messageOf } from '../../api/errors.ts';
import type { Status } from '../../api/status.ts';
import type { NptdConfig, UplinkConfig } from '../../config/config.ts';
import { DEFAULT_CONFIG_FILE } from '../../config/read-file.ts';
import { requestControl } from '../../daemon/control-client.ts';
import type { MapAddress6 } from '../../plan/external-forms.ts';
import {
  internalSection,
  type NamedAddress,
  readNames,
  reverseSection,
  uplinkSection,
  type ZoneRecord,
  type ZoneSection,
} from '../../plan/zone.ts';
import { complainOf } from '../complain.ts';
import { loadConfig } from '../config-file.ts';
import { EXIT_CODE, type ExitCode } from '../exit-code.ts';
import { loadMapAddress6 } from '../native-map.ts';
import { type Output, processOutput } from '../output.ts';
import { renderJson, renderTable } from '../render.ts';
import { wholeNumber } from '../whole-number.ts';

export interface ZoneOptions {
  /** File of names. */
  readonly names: string;
  readonly file: string;
  readonly json: boolean;
  /** Internal addresses instead of external ones. */
  readonly internal: boolean;
  readonly reverse: boolean;
  /** Only uplinks that are up, as the gateway at this control socket says; empty: that of the configuration. */
  readonly up?: string;
  readonly uplink?: string;
  readonly ttl: number;
}

const TTL_S = 300;

export function registerZoneCommand(program: Command): void {
  program
    .command('zone')
    .summary('print zone-file lines for the external addresses of internal hosts')
    .description(
      'Reads lines "ADDRESS NAME…" of internal addresses and prints, uplink by uplink, the records that make them\n' +
        'reachable: AAAA by NPTv6, and A for servers that are published.\n' +
        '"nptd map" shows the external forms of one address, and what an external one stands for.',
    )
    .argument('<names>', 'file of addresses and names, as a hosts file has them')
    .argument('[config]', `configuration file (default ${DEFAULT_CONFIG_FILE})`)
    .option('--uplink <name>', 'this uplink only')
    .option('--up', 'only uplinks that are up: asks the running gateway', false)
    .option('--socket <path>', 'its control socket (default that of the configuration)')
    .option('--internal', "the records of the site's own resolver (split horizon)", false)
    .option('--reverse', 'PTR records for the reverse zones', false)
    .option('--ttl <seconds>', 'lifetime of the records', wholeNumber(0, 2 ** 31 - 1), TTL_S)
    .option('--json', 'print JSON', false)
    .action(async (names: string, file: string | undefined, options: CommandOptions) => {
      const { up, socket, ...rest } = options;
      const chosen = { names, file: file ?? DEFAULT_CONFIG_FILE, ...rest, ...(up ? { up: socket ?? '' } : {}) };
      process.exitCode = await zoneCommand(chosen, processOutput, loadMapAddress6);
    });
}

/** As commander gives them. */
interface CommandOptions {
  readonly uplink?: string;
  readonly up: boolean;
  readonly socket?: string;
  readonly internal: boolean;
  readonly reverse: boolean;
  readonly ttl: number;
  readonly json: boolean;
}

/** Exit code 64 for a wrong file of names or uplink; the records otherwise, as far as there are any. */
export async function zoneCommand(
  options: ZoneOptions,
  output: Output,
  loadMap: () => Promise<MapAddress6>,
): Promise<ExitCode> {
  const loaded = await loadConfig(options.file, output, { warnings: false });
  if (loaded === undefined) return EXIT_CODE.configInvalid;
  try {
    const named = await namesFrom(options.names);
    const sections = options.internal
      ? [internalSection(named)]
      : await externalSections(loaded.config, named, options, loadMap);
    const wanted = options.reverse ? sections.map(reverseSection) : sections;
    output.print(options.json ? renderJson(wanted) : wanted.map((one) => renderSection(one, options.ttl)).join('\n'));
    return EXIT_CODE.ok;
  } catch (error) {
    if (!(error instanceof UsageError)) return complainOf('zone', error, output);
    output.complain(`nptd zone: ${error.message}\n`);
    return EXIT_CODE.usage;
  }
}

class UsageError extends Error {}

async function namesFrom(file: string): Promise<NamedAddress[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`${file} cannot be read: ${messageOf(error)}`);
  });
  const named = readNames(text);
  if (!named.ok) throw new UsageError(`${file}: ${named.error}`);
  return named.value;
}

async function externalSections(
  config: NptdConfig,
  named: readonly NamedAddress[],
  { uplink, up }: ZoneOptions,
  loadMap: () => Promise<MapAddress6>,
): Promise<ZoneSection[]> {
  const uplinks = config.uplinks.filter(({ name }) => uplink === undefined || name === uplink);
  if (uplinks.length === 0) throw new UsageError(`there is no uplink "${uplink}"`);
  const status =
    up === undefined ? undefined : await requestControl(up || config.control.socket, { request: 'status' });
  const mapAddress6 = await loadMap();
  return uplinks
    .map((one) => uplinkSection(config, one, named, mapAddress6))
    .map((section, index) => (status === undefined ? section : withoutDown(section, uplinks[index], status)));
}

/** Leaves out the records of a family that is not up there. */
function withoutDown(section: ZoneSection, uplink: UplinkConfig | undefined, { uplinks }: Status): ZoneSection {
  const now = uplinks.find(({ name }) => name === uplink?.name);
  const isUp = ({ type }: ZoneRecord): boolean => (type === 'A' ? now?.ipv4 : now?.ipv6)?.usable === true;
  const down = [...new Set(section.records.filter((record) => !isUp(record)).map(({ type }) => type))];
  const left = down.map((type) => `${type} records: ${type === 'A' ? 'IPv4' : 'IPv6'} is down`);
  return { ...section, records: section.records.filter(isUp), left: [...section.left, ...left] };
}

function renderSection({ title, records, left }: ZoneSection, ttl: number): string {
  const [heading = [], ...lines] = records.map(({ name, type, data }) => [name, `${ttl}`, 'IN', type, data]);
  const table = records.length === 0 ? '' : renderTable(heading, lines);
  return `; ${title}\n${table}${left.map((one) => `; without ${one}\n`).join('')}`;
}
