/**
 * A site with two ISPs and the Internet behind them, as namespaces:
 *
 *     client ── [nptd] ─┬─ isp-a ─┬─ internet
 *                       └─ isp-b ─┘
 *
 * The only NIC of `client`, and the site-facing NIC of each ISP, is a TAP device that nptd makes inside that
 * namespace. The ISPs are kernel routers that carry traffic of their own address space only, and drop and count
 * whatever comes with another source: a packet that leaves with the wrong uplink's address goes nowhere.
 */
import type { Namespace, Network } from './network.ts';

/** One ISP as the site sees it. Addresses without a length are nptd's own. */
export interface Isp {
  /** Name of its namespace, without the prefix of the network. */
  readonly name: string;
  /** The TAP device that nptd makes in it. */
  readonly device: string;
  readonly ipv4: { readonly gateway: string; readonly length: number; readonly own: string; readonly space: string };
  readonly ipv6: { readonly gateway: string; readonly own: string; readonly space: string; readonly prefix: string };
  /** Third octet of the transit network to the Internet, and its last IPv6 group. */
  readonly transit: number;
  /** It translates once more to its own transit address, as a modem with a private address does. */
  readonly masquerade?: boolean;
}

export const ISP_A: Isp = {
  name: 'isp-a',
  device: 'wan0',
  ipv4: { gateway: '203.0.113.1', length: 30, own: '203.0.113.2', space: '203.0.113.0/24' },
  ipv6: { gateway: '2001:db8:a::1', own: '2001:db8:a::2', space: '2001:db8:a::/48', prefix: '2001:db8:a100::/48' },
  transit: 1,
};

export const ISP_B: Isp = {
  name: 'isp-b',
  device: 'wan1',
  ipv4: { gateway: '198.51.100.1', length: 24, own: '198.51.100.2', space: '198.51.100.0/24' },
  ipv6: { gateway: '2001:db8:b::1', own: '2001:db8:b::2', space: '2001:db8:b::/48', prefix: '2001:db8:b100::/48' },
  transit: 2,
};

export const CLIENT = {
  name: 'client',
  device: 'lan0',
  ipv4: '192.168.1.10',
  ipv6: 'fd12:3456:789a:1::10',
  gateway4: '192.168.1.1',
  gateway6: 'fd12:3456:789a:1::1',
};

/** Addresses of the Internet host; it serves everything on each of them. */
export const INTERNET = {
  probe4: '192.0.2.1',
  probe6: '2001:db8:ffff::1',
  dns4: '192.0.2.53',
  dns6: '2001:db8:ffff::53',
  web4: '192.0.2.80',
  web6: '2001:db8:ffff::80',
};

const INTERNET_ADDRESSES = Object.values(INTERNET);

/** Transit network between an ISP and the Internet: `.1` is the ISP. */
const transit = (isp: Isp) => ({
  isp4: `100.64.${isp.transit}.1`,
  internet4: `100.64.${isp.transit}.2`,
  isp6: `2001:db8:fffe:${isp.transit}::1`,
  internet6: `2001:db8:fffe:${isp.transit}::2`,
});

/** The namespaces of a site, before and after nptd has put its devices into them. */
export class Site {
  readonly client: Namespace;
  readonly isps: ReadonlyMap<Isp, Namespace>;
  readonly internet: Namespace;

  private constructor(client: Namespace, isps: ReadonlyMap<Isp, Namespace>, internet: Namespace) {
    this.client = client;
    this.isps = isps;
    this.internet = internet;
  }

  /** Makes everything that does not need nptd's devices. */
  static async create(network: Network, isps: readonly Isp[] = [ISP_A, ISP_B]): Promise<Site> {
    const client = await network.add(CLIENT.name);
    const internet = await network.add('internet');
    await internet.ip(...INTERNET_ADDRESSES.map((address) => `address add ${address} dev lo`));
    await internet.forward();
    const namespaces = new Map<Isp, Namespace>();
    for (const isp of isps) {
      const namespace = await network.add(isp.name);
      namespaces.set(isp, namespace);
      await network.connect(namespace, 'transit', internet, isp.name);
      await configureTransit(isp, namespace, internet);
    }
    return new Site(client, namespaces, internet);
  }

