/** Named network namespaces with their links and programs, all of which end when the network is closed. */
import { Background, type Finished, type RunOptions, run, runOrThrow } from './processes.ts';

/** Settings that every namespace starts with: addresses usable at once, and no rate limit on ICMP errors. */
const SETTINGS: Readonly<Record<string, string>> = {
  'ipv6/conf/all/accept_dad': '0',
  'ipv6/conf/default/accept_dad': '0',
  'ipv6/conf/all/accept_ra': '0',
  'ipv6/conf/default/accept_ra': '0',
  'ipv6/icmp/ratelimit': '0',
  'ipv4/icmp_ratelimit': '0',
  'ipv4/ping_group_range': '0 0',
};

/** One network namespace. */
export class Namespace {
  /** The name that `ip netns` knows it by. */
  readonly name: string;
  readonly #network: Network;

  constructor(network: Network, name: string) {
    this.#network = network;
    this.name = name;
  }

  /** Runs a program in this namespace to its end. */
  run(command: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return run(this.#enter(command), options);
  }

  /** Like `run`, but throws if the program fails; gives what it printed. */
  runOrThrow(command: readonly string[], options: RunOptions = {}): Promise<string> {
    return runOrThrow(this.#enter(command), options);
  }

  /** Starts a program that runs until the network is closed. */
  start(command: readonly string[]): Background {
    return this.#network.start(this.#enter(command));
  }

  /** Runs `ip` commands, one a line, without the leading `ip`. */
  async ip(...lines: string[]): Promise<void> {
    await this.runOrThrow(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  /** Loads an nftables script. */
  async nft(script: string): Promise<void> {
    await this.runOrThrow(['nft', '-f', '-'], { input: script });
  }

  /** Sets values below /proc/sys/net. */
  async set(settings: Readonly<Record<string, string>>): Promise<void> {
    const lines = Object.entries(settings).map(([key, value]) => `echo '${value}' > /proc/sys/net/${key}`);
    await this.runOrThrow(['sh', '-e'], { input: `${lines.join('\n')}\n` });
  }

  /** Turns it into a router. */
  forward(): Promise<void> {
    return this.set({ 'ipv4/ip_forward': '1', 'ipv6/conf/all/forwarding': '1' });
  }

  #enter(command: readonly string[]): readonly string[] {
    return ['nsenter', `--net=/run/netns/${this.name}`, '--', ...command];
  }
}

/** A set of namespaces whose names share a prefix, and the programs started in them. */
export class Network implements AsyncDisposable {
  readonly #prefix: string;
  readonly #namespaces: Namespace[] = [];
  readonly #programs: Background[] = [];

  /** @param prefix keeps the names apart from those of other networks; may be empty */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  async add(name: string): Promise<Namespace> {
    const namespace = new Namespace(this, `${this.#prefix}${name}`);
    await runOrThrow(['ip', 'netns', 'add', namespace.name]);
    this.#namespaces.push(namespace);
    await namespace.set(SETTINGS);
    await namespace.ip('link set lo up');
    return namespace;
  }

  /** Joins two namespaces by a veth pair and brings both ends up. */
  async connect(left: Namespace, leftDevice: string, right: Namespace, rightDevice: string): Promise<void> {
    const peer = `peer name ${rightDevice} netns ${right.name}`;
    await left.ip(`link add ${leftDevice} type veth ${peer}`, `link set ${leftDevice} up`);
    await right.ip(`link set ${rightDevice} up`);
  }

  /** Starts a program in the namespace of this process. */
  start(command: readonly string[], env: Readonly<Record<string, string>> = {}): Background {
    const program = new Background(command, env);
    this.#programs.push(program);
    return program;
  }

  /** Stops the programs, newest first, and removes the namespaces; safe to call twice. */
  async close(): Promise<void> {
    for (const program of this.#programs.splice(0).reverse()) await program.stop();
    for (const { name } of this.#namespaces.splice(0).reverse()) await run(['ip', 'netns', 'delete', name]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
