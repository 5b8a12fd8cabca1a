/** docs/nptv6-comparison.md, from what was observed. */
import { agree, type Compared, type Outcome } from './nptv6-comparison.ts';

interface Row {
  readonly title: string;
  readonly nptd: string;
  readonly kernel: string;
  /** How many cases have each. */
  readonly consequences: Map<string, number>;
  count: number;
}

/** What follows where both addresses and checksums are as they should be. */
const MEANING: Readonly<Record<string, string>> = {
  InterfaceIdAllZeros: 'none: `nptv6.all-zeros-interface-id: translate` does the same here',
  SourceNotInternal: 'an internal address is seen outside, unless a filter rule of its own stops it',
  NotForThisUplink: 'an untranslated destination comes in, unless a filter rule of its own stops it',
  MartianSource: 'the sender does not hear of it',
  IcmpQuoteInvalid: 'the host cannot tell which connection is meant',
  IcmpChecksumWrong: 'none: the host drops it',
  IcmpQuoteUnknown: 'the receiver hears of a packet that is not its own',
};
const CUT_SHORT = 'none: the host can make nothing of it';
const BACK_OUT = 'none: it goes back to where it came from';

/** What follows from what the kernel did, as far as it can be seen on the packets. */
export function consequencesOf(one: Compared): string[] {
  const { nptd, kernel, from } = one;
  const outbound = from === 'internal';
  if (nptd.packet !== undefined && kernel.packet !== undefined) {
    return [
      outbound ? 'the quote shows an internal address outside' : 'the host cannot tell which connection is meant',
    ];
  }
  const found: string[] = [];
  if (!one.neutral) found.push('its checksum is wrong from then on');
  if (one.astray !== undefined) {
    found.push(
      outbound ? 'answers reach another host of the site' : 'answers come from another address than was asked',
    );
  }
  if (kernel.error !== undefined && kernel.error.side !== from) {
    found.push('the host never hears of it: the error leaves for its external form');
  }
  if (found.length > 0) return found;
  if (kernel.packet?.startsWith(from)) return [BACK_OUT];
  if (one.title.includes('cut short')) return [CUT_SHORT];
  return [MEANING[nptd.verdict] ?? 'unknown'];
}

function wordsOf(outcome: Outcome, { from }: Compared, refusal: string): string {
  if (outcome.packet !== undefined) return 'translated';
  const { error } = outcome;
  if (error === undefined) return `${refusal}, silently`;
  return `${refusal}, ICMPv6 ${error.type}/${error.code} to the ${error.side === from ? 'sender' : 'other side'}`;
}

function rowsOf(compared: readonly Compared[]): Row[] {
  const rows = new Map<string, Row>();
  for (const one of compared.filter((candidate) => !agree(candidate))) {
    const both = one.nptd.packet !== undefined && one.kernel.packet !== undefined;
    const nptd = both ? 'translated, its quote too' : wordsOf(one.nptd, one, `\`${one.nptd.verdict}\``);
    const kernel = both ? 'translated, its quote not' : kernelWords(one);
    const row = rows.get(one.title + nptd + kernel) ?? { ...one, nptd, kernel, consequences: new Map(), count: 0 };
    for (const text of consequencesOf(one)) row.consequences.set(text, (row.consequences.get(text) ?? 0) + 1);
    row.count += 1;
    rows.set(one.title + nptd + kernel, row);
  }
  return [...rows.values()];
}

function kernelWords(one: Compared): string {
  const untouched = one.nptd.verdict === 'SourceNotInternal' || one.nptd.verdict === 'NotForThisUplink';
  if (one.kernel.packet !== undefined && untouched) return 'forwarded as it is';
  return wordsOf(one.kernel, one, 'dropped');
}

/** @param kernel its version, of which the page is true */
export function pageOf(compared: readonly Compared[], kernel: string): string {
  const translated = compared.filter((one) => agree(one) && one.nptd.packet !== undefined).length;
  const refused = compared.filter((one) => agree(one) && one.nptd.packet === undefined).length;
  const rows = rowsOf(compared).map((row) => {
    const consequences = [...row.consequences].map(([text, count]) =>
      count < row.count ? `${text} (${count})` : text,
    );
    return `| ${row.title} | ${row.count} | ${row.nptd} | ${row.kernel} | ${consequences.join('; ')} |`;
  });
  return `# NPTv6 beside that of the Linux kernel

Linux ${kernel} has NPTv6 of its own: the targets SNPT and DNPT of ip6tables. \`test/e2e/kernel-nptv6.e2e.ts\` hands the same
${compared.length} packets to a router with these two rules and to the engine of nptd, and compares every octet that comes out. This page is written by that
test (\`NPTD_UPDATE=1\`), and true of that version of the kernel.

- rules: \`POSTROUTING -s INTERNAL -j SNPT\` and \`PREROUTING -d EXTERNAL -j DNPT\`, for each pair of prefixes anew
- packets: all vectors of \`fixtures/vectors/rfc6296.json\` (addresses in UDP with right checksums, hairpins, whole packets), further ones of ESP, AH, SCTP,
  fragments, and ICMPv6 errors
- nptd: prefix translation alone (\`filter: { mode: off }\`)

${translated} packets both translate, and every octet is the same. ${refused} both refuse, with the same ICMPv6 error or none. The others:

| packet | how many | nptd | Linux | what follows from what Linux does |
|---|---|---|---|---|
${rows.join('\n')}

"Answers" are observed as well: the kernel is handed one to each address that it translated.
`;
}
