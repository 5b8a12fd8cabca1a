/** The certificates that HTTPS probes of a configuration need. */
import { readFile } from 'node:fs/promises';
import type { NptdConfig } from '../config/config.ts';
import { messageOf, NptdError } from './errors.ts';

/** By the name of their file, as PEM. */
export type Authorities = ReadonlyMap<string, string>;

/** Rejects with an `NptdError` with code `CONFIG_INVALID` if a file cannot be read: a probe without it says nothing of its uplink. */
export async function readAuthorities({ uplinks, policies }: NptdConfig): Promise<Authorities> {
  const targets = [...uplinks, ...policies].flatMap(({ probe }) => probe?.targets ?? []);
  const files = targets.flatMap(({ method }) => (method.kind === 'http' ? (method.tls?.ca ?? []) : []));
  const read = [...new Set(files)].map(async (file): Promise<[string, string]> => [file, await readPem(file)]);
  return new Map(await Promise.all(read));
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new NptdError('CONFIG_INVALID', `the certificates for HTTPS probes cannot be read: ${messageOf(error)}`);
  }
}
