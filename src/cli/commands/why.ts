import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { dscpName } from '../../config/values.ts';
import { requestControl } from '../../daemon/control-client.ts';
import type { ControlResults } from '../../daemon/control-protocol.ts';
import { complainOf } from '../complain.ts';
import { addControlOptions, type ControlOptions } from '../control-options.ts';
import { EXIT_CODE, type ExitCode } from '../exit-code.ts';
import { type Output, processOutput } from '../output.ts';
import { renderFacts, renderJson, renderTable } from '../render.ts';
import { renderDuration } from '../render-status.ts';

type Why = ControlResults['why'];

export interface WhyOptions extends ControlOptions {
  readonly protocol: string;
  readonly internal: string;
  readonly remote: string;
  readonly dscp: number;
}

export function registerWhyCommand(program: Command): void {
  const command = program
    .command('why')
    .summary('show why a flow takes its uplink')
    .description(
      'Shows the policy that a flow meets, the uplinks that could take it, and which one it takes and why: that of its\n' +
        'live session, or the one that a new flow would take now.',
    )
    .argument('<protocol>', 'tcp, udp, icmp and so on, or a number')
    .argument('<internal>', 'internal endpoint, as 192.168.1.10:5000 or [fd12::10]:5000; of an echo its identifier')
    .argument('<remote>', 'remote endpoint');
  addControlOptions(command)
    .option('--dscp <code>', 'a DSCP, as ef or 46', parseDscp, 0)
    .action(
      async (
        protocol: string,
        internal: string,
        remote: string,
        options: ControlOptions & { readonly dscp: number },
      ) => {
        process.exitCode = await whyCommand({ ...options, protocol, internal, remote }, processOutput);
      },
    );
}

export async function whyCommand(options: WhyOptions, output: Output): Promise<ExitCode> {
  const { socket, json, protocol, internal, remote, dscp } = options;
  try {
    const why = await requestControl(socket, { request: 'why', protocol, internal, remote, dscp });
    output.print(json ? renderJson(why) : renderWhy(why));
    return EXIT_CODE.ok;
  } catch (error) {
    return complainOf('why', error, output);
  }
}

function renderWhy({ generation, policy, uplink = 'none', reason, selection, candidates, session }: Why): string {
  const facts = renderFacts([
    ['uplink', uplink],
    ['because', reason],
    ['policy', `${policy}: ${selection}`],
    ['plan', `${generation}`],
    ['session', session === undefined ? 'none: this is what a new flow takes' : sessionText(session)],
  ]);
  if (candidates.length === 0) return facts;
  const rows = candidates.map((one) => [
    one.uplink,
    one.weight === 0 ? '-' : `${one.weight}`,
    one.score === undefined ? '-' : `${one.score}`,
    one.isLeft ? 'flows leave it' : '',
  ]);
  return `${facts}\n${renderTable(['CANDIDATE', 'WEIGHT', 'SCORE', ''], rows)}`;
}

function sessionText({ uplink, external, tcpState, expiresInMs }: NonNullable<Why['session']>): string {
  const state = tcpState === undefined ? '' : `, ${tcpState}`;
  return `as ${external} on ${uplink}${state}, ends in ${renderDuration(expiresInMs)} if nothing comes`;
}

function parseDscp(text: string): number {
  if (/^\d{1,2}$/.test(text) && Number(text) <= 63) return Number(text);
  const named = dscpName(text);
  if (!named.ok) throw new InvalidArgumentError(`${named.error}.`);
  return named.value;
}
