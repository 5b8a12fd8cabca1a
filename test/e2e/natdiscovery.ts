/** The programs of the Debian package coturn: `turnserver` as STUN server, `turnutils_natdiscovery` as its client. */
import { urlHost } from '../../src/demo/clients.ts';
import type { Namespace } from '../../src/demo/network.ts';
import { run } from '../../src/demo/processes.ts';
import { until } from '../../src/demo/wait.ts';
import { STUN_PORTS } from './filtering-site.ts';
import type { Endpoint } from './programs/stun/message.ts';

/** What the client prints of a kind of behaviour. */
export const VERDICT = {
  mapping: 'NAT with Endpoint Independent Mapping!',
  filtering: {
    'endpoint-independent': 'NAT with Endpoint Independent Filtering!',
    'address-dependent': 'NAT with Address Dependent Filtering!',
    'address-and-port-dependent': 'NAT with Address and Port Dependent Filtering!',
  },
} as const;

/** Why they cannot be run; undefined where they can. */
export async function coturnObstacle(): Promise<string | undefined> {
  const { code } = await run(['sh', '-c', 'command -v turnserver && command -v turnutils_natdiscovery']);
  return code === 0 ? undefined : 'programs are missing; to run it: apt-get install coturn (as root)';
}

/** Starts the server on two addresses of a namespace; two of one family switch RFC 5780 on. */
export async function startTurnServer(namespace: Namespace, addresses: readonly [string, string]): Promise<void> {
  const [port, other] = STUN_PORTS;
  const place = [...addresses.flatMap((address) => ['-L', address]), '-p', `${port}`, `--alt-listening-port=${other}`];
  const quiet = ['-n', '-S', '--no-tls', '--no-dtls', '--no-cli', '--log-file', 'stdout', '--pidfile', ''];
  namespace.start(['turnserver', ...quiet, ...place]);
  // It does not say when it listens. It has several sockets for each endpoint, one of each thread.
  const listening = async () => {
    const text = await namespace.runOrThrow(['ss', '-Hlnu', `sport = :${port} or sport = :${other}`]);
    const endpoints = new Set(text.split('\n').map((line) => line.split(/\s+/)[3]));
    return (
      addresses.every((address) => STUN_PORTS.every((own) => endpoints.has(`${urlHost(address)}:${own}`))) || undefined
    );
  };
  if (!(await until(listening, 15_000))) throw new Error('turnserver does not listen');
}

export interface Discovery {
  /** Everything it printed. */
  readonly text: string;
  readonly verdicts: readonly string[];
  /** Answers of the server. */
  readonly responses: number;
  /** The endpoint of the client that each answer names. */
  readonly reflexive: readonly Endpoint[];
  readonly timedOut: boolean;
  /** Its own request came back to it. */
  readonly hairpinned: boolean;
  /** An answer names two different endpoints of the client. */
  readonly payloadChanged: boolean;
}

/** One run of the client. Its exit code says nothing. */
export async function discover(from: Namespace, server: string, ...options: string[]): Promise<Discovery> {
  const { stdout, stderr } = await from.run(['turnutils_natdiscovery', ...options, server], { timeoutMs: 30_000 });
  const reflexive = [...stdout.matchAll(/UDP reflexive addr: +(\S+):(\d+)$/gm)];
  return {
    text: stdout + stderr,
    verdicts: stdout.split('\n').filter((line) => /^(NAT with|No NAT!) /.test(line)),
    responses: [...stdout.matchAll(/^RFC 5780 response \d+$/gm)].length,
    reflexive: reflexive.map(([, address = '', port]) => ({ address, port: Number(port) })),
    hairpinned: stdout.includes('Received a request (maybe a successful hairpinning)'),
    timedOut: stdout.includes('STUN receive timeout'),
    payloadChanged: stdout.includes('ALG detected'),
  };
}
