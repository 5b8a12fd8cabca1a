/** docs/multihoming.md: figures of one run, and what they mean. */
import { writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';

interface Noticed {
  readonly ms: number;
  /** `down` or `degraded`. */
  readonly as: string;
}

/** What one failure cost. */
export interface Figures {
  readonly title: string;
  /** Absent: not at all. */
  readonly noticed: Readonly<Record<4 | 6, Noticed | undefined>>;
  /** How often the gateway changed its mind about the uplink, over both families. */
  readonly changes: number;
  readonly datagrams: {
    /** Medians over the conversations. */
    readonly lost: number;
    readonly sent: number;
    readonly silenceMs: number;
    readonly moved: number;
    readonly all: number;
  };
  readonly connections: { readonly reset: number; readonly failed: number; readonly all: number };
  /** Packets that reached an ISP with a source that is not its own. */
  readonly foreign: number;
}

const FILE = fileURLToPath(new URL('../../docs/multihoming.md', import.meta.url));

export function writePage(pages: ReadonlyMap<string, readonly Figures[]>): void {
  const tables = [...pages].map(([profile, figures]) => `## Profile \`${profile}\`\n\n${table(figures)}`);
  writeFileSync(FILE, page(tables.join('\n\n')));
}

function table(figures: readonly Figures[]): string {
  const head =
    '| failure of the first uplink | noticed, IPv4 / IPv6 | changes of health | datagrams lost | longest silence | moved | reset |';
  return [head, '|---|---|---|---|---|---|---|', ...figures.map(row)].join('\n');
}

function row({ title, noticed, changes, datagrams, connections }: Figures): string {
  const { lost, sent, silenceMs, moved, all } = datagrams;
  const failed = connections.failed === 0 ? '' : `, ${connections.failed} failed`;
  const cells = [
    title,
    `${when(noticed[4])} / ${when(noticed[6])}`,
    `${changes}`,
    `${lost} of ${sent}`,
    `${(silenceMs / 1000).toFixed(2)} s`,
    `${moved} of ${all}`,
    `${connections.reset} of ${connections.all}${failed}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

const when = (noticed: Noticed | undefined) =>
  noticed === undefined
    ? 'no'
    : `${(noticed.ms / 1000).toFixed(2)} s${noticed.as === 'down' ? '' : ` (${noticed.as})`}`;

const page = (tables: string) => `# What the failure of an uplink costs

\`npm run measure:failover\` builds a site with two ISPs in network namespaces (test/e2e/test-bed.ts), lets the preferred one fail in each of
these ways while a host talks, and writes this page. What of it is promised is asserted by \`test/e2e/multihoming-*.e2e.ts\`.

- traffic: in each family ten TCP connections that only receive, ten that send a line every 20 ms and hear it back, and ten UDP conversations of a
  datagram every 20 ms, each echoed; all by the first uplink. The policy is the default one: \`on-failure: { tcp: reset, udp: move }\`, \`failback: drain\`
- probes: four targets, two in each family. Failures are made by nftables, \`ip link\` and \`tc\` in the namespace of the ISP
- noticed: from the failure to the line in the log that says that the uplink is down, or degraded, in that family
- datagrams lost: those of a conversation that were not echoed, of those that it sent while it was watched; longest silence: between two echoes. Both are the median of all
  twenty, which also lose what they lose while the uplink counts as good
- moved: conversations that the server has seen from the second uplink's address; reset: connections whose program was told "connection reset"
- one run on Linux ${release().match(/^\d+\.\d+/)?.[0]}, two processors shared with other work, which adds to all times; no packet had the address of the other uplink

${tables}

What to read in it:

- **Dead is dead within the promise**: up to 2.6 s by default and 0.45 s with \`profile: fast\`, plus what the machine takes; carrier that is lost is an event and waits for no
  probe. Every connection is told so at once, those that only receive too, and every conversation goes on by the other uplink.
- **One-way loss** counts as dead, though packets of the site arrive: nothing comes back.
- **Loss and latency** make an uplink \`degraded\`: new flows avoid it, established ones stay, since they still work. That takes most of the window of 15 s, on
  purpose. \`profile: fast\` is for uplinks that are quick and clean: a round trip longer than its timeout of 120 ms is no answer to it, and of 30 % loss each way,
  half of all probes, two rounds running without any answer come about, since it asks so often. It takes such uplinks for dead; more targets make that rarer for loss.
- **The kind of probe** decides what is noticed. The figures are those of ICMP echo; DNS and TCP probes have the same times. HTTP and HTTPS probes have a timeout of their own, so a silent ISP is noticed within 5 s; but they alone
  notice a portal, a proxy or a service that answers wrongly, within 1.5 s (test/e2e/http-probes.e2e.ts). With two targets by ICMP and one by HTTP in each family and \`quorum: 3\` both are seen.
- **Flapping**: each time that an uplink falls, it must be good for longer before it is used again (5 s at first here, 30 s by default), so it is left once.
- **Silent targets** are no failure when they are silent on every uplink: they are distrusted as long as the first hops answer, and the uplinks are \`unknown\`, which is
  as good as up.
`;
