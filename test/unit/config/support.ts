import { renderIssues } from '../../../src/config/issue.ts';
import { type ParsedConfig, parseConfig } from '../../../src/config/parse.ts';

/** A small valid file; a test replaces one part of it. */
export const BASE = `internal:
  office: { device: { tap: lan0 }, ipv4: 192.168.1.1/24, ipv6: "fd12:3456:789a:1::1/64" }
site: { ula: "fd12:3456:789a::/48" }
uplinks:
  fiber:
    device: { tap: wan0 }
    ipv4: { address: 203.0.113.2/30, gateway: 203.0.113.1 }
    ipv6: { address: "2001:db8:a::2/64", gateway: "2001:db8:a::1", prefix: "2001:db8:a100::/48" }
    probe: { targets: [192.0.2.1, 192.0.2.2, "2001:db8:ffff::1", "2001:db8:ffff::2"] }
`;

/** The base with one text in place of another, which must be there. */
export function base(from: string, to: string): string {
  if (!BASE.includes(from)) throw new Error(`the base has no ${from}`);
  return BASE.replace(from, to);
}

/** All issues of a text, errors and warnings, as they are printed for `f`. */
export function issuesOf(text: string): string[] {
  const parsed = parseConfig(text, 'f');
  return renderIssues(parsed.ok ? parsed.value.warnings : parsed.error)
    .split('\n')
    .filter((line) => line !== '');
}

export function parsed(text: string): ParsedConfig {
  const result = parseConfig(text, 'f');
  if (!result.ok) throw new Error(renderIssues(result.error));
  return result.value;
}
