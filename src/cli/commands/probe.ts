import type { Command } from 'commander';
import { type ProbeReport, probe } from '../../api/probe.ts';
import { complainOf } from '../complain.ts';
import { EXIT_CODE, type ExitCode } from '../exit-code.ts';
import { type Output, processOutput } from '../output.ts';
import { renderJson } from '../render.ts';
import { wholeNumber } from '../whole-number.ts';

export interface ProbeOptions {
  readonly device: string;
  readonly target: string;
  readonly count: number;
  readonly interval: number;
  readonly timeout: number;
  readonly json: boolean;
}

export function registerProbeCommand(program: Command): void {
  program
    .command('probe')
    .summary('send ICMP echo requests by one device')
    .description(
      'Sends ICMP echo requests out of a device that the kernel owns, and out of no other, as uplinks with\n' +
        '"probe: { transport: raw-socket }" are probed. Needs the optional package raw-socket and CAP_NET_RAW.\n' +
        'Exit code 0: answered; 1: nothing answered; 4: no probe could be sent, which says nothing about the target.',
    )
    .argument('<device>', 'interface name')
    .argument('<target>', 'IPv4 or IPv6 address')
    .option('-c, --count <n>', 'number of probes', wholeNumber(1, 10_000), 4)
    .option('-i, --interval <ms>', 'time between two probes', wholeNumber(10, 60_000), 500)
    .option('-t, --timeout <ms>', 'an answer later than this is a miss', wholeNumber(10, 60_000), 800)
    .option('--json', 'print JSON', false)
    .action(async (device: string, target: string, options: Omit<ProbeOptions, 'device' | 'target'>) => {
      process.exitCode = await probeCommand({ device, target, ...options }, processOutput);
    });
}

export async function probeCommand(options: ProbeOptions, output: Output): Promise<ExitCode> {
  const { device, target, count, interval: intervalMs, timeout: timeoutMs, json } = options;
  try {
    const report = await probe({
      device,
      target,
      count,
      intervalMs,
      timeoutMs,
      onProbe: ({ sequence, rttMs }) => {
        if (!json) output.print(`${sequence + 1}: ${rttMs === undefined ? 'no answer' : `${rttMs.toFixed(2)} ms`}\n`);
      },
    });
    output.print(json ? renderJson(report) : renderSummary(report));
    return report.answered > 0 ? EXIT_CODE.ok : EXIT_CODE.failed;
  } catch (error) {
    return complainOf('probe', error, output);
  }
}

function renderSummary({ device, target, probes, answered, rttMs }: ProbeReport): string {
  const head = `${target} by ${device}: ${answered} of ${probes.length} answered`;
  if (rttMs === undefined) return `${head}\n`;
  const [min, average, max] = [rttMs.min, rttMs.average, rttMs.max].map((ms) => ms.toFixed(2));
  return `${head}, ${min} / ${average} / ${max} ms (least / average / most)\n`;
}
