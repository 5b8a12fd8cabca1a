import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { modifiedEui64 } from '../../net/eui64.ts';
import { formatIpv6Prefix } from '../../net/ipv6-prefix.ts';
import { parseMacAddress } from '../../net/mac-address.ts';
import { ntpTimeFromUnixMs, type UlaSeed, ulaPrefix } from '../../net/ula.ts';
import { err, ok, type Result } from '../../result.ts';
import { EXIT_CODE, type ExitCode } from '../exit-code.ts';
import { type Output, processOutput } from '../output.ts';
import { renderJson } from '../render.ts';

export interface UlaOptions {
  readonly mac?: string;
  readonly time?: string;
  readonly json?: boolean;
}

/** 7084-ULA1, 6296-4.1c: made once, and from then on in the file, where it stays over restarts (7084-ULA2) and may be changed (7084-ULA3). */
export function registerUlaCommand(program: Command): void {
  program
    .command('ula')
    .summary('make a unique local prefix for the site')
    .description('Makes a random /48 of unique local addresses (RFC 4193 section 3.2.2) for "site: { ula: ... }".')
    .option('--mac <address>', 'identify this system by a MAC address instead of random octets')
    .option('--time <instant>', 'an ISO 8601 instant or a 64-bit NTP timestamp (16 hex digits) instead of now')
    .option('--json', 'print JSON')
    .action((options: UlaOptions) => {
      process.exitCode = ulaCommand(options, processOutput);
    });
}

export function ulaCommand(options: UlaOptions, output: Output): ExitCode {
  const seed = seedOf(options);
  if (!seed.ok) {
    output.complain(`nptd ula: ${seed.error}\n`);
    return EXIT_CODE.usage;
  }
  const prefix = formatIpv6Prefix(ulaPrefix(seed.value));
  output.print(options.json === true ? renderJson({ prefix, ...seedTexts(seed.value) }) : `${prefix}\n`);
  return EXIT_CODE.ok;
}

function seedOf({ mac, time }: UlaOptions): Result<UlaSeed, string> {
  const ntpTime = time === undefined ? ntpTimeFromUnixMs(Date.now()) : ntpTimeOf(time);
  if (ntpTime === undefined) return err(`"${time}" is neither an ISO 8601 instant nor 16 hexadecimal digits`);
  // RFC 4193 allows any identifier that is likely unique where there is no EUI-64.
  if (mac === undefined) return ok({ ntpTime, eui64: randomBytes(8).readBigUInt64BE() });
  const parsed = parseMacAddress(mac);
  return parsed === undefined ? err(`"${mac}" is not a MAC address`) : ok({ ntpTime, eui64: modifiedEui64(parsed) });
}

function ntpTimeOf(text: string): bigint | undefined {
  if (/^[0-9a-f]{16}$/i.test(text)) return BigInt(`0x${text}`);
  const unixMs = /^\d{4}-\d{2}-\d{2}(T|$)/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(unixMs) ? undefined : ntpTimeFromUnixMs(unixMs);
}

function seedTexts({ ntpTime, eui64 }: UlaSeed): { ntpTime: string; eui64: string } {
  return { ntpTime: hex64(ntpTime), eui64: hex64(eui64) };
}

function hex64(value: bigint): string {
  return value.toString(16).padStart(16, '0');
}
