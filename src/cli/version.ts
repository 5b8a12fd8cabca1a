import { readFileSync } from 'node:fs';

/** The version of this package. */
export function packageVersion(): string {
  // Two folders up from both src/cli and dist/cli.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const data: unknown = JSON.parse(text);
  if (typeof data !== 'object' || data === null || !('version' in data)) return 'unknown';
  return String(data.version);
}
