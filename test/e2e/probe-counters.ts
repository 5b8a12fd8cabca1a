/** What an ISP sees of an uplink's own probes, counted by nftables, which loses nothing. */
import type { Isp } from '../../src/demo/site.ts';
import type { TestBed } from './test-bed.ts';

/** Ports of the gateway's own. */
interface OwnPorts {
  readonly low: number;
  readonly high: number;
}

/** Where a kind of probe goes to: addresses by family, protocol and port. */
export interface ProbeKind {
  readonly targets: readonly [ipv4: string, ipv6: string];
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}

/** Probes of kinds that are counted by name and family, and what has one of their ports and is none. */
export class ProbeCounters<Kind extends string> {
  readonly #ports: string;
  readonly #kinds: Readonly<Record<Kind, ProbeKind>>;

  constructor({ low, high }: OwnPorts, kinds: Readonly<Record<Kind, ProbeKind>>) {
    this.#ports = `${low}-${high}`;
    this.#kinds = kinds;
  }

  /** The rules of an ISP. */
  rules({ device, ipv4, ipv6 }: Isp): string {
    const kinds = Object.entries<ProbeKind>(this.#kinds);
    const rules = kinds.flatMap(([kind, { targets, protocol, port }]) => {
      const ports = `${protocol} sport ${this.#ports} ${protocol} dport ${port}`;
      return [
        rule(`${kind}4`, `ip saddr ${ipv4.own} ip daddr ${targets[0]} ${ports}`),
        rule(`${kind}6`, `ip6 saddr ${ipv6.own} ip6 daddr ${targets[1]} ${ports}`),
      ];
    });
    const names = [...kinds.flatMap(([kind]) => [`${kind}4`, `${kind}6`]), 'other'];
    return `table inet probes {
      ${names.map((name) => `counter ${name} {}`).join('\n')}
      chain prerouting {
        type filter hook prerouting priority -310; policy accept;
        iifname != "${device}" accept
        ${[...rules, rule('other', `meta l4proto { tcp, udp } th sport ${this.#ports}`)].join('\n')}
      }
    }`;
  }

  /** Packets that have come to an ISP, by kind and family. */
  async read(bed: TestBed, isp: Isp): Promise<Record<`${Kind}${4 | 6}` | 'other', number>> {
    const text = await bed.site.isp(isp).runOrThrow(['nft', 'list', 'counters', 'table', 'inet', 'probes']);
    const counts = [...text.matchAll(/counter (\w+) {\s*packets (\d+)/g)].map(([, name = '', count]) => [
      name,
      Number(count),
    ]);
    return Object.fromEntries(counts) as Record<`${Kind}${4 | 6}` | 'other', number>;
  }
}

const rule = (name: string, match: string) => `${match} counter name ${name} accept`;