  isp(isp: Isp): Namespace {
    const namespace = this.isps.get(isp);
    if (namespace === undefined) throw new Error(`${isp.name} is not part of this site`);
    return namespace;
  }

  /** Gives nptd's devices their addresses and routes; nptd must have made them. */
  async configureDevices(): Promise<void> {
    await Promise.all([
      configureClient(this.client),
      ...[...this.isps].map(([isp, namespace]) => configureUplink(isp, namespace)),
    ]);
  }

  /**
   * Drops everything that the ISP would forward: its own address still answers, nothing behind it does.
   * @param family cuts this one only
   */
  async cut(isp: Isp, family?: 4 | 6): Promise<void> {
    const hook = 'type filter hook forward priority -10; policy accept;';
    const which = family === undefined ? '' : `meta nfproto ipv${family}`;
    await this.isp(isp).nft(`table inet cut { chain forward { ${hook} ${which} drop; }; }`);
  }

  async restore(isp: Isp): Promise<void> {
    await this.isp(isp).nft('delete table inet cut');
  }

  /** Packets from the site that came with a source outside the ISP's address space. */
  async foreignSources(isp: Isp): Promise<number> {
    const text = await this.isp(isp).runOrThrow(['nft', 'list', 'counter', 'inet', 'ingress', 'foreign']);
    return Number(text.match(/packets (\d+)/)?.[1]);
  }
}

async function configureTransit(isp: Isp, namespace: Namespace, internet: Namespace): Promise<void> {
  const { isp4, isp6, internet4, internet6 } = transit(isp);
  await namespace.ip(
    `address add ${isp4}/30 dev transit`,
    `address add ${isp6}/64 dev transit`,
    `route add default via ${internet4}`,
    `route add default via ${internet6}`,
  );
  await namespace.forward();
  await namespace.nft(isp.masquerade === true ? masquerade : ingressFilter(isp));
  const routes4 = isp.masquerade === true ? [] : [`route add ${isp.ipv4.space} via ${isp4}`];
  await internet.ip(
    `address add ${internet4}/30 dev ${isp.name}`,
    `address add ${internet6}/64 dev ${isp.name}`,
    ...routes4,
    `route add ${isp.ipv6.space} via ${isp6}`,
    `route add ${isp.ipv6.prefix} via ${isp6}`,
  );
}

async function configureClient(namespace: Namespace): Promise<void> {
  await namespace.ip(
    `link set ${CLIENT.device} up`,
    `address add ${CLIENT.ipv4}/24 dev ${CLIENT.device}`,
    `address add ${CLIENT.ipv6}/64 dev ${CLIENT.device} nodad`,
    `route add default via ${CLIENT.gateway4}`,
    `route add default via ${CLIENT.gateway6}`,
  );
}

async function configureUplink(isp: Isp, namespace: Namespace): Promise<void> {
  await namespace.ip(
    `link set ${isp.device} up`,
    `address add ${isp.ipv4.gateway}/${isp.ipv4.length} dev ${isp.device}`,
    `address add ${isp.ipv6.gateway}/64 dev ${isp.device} nodad`,
    `route replace ${isp.ipv6.own} dev ${isp.device}`,
    `route add ${isp.ipv6.prefix} via ${isp.ipv6.own} dev ${isp.device} onlink`,
  );
}

/** What a careful ISP does (BCP 38). Link-local sources belong to neighbour discovery. */
function ingressFilter(isp: Isp): string {
  return `table inet ingress {
    counter foreign {}
    chain prerouting {
      type filter hook prerouting priority -300; policy accept;
      iifname != "${isp.device}" accept
      ip saddr != ${isp.ipv4.space} counter name foreign drop
      ip6 saddr != { ${isp.ipv6.space}, ${isp.ipv6.prefix}, fe80::/10, :: } counter name foreign drop
    }
  }`;
}

const masquerade = `table ip translate {
  chain postrouting { type nat hook postrouting priority 100; oifname "transit" masquerade; }
}`;
