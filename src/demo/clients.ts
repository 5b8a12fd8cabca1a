/** Real programs as clients, and what they said, reduced to values. */
import type { Namespace } from './network.ts';

/** The end of a connection as the server saw it. */
export interface SeenFrom {
  readonly address: string;
  readonly port: number;
}

/** An address as it stands in a URL. */
export function urlHost(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

export interface PingResult {
  readonly sent: number;
  readonly received: number;
  /** Average round trip in milliseconds; absent without an answer. */
  readonly averageMs: number | undefined;
  readonly text: string;
}

/** @param options further arguments of ping, for example `-M do -s 1400` */
export async function ping(from: Namespace, target: string, count: number, ...options: string[]): Promise<PingResult> {
  const command = ['ping', '-n', '-c', `${count}`, '-i', '0.05', '-W', '1', ...options, target];
  const { stdout, stderr } = await from.run(command);
  const counts = stdout.match(/(\d+) packets transmitted, (\d+) received/);
  const average = stdout.match(/min\/avg\/max\/mdev = [\d.]+\/([\d.]+)\//)?.[1];
  return {
    sent: Number(counts?.[1] ?? 0),
    received: Number(counts?.[2] ?? 0),
    averageMs: average === undefined ? undefined : Number(average),
    text: stdout + stderr,
  };
}

/** The addresses of the hops, `*` for one that did not answer; the first line of traceroute is its title. */
export async function traceroute(from: Namespace, target: string, ...options: string[]): Promise<string[]> {
  const { stdout } = await from.run(['traceroute', '-n', '-q', '1', '-w', '2', '-m', '8', ...options, target]);
  const lines = stdout.trim().split('\n').slice(1);
  return lines.map((line) => line.trim().split(/\s+/)[1] ?? '*');
}

/** The address and port that the web server sees; undefined if no connection came about in time. */
export async function whoAmI(from: Namespace, server: string, secondsMax = 2): Promise<SeenFrom | undefined> {
  const limits = ['--connect-timeout', `${secondsMax}`, '--max-time', `${secondsMax}`];
  const { code, stdout } = await from.run(['curl', '-sS', ...limits, `http://${urlHost(server)}/`]);
  return code === 0 ? parseSeenFrom(stdout) : undefined;
}

/** The address and port that the name server sees: the TXT answer to a real query. */
export async function whoAmIByDns(from: Namespace, server: string): Promise<SeenFrom | undefined> {
  const { code, stdout } = await from.run(['dig', '+short', '+time=1', '+tries=1', `@${server}`, 'TXT', 'who.example']);
  return code === 0 ? parseSeenFrom(stdout.replaceAll('"', '')) : undefined;
}

/** Answer of a name server to a question of one type. */
export async function dig(from: Namespace, server: string, type: string, name: string): Promise<string> {
  return (await from.run(['dig', '+short', '+time=2', '+tries=2', `@${server}`, type, name])).stdout.trim();
}

export interface Download {
  readonly sha256: string;
  readonly seconds: number;
}

/** Downloads the first `length` octets of the server's content and digests them on the way. */
export async function download(from: Namespace, server: string, length: number): Promise<Download> {
  const url = `http://${urlHost(server)}/octets/${length}`;
  const pipe = `curl -sS --max-time 60 '${url}' | sha256sum`;
  const { stdout, ms } = await from.run(['sh', '-c', pipe], { timeoutMs: 70_000 });
  return { sha256: stdout.split(' ')[0] ?? '', seconds: ms / 1000 };
}

function parseSeenFrom(text: string): SeenFrom | undefined {
  const match = text.trim().match(/^(\S+) (\d+)$/);
  return match?.[1] === undefined ? undefined : { address: match[1], port: Number(match[2]) };
}
