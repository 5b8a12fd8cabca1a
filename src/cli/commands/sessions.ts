import type { Command } from 'commander';
import { requestControl } from '../../daemon/control-client.ts';
import { type ControlResults, ROWS_MAX } from '../../daemon/control-protocol.ts';
import { complainOf } from '../complain.ts';
import { addControlOptions, type ControlOptions } from '../control-options.ts';
import { EXIT_CODE, type ExitCode } from '../exit-code.ts';
import { type Output, processOutput } from '../output.ts';
import { countOf, renderJson, renderTable } from '../render.ts';
import { renderDuration } from '../render-status.ts';
import { wholeNumber } from '../whole-number.ts';

export interface SessionsOptions extends ControlOptions {
  readonly limit: number;
}

/** A session with the name of its uplink. */
type NamedSession = ControlResults['sessions'][number] & { readonly uplink: string };

export function registerSessionsCommand(program: Command): void {
  const command = program
    .command('sessions')
    .summary('list live sessions')
    .description('Lists live NAT44 sessions; of an ICMP query the port is its identifier.');
  addControlOptions(command)
    .option('--limit <n>', 'most sessions to list', wholeNumber(1, ROWS_MAX), 1000)
    .action(async (options: SessionsOptions) => {
      process.exitCode = await sessionsCommand(options, processOutput);
    });
}

export async function sessionsCommand({ socket, json, limit }: SessionsOptions, output: Output): Promise<ExitCode> {
  try {
    const [rows, status] = await Promise.all([
      requestControl(socket, { request: 'sessions', limit }),
      requestControl(socket, { request: 'status' }),
    ]);
    const nameOf = (slot: number) => status.uplinks.find((uplink) => uplink.slot === slot)?.name ?? `slot ${slot}`;
    const sessions = rows.map((row) => ({ ...row, uplink: nameOf(row.uplinkSlot) }));
    const total = Math.max(status.counters.sessions, sessions.length);
    output.print(json ? renderJson({ total, sessions }) : renderSessions(sessions, total));
    return EXIT_CODE.ok;
  } catch (error) {
    return complainOf('sessions', error, output);
  }
}

function renderSessions(sessions: readonly NamedSession[], total: number): string {
  if (sessions.length === 0) return 'no sessions\n';
  const table = renderTable(
    ['PROTO', 'INTERNAL', 'EXTERNAL', 'REMOTE', 'UPLINK', 'STATE', 'ENDS IN'],
    sessions.map(({ protocol, internal, external, remote, uplink, tcpState = '-', expiresInMs }) => [
      protocol,
      internal,
      external,
      remote,
      uplink,
      tcpState,
      renderDuration(expiresInMs),
    ]),
  );
  return `${table}${sessions.length} of ${countOf(total, 'session')}\n`;
}
