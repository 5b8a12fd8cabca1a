/** A network namespace for tests of real devices. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

export class Namespace implements Disposable {
  readonly name = `nptdts${process.pid}-${randomBytes(2).toString('hex')}`;

  constructor() {
    run('ip', ['netns', 'add', this.name]);
    this.ip('link', 'set', 'lo', 'up');
  }

  /** Runs `ip` in it and returns what it prints. */
  ip(...args: readonly string[]): string {
    return run('ip', ['-n', this.name, ...args]);
  }

  /** Runs a program in it; returns its exit status. */
  exec(...command: readonly string[]): number | null {
    return spawnSync('ip', ['netns', 'exec', this.name, ...command], { stdio: 'ignore', timeout: 20_000 }).status;
  }

  /** Names of the interfaces in it, without loopback. */
  interfaces(): string[] {
    const links: unknown = JSON.parse(this.ip('-json', 'link', 'show'));
    if (!Array.isArray(links)) throw new TypeError('ip printed no list');
    return links.map(({ ifname }: { ifname: string }) => ifname).filter((name) => name !== 'lo');
  }

  [Symbol.dispose](): void {
    run('ip', ['netns', 'del', this.name]);
  }
}

/** Why devices cannot be made here; undefined if they can. */
export function whyNoDevices(): string | undefined {
  try {
    new Namespace()[Symbol.dispose]();
  } catch (error) {
    return `network namespaces cannot be made: ${error instanceof Error ? error.message : error}`;
  }
  return spawnSync('test', ['-r', '/dev/net/tun']).status === 0 ? undefined : '/dev/net/tun cannot be opened';
}

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${(error?.message ?? stderr).trim()}`);
  return stdout;
}
