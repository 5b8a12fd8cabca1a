/** A link with more than two stations: a bridge in a namespace of its own. */
import type { Namespace, Network } from '../../src/demo/network.ts';

const BRIDGE = 'bridge';

export class SharedLink {
  readonly namespace: Namespace;

  private constructor(namespace: Namespace) {
    this.namespace = namespace;
  }

  static async create(network: Network, name: string): Promise<SharedLink> {
    const namespace = await network.add(name);
    // It is no station itself, and groups are flooded however little it has learnt of them.
    await namespace.ip(`link add ${BRIDGE} type bridge mcast_snooping 0`, `link set ${BRIDGE} up`);
    return new SharedLink(namespace);
  }

  /** Puts a device of this namespace on the link: one that nptd has made, for instance. */
  async attach(device: string): Promise<void> {
    await this.namespace.ip(`link set ${device} master ${BRIDGE}`, `link set ${device} up`);
  }

  /** Gives another namespace a device on the link; both ends are up. */
  async join(namespace: Namespace, device: string, port: string): Promise<void> {
    await this.namespace.ip(`link add ${port} type veth peer name ${device} netns ${namespace.name}`);
    await this.attach(port);
    await namespace.ip(`link set ${device} up`);
  }
}
