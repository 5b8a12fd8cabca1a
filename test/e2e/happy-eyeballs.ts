/** Programs that try both address families of a name (RFC 8305), and what they took. */
import type { Namespace } from '../../src/demo/network.ts';
import { INTERNET } from '../../src/demo/site.ts';
import { program } from './programs.ts';

const NAME = 'www.example.org';
const URL = `http://${NAME}/`;

/** Linux sends a SYN again after one second, and again; each of these programs waits longer than that. */
const CURL_SECONDS_MAX = 20;

export interface Fetched {
  /** The server's address that the page came from. */
  readonly family: 4 | 6;
  /** From the question for the name to the first octet of the page. */
  readonly ms: number;
}

export type ProgramName = 'curl' | 'node';

export type Fetch = (from: Namespace) => Promise<Fetched>;

export const FETCHES: Readonly<Record<ProgramName, Fetch>> = {
  curl: async (from) => {
    const limits = ['--connect-timeout', `${CURL_SECONDS_MAX}`, '--max-time', `${CURL_SECONDS_MAX}`];
    const format = '{"address":"%{remote_ip}","ms":%{time_starttransfer}e3}';
    return read(await named(from, ['curl', '-sS', '-o', '/dev/null', ...limits, '-w', format, URL]));
  },
  node: async (from) => read(await named(from, await program('fetch-once', URL))),
};

function read(text: string): Fetched {
  const { address, ms } = JSON.parse(text) as { readonly address: string; readonly ms: number };
  return { family: address.includes(':') ? 6 : 4, ms };
}

/** Runs a program where the resolver of the system knows the server by a name with addresses of both families. */
function named(from: Namespace, command: readonly string[]): Promise<string> {
  const prepare = [
    'mount -t tmpfs none /etc',
    `printf 'hosts: files\\n' > /etc/nsswitch.conf`,
    `printf 'multi on\\n' > /etc/host.conf`,
    `printf '${INTERNET.web4} ${NAME}\\n${INTERNET.web6} ${NAME}\\n' > /etc/hosts`,
    'exec "$@"',
  ].join(' && ');
  return from.runOrThrow(['unshare', '-m', 'sh', '-c', prepare, 'sh', ...command], {
    timeoutMs: 1000 * (CURL_SECONDS_MAX + 5),
  });
}
