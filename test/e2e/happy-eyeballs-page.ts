/** docs/happy-eyeballs.md: figures of one run, and what they mean. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Fetched, ProgramName } from './happy-eyeballs.ts';

/** What was fetched in each situation, in the order of the page. */
export type Figures = Map<string, readonly Readonly<Record<ProgramName, Fetched>>[]>;

const FILE = fileURLToPath(new URL('../../docs/happy-eyeballs.md', import.meta.url));

export function writePage(figures: Figures): void {
  const rows = [...figures].map(([situation, rounds]) => {
    const cell = (name: ProgramName) => range(rounds.map((round) => round[name]));
    return `| ${situation} | ${cell('curl')} | ${cell('node')} |`;
  });
  writeFileSync(FILE, page(rows.join('\n')));
}

/** `19-25 ms by IPv6`: the smallest and the largest, and the families that were seen. */
function range(fetched: readonly Fetched[]): string {
  const ms = fetched.map((one) => Math.round(one.ms)).toSorted((a, b) => a - b);
  const families = [...new Set(fetched.map(({ family }) => `IPv${family}`))].toSorted().join(' or ');
  return `${ms[0]}-${ms.at(-1)} ms, ${families}`;
}

function versionOf(program: string): string {
  return execFileSync(program, ['--version'], { encoding: 'utf8' }).match(/\d+\.\d+\.\d+/)?.[0] ?? '?';
}

const page = (rows: string) => `# What users notice when an uplink dies

Most programs try both address families of a name (Happy Eyeballs, RFC 8305). \`test/e2e/happy-eyeballs.e2e.ts\` lets two of them fetch a
page through a gateway with two uplinks, cuts what is behind the ISP's router (which goes on answering; of both uplinks at once it falls silent too), and lets them fetch it again. It
asserts that the page comes, not how fast; the figures of this page were written by one run of it (\`NPTD_UPDATE=1\`).

- host: Linux ${release().match(/^\d+\.\d+/)?.[0]} with default settings; addresses of both ISPs' prefixes by router advertisements (\`native: true\`), one IPv4 address
- server: one name with an IPv4 and an IPv6 address in /etc/hosts; the ways to it take less than a millisecond
- programs: curl ${versionOf('curl')}, which tries IPv4 after 200 ms; Node ${process.versions.node} (\`http.get\`), which gives IPv6 up after 250 ms. Both start side by side
- time: from the start of the question for the name to the first octet of the page, as curl and Node say themselves; the smallest and the largest of
  five, with the family that the page came by. Two processors, shared with much other work, which is
  what the small figures differ by

| situation | curl | Node |
|---|---|---|
${rows}

"At the moment of the cut" means that the programs start when the cut is made, so the gateway does not know of it. What then happens:

- **The uplink of both families is dead.** Neither SYN is answered, and nobody tells the program anything: it waits. By default the gateway
  takes up to 2.6 s to judge the uplink dead; the first SYN that Linux repeats after that, about once a second, opens the connection by the other uplink. Which
  family that is depends on which SYN comes first. With \`profile: fast\` it takes up to 0.45 s, so that the first repetition finds the other uplink, and often the first SYN of the
  other family. A program with less patience than this fails, and what was connected before ends: its addresses were those of the dead ISP.
- **One family is dead, on the uplink that it takes or on all.** IPv6 costs the 200 ms or 250 ms after which the program tries IPv4; IPv4 costs nothing, as IPv6 comes first. A
  program that tries one family only does not get its page.
- **Once it is known** everything is as if all were well: a dead ISP's prefix is deprecated, so the host takes an address of the other one; without any
  IPv6 the gateway is no default router, so a connection by IPv6 fails in the host itself, at once.

Hosts with unique local addresses prefer IPv4: [ula.md](ula.md).
`;
