/** A router of the Linux kernel with its own NPTv6 (SNPT and DNPT of ip6tables), to which packets are handed one by one. */
import { fileURLToPath } from 'node:url';
import { type Namespace, Network } from '../../src/demo/network.ts';
import type { Background } from '../../src/demo/processes.ts';
import { hex, unhex } from '../support/translator-bed.ts';

const EXCHANGE = fileURLToPath(new URL('exchange-frames.pl', import.meta.url));

export type Side = 'internal' | 'external';

/** A packet without link header that left the router. */
export interface Left {
  readonly side: Side;
  readonly octets: Uint8Array;
}

export interface PrefixTexts {
  readonly internal_prefix: string;
  readonly external_prefix: string;
}

const SIDES = ['internal', 'external'] as const;
/** The router's own addresses. */
export const ROUTER: Readonly<Record<Side, string>> = { internal: '3fff:aaaa::1', external: '3fff:bbbb::1' };
const HOST = { internal: '3fff:aaaa::2', external: '3fff:bbbb::2' };
const MAC = { host: '02:00:00:00:00:01', router: '02:00:00:00:00:02' };
const LINK_HEADER = '020000000002' + '020000000001' + '86dd';
/** As large as the largest packet of the vectors asks for. */
const MTU = 9000;
/** From a source that no rule is about, to the outside, with sixteen octets that no other packet ends with. */
const MARKER = `6000000000 10fd40 3fff aaaa 0000000000000000 00000002 3fff bbbb 0000000000000000 00000002 ${'6d'.repeat(16)}`;
/** First octet of a destination. A kernel reports its own groups when it likes. */
const MULTICAST = 0xff;
const ANSWER_MS_MAX = 10_000;

export class KernelRouter implements AsyncDisposable {
  readonly #network: Network;
  readonly #router: Namespace;
  readonly #exchange: Background;
  #answers = 0;

  private constructor(network: Network, router: Namespace, exchange: Background) {
    this.#network = network;
    this.#router = router;
    this.#exchange = exchange;
  }

  /** Why there is none on this machine; undefined where there is. */
  static async obstacle(): Promise<string | undefined> {
    await using network = new Network(`nptd-${process.pid}-npt-probe-`);
    const namespace = await network.add('router');
    const rules = rulesOf({ internal_prefix: 'fd00::/48', external_prefix: '2001:db8::/48' });
    const { code, stderr } = await namespace.run(['ip6tables-restore'], { input: rules });
    return code === 0 ? undefined : `no ip6tables with SNPT and DNPT (Debian package iptables): ${stderr.trim()}`;
  }

  /** @param internal every prefix that is to be routed to the internal side */
  static async open(internal: readonly string[]): Promise<KernelRouter> {
    const network = new Network(`nptd-${process.pid}-npt-`);
    try {
      const hosts = await network.add('hosts');
      const router = await network.add('router');
      for (const side of SIDES) await join(network, hosts, router, side);
      await router.forward();
      const routes = [...new Set(internal)].map((prefix) => `route add ${prefix} via ${HOST.internal}`);
      await router.ip(...routes, `route add default via ${HOST.external}`);
      const indices = await Promise.all(SIDES.map((side) => indexOf(hosts, side)));
      const marker = LINK_HEADER + MARKER.replaceAll(' ', '');
      const exchange = hosts.start(['perl', EXCHANGE, ...indices, marker]);
      await exchange.waitForLine((line) => line === 'ready', 5000);
      return new KernelRouter(network, router, exchange);
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  /** Translates by these prefixes from now on. */
  async translate(pair: PrefixTexts): Promise<void> {
    await this.#router.runOrThrow(['ip6tables-restore'], { input: rulesOf(pair) });
  }

  /** Everything that leaves because of one packet. */
  async process(from: Side, octets: Uint8Array): Promise<Left[]> {
    this.#exchange.write(`${from} ${LINK_HEADER}${hex(octets)}\n`);
    this.#answers += 1;
    await this.#exchange.waitForLine(() => this.#exchange.lines.length > this.#answers, ANSWER_MS_MAX);
    const words = (this.#exchange.lines[this.#answers] ?? '').split(' ').filter((word) => word !== '');
    return words.map(parseLeft).filter(({ octets }) => octets[24] !== MULTICAST);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#network.close();
  }
}

function parseLeft(word: string): Left {
  const [side, packet = ''] = word.split(':');
  return { side: side === 'internal' ? 'internal' : 'external', octets: unhex(packet) };
}

/** For packets of either direction and hairpins: without devices. */
function rulesOf({ internal_prefix: internal, external_prefix: external }: PrefixTexts): string {
  return [
    '*mangle',
    `-A POSTROUTING -s ${internal} -j SNPT --src-pfx ${internal} --dst-pfx ${external}`,
    `-A PREROUTING -d ${external} -j DNPT --src-pfx ${external} --dst-pfx ${internal}`,
    'COMMIT',
    '',
  ].join('\n');
}

/** A link between the two that needs no neighbour discovery, so that nothing but test packets crosses it. */
async function join(network: Network, hosts: Namespace, router: Namespace, side: Side): Promise<void> {
  await network.connect(hosts, side, router, side);
  const ends = [
    { namespace: hosts, own: HOST[side], mac: MAC.host, peer: ROUTER[side], peerMac: MAC.router },
    { namespace: router, own: ROUTER[side], mac: MAC.router, peer: HOST[side], peerMac: MAC.host },
  ];
  for (const { namespace, own, mac, peer, peerMac } of ends) {
    await namespace.ip(
      `link set ${side} down`,
      `link set ${side} address ${mac} mtu ${MTU} addrgenmode none`,
      `link set ${side} up`,
      `address add ${own}/64 dev ${side} nodad`,
      `neigh replace ${peer} lladdr ${peerMac} dev ${side} nud permanent`,
    );
  }
}

async function indexOf(namespace: Namespace, device: string): Promise<string> {
  const [link] = JSON.parse(await namespace.runOrThrow(['ip', '-j', 'link', 'show', device]));
  return `${link.ifindex}`;
}
