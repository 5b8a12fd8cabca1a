import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { formatDuration, parseDuration } from '../../config/duration.ts';
import { requestControl } from '../../daemon/control-client.ts';
import { type ControlResults, ROWS_MAX } from '../../daemon/control-protocol.ts';
import { complainOf } from '../complain.ts';
import { addControlOptions, type ControlOptions } from '../control-options.ts';
import { EXIT_CODE, type ExitCode } from '../exit-code.ts';
import { type Output, processOutput } from '../output.ts';
import { renderJson, renderTable } from '../render.ts';
import { renderDuration } from '../render-status.ts';
import { wholeNumber } from '../whole-number.ts';

type History = ControlResults['history'];
type Availability = History['availability'][number];

export interface HistoryOptions extends ControlOptions {
  /** Milliseconds back from now; absent: all there is. */
  readonly since?: number;
  readonly uplink?: string;
  readonly limit: number;
}

const YEARS_MS = 10 * 365 * 86_400_000;

export function registerHistoryCommand(program: Command): void {
  const command = program
    .command('history')
    .summary('show what happened to uplinks, and how long each worked')
    .description(
      'Shows the availability of each uplink, its outages, and every change of health, selection and configuration\n' +
        'with its cause. With "journal: { file: ... }" in the configuration it survives a restart.',
    );
  addControlOptions(command)
    .option('--since <duration>', 'only the last 24h, 7d or so', parseSince)
    .option('--uplink <name>', 'only what is about one uplink')
    .option('--limit <n>', 'most changes to list, the newest ones', wholeNumber(0, ROWS_MAX), 100)
    .action(async (options: HistoryOptions) => {
      process.exitCode = await historyCommand(options, processOutput);
    });
}

export async function historyCommand(options: HistoryOptions, output: Output): Promise<ExitCode> {
  const { socket, json, since, uplink, limit } = options;
  try {
    const sinceMs = since === undefined ? 0 : Date.now() - since;
    const all = await requestControl(socket, { request: 'history', sinceMs, limit: ROWS_MAX });
    const entries = all.entries.filter(({ fields }) => uplink === undefined || fields.uplink === uplink);
    const history: History = {
      ...all,
      entries: limit === 0 ? [] : entries.slice(-limit),
      availability: all.availability.filter((one) => uplink === undefined || one.uplink === uplink),
    };
    output.print(json ? renderJson(history) : renderHistory(history));
    return EXIT_CODE.ok;
  } catch (error) {
    return complainOf('history', error, output);
  }
}

function renderHistory({ fromMs, toMs, entries, availability }: History): string {
  const head = `${renderTime(fromMs)} to ${renderTime(toMs)}\n`;
  const parts = [head, renderAvailability(availability), renderOutages(availability, toMs), renderEntries(entries)];
  return parts.filter((part) => part !== '').join('\n');
}

function renderAvailability(availability: readonly Availability[]): string {
  if (availability.length === 0) return 'nothing is known of any uplink\n';
  return renderTable(
    ['UPLINK', 'FAMILY', 'AVAILABLE', 'DOWN', 'DEGRADED', 'OUTAGES', 'OBSERVED'],
    availability.map(({ uplink, family, observedMs, downMs, degradedMs, outages }) => [
      uplink,
      `IPv${family}`,
      `${((100 * (observedMs - downMs)) / observedMs).toFixed(3)}%`,
      renderDuration(downMs),
      renderDuration(degradedMs),
      `${outages.length}`,
      renderDuration(observedMs),
    ]),
  );
}

function renderOutages(availability: readonly Availability[], nowMs: number): string {
  const outages = availability
    .flatMap(({ uplink, family, outages }) => outages.map((outage) => ({ uplink, family, ...outage })))
    .sort((a, b) => a.fromMs - b.fromMs);
  if (outages.length === 0) return '';
  return renderTable(
    ['OUTAGE', 'FAMILY', 'FROM', 'LASTED', 'CAUSE'],
    outages.map(({ uplink, family, fromMs, toMs, cause }) => [
      uplink,
      `IPv${family}`,
      renderTime(fromMs),
      toMs === undefined ? `${renderDuration(nowMs - fromMs)}, goes on` : renderDuration(toMs - fromMs),
      cause,
    ]),
  );
}

function renderEntries(entries: History['entries']): string {
  return renderTable(
    ['TIME', 'WHAT HAPPENED'],
    entries.map(({ atMs, message }) => [renderTime(atMs), message]),
  );
}

/** `2026-11-21 17:02:03` of the local clock. */
function renderTime(ms: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function parseSince(text: string): number {
  const days = /^(\d+)d$/.exec(text)?.[1];
  const parsed = parseDuration(days === undefined ? text : `${Number(days) * 24}h`, { minMs: 1000, maxMs: YEARS_MS });
  if (!parsed.ok) throw new InvalidArgumentError(`A duration like ${formatDuration(86_400_000)}, 90m or 7d is needed.`);
  return parsed.value;
}
