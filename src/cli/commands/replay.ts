import { readFile, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { messageOf } from '../../api/errors.ts';
import { type ReplayPacket, type ReplayResult, replay } from '../../api/replay.ts';
import { createTranslator, type PacketTranslator } from '../../api/translator.ts';
import type { NptdConfig } from '../../config/config.ts';
import { DEFAULT_CONFIG_FILE } from '../../config/read-file.ts';
import { type CapturedPacket, LINK_TYPE } from '../../pcap/format.ts';
import { ipPacketOf, isKnownLinkType } from '../../pcap/link-layer.ts';
import { readPcap } from '../../pcap/read.ts';
import { writePcap } from '../../pcap/write.ts';
import { arrivalOf } from '../../plan/arrival.ts';
import { complainOf } from '../complain.ts';
import { loadConfig } from '../config-file.ts';
import { EXIT_CODE, type ExitCode } from '../exit-code.ts';
import { type Output, processOutput } from '../output.ts';
import { countOf, renderJson, renderTable } from '../render.ts';

export interface ReplayOptions {
  /** Capture file. */
  readonly capture: string;
  readonly file: string;
  /** Where every packet comes in; absent: as its addresses tell. */
  readonly device?: string;
  /** File for the packets that leave. */
  readonly out?: string;
  readonly json: boolean;
}

export function registerReplayCommand(program: Command): void {
  program
    .command('replay')
    .summary('run the packets of a capture through the translator of a configuration')
    .description(
      'Runs the packets of a capture (pcap) through the translator of a configuration, at their own times, without\n' +
        'devices or privileges, and prints how many ended in each verdict. A packet comes in by the internal device\n' +
        'that leads to its source, or else by the uplink that has its destination.',
    )
    .argument('<capture>', 'capture file in the pcap format')
    .argument('[config]', `configuration file (default ${DEFAULT_CONFIG_FILE})`)
    .option('--out <file>', 'write the packets that leave, as a capture without link headers')
    .option('--device <name>', 'internal device or uplink that every packet comes in by')
    .option('--json', 'print JSON', false)
    .action(async (capture: string, file: string | undefined, options: Omit<ReplayOptions, 'capture' | 'file'>) => {
      process.exitCode = await replayCommand({ capture, file: file ?? DEFAULT_CONFIG_FILE, ...options }, processOutput);
    });
}

/** Exit code 64 for a file that is no usable capture, or an unknown device. */
export async function replayCommand(options: ReplayOptions, output: Output): Promise<ExitCode> {
  const loaded = await loadConfig(options.file, output, { warnings: false });
  if (loaded === undefined) return EXIT_CODE.configInvalid;
  try {
    const captured = await readCapture(options.capture, output);
    const translator = createTranslator(loaded.config);
    const { packets, skipped } = place(captured, loaded.config, translator, options.device);
    const left: Pick<CapturedPacket, 'timeUs' | 'octets'>[] = [];
    const result = replay(translator, packets, options.out === undefined ? undefined : (packet) => left.push(packet));
    if (options.out !== undefined) await writeCapture(options.out, writePcap(left));
    output.print(options.json ? renderJson({ file: options.capture, ...result, skipped }) : render(result, skipped));
    return EXIT_CODE.ok;
  } catch (error) {
    if (!(error instanceof UsageError)) return complainOf('replay', error, output);
    output.complain(`nptd replay: ${error.message}\n`);
    return EXIT_CODE.usage;
  }
}

class UsageError extends Error {}

/** A captured packet without its link header; none where the frame carries no IP. */
interface Captured {
  readonly timeUs: number;
  readonly octets: Uint8Array | undefined;
  readonly cut: boolean;
}

async function readCapture(file: string, output: Output): Promise<Captured[]> {
  const octets = await readFile(file).catch((error: unknown) => {
    throw new UsageError(`${file} cannot be read: ${messageOf(error)}`);
  });
  const read = readPcap(octets);
  if (!read.ok) throw new UsageError(`${file} ${read.error}`);
  const { linkType, packets, damage } = read.value;
  if (!isKnownLinkType(linkType)) {
    const known = Object.entries(LINK_TYPE).map(([name, number]) => `${name} (${number})`);
    throw new UsageError(`${file} has packets of link type ${linkType}; known are ${known.join(', ')}`);
  }
  if (damage !== undefined) output.complain(`nptd replay: ${file}: ${damage}; replaying what is before\n`);
  return packets.map(({ timeUs, octets: frame, cut }) => ({ timeUs, octets: ipPacketOf(linkType, frame), cut }));
}

async function writeCapture(file: string, octets: Uint8Array): Promise<void> {
  await writeFile(file, octets).catch((error: unknown) => {
    throw new UsageError(`${file} cannot be written: ${messageOf(error)}`);
  });
}

/** Packets that are not replayed, by the reason. */
interface Skipped {
  /** Frames without IP: ARP, for example. */
  readonly notIp: number;
  /** The capture has not all of their octets. */
  readonly cut: number;
  /** Neither their source nor their destination tells where they came in. */
  readonly unplaced: number;
}

function place(
  captured: readonly Captured[],
  config: NptdConfig,
  translator: PacketTranslator,
  device: string | undefined,
): { packets: ReplayPacket[]; skipped: Skipped } {
  const everywhere = device === undefined ? undefined : translator.device(device);
  const packets: ReplayPacket[] = [];
  let [notIp, cut, unplaced] = [0, 0, 0];
  for (const { timeUs, octets, cut: isCut } of captured) {
    const name = octets === undefined ? undefined : arrivalOf(config, octets);
    const at = everywhere ?? (name === undefined ? undefined : translator.device(name));
    if (octets === undefined) notIp += 1;
    else if (isCut) cut += 1;
    else if (at === undefined) unplaced += 1;
    else packets.push({ timeUs, device: at, octets });
  }
  return { packets, skipped: { notIp, cut, unplaced } };
}

function render({ packets, verdicts, outputs, nsPerPacket }: ReplayResult, skipped: Skipped): string {
  const share = (count: number) => `${((count / packets) * 100).toFixed(1)} %`;
  const rows = Object.entries(verdicts).map(([name, count]) => [name, `${count}`, share(count)]);
  const beside = Object.entries(outputs).map(([kind, count]) => [kind, `${count}`]);
  const reasons = [
    skipped.notIp > 0 ? `${skipped.notIp} without IP` : '',
    skipped.cut > 0 ? `${skipped.cut} that the capture has cut` : '',
    skipped.unplaced > 0 ? `${skipped.unplaced} from and to unknown addresses (--device says where they come in)` : '',
  ].filter((reason) => reason !== '');
  const time = packets > 0 ? `, ${Math.round(nsPerPacket)} ns a packet in the engine` : '';
  return [
    packets > 0 ? `${renderTable(['VERDICT', 'PACKETS', 'SHARE'], rows)}\n` : '',
    beside.length > 0 ? `${renderTable(['BESIDE THEM', 'PACKETS'], beside)}\n` : '',
    `${countOf(packets, 'packet')}${time}\n`,
    ...reasons.map((reason) => `left out: ${reason}\n`),
  ].join('');
}
