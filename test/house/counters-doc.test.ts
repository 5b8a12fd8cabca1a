/** docs/counters.md is generated from the sentences in the engine: `NPTD_UPDATE=1` writes it anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { verdictCatalogue } from '../../src/native/verdict-catalogue.ts';

const FILE = new URL('../../docs/counters.md', import.meta.url);

type Entries = readonly { readonly name: string; readonly sentence: string }[];

function table(entries: Entries): string {
  const rows = entries.map(({ name, sentence }) => `| \`${name}\` | ${sentence} |`);
  return ['| counter | what it counts |', '|---|---|', ...rows].join('\n');
}

function page(): string {
  const { verdicts, outputs, suppressed } = verdictCatalogue();
  const isReason = verdicts.findIndex(({ name }) => name === 'NotProcessed');
  return `# Counters

Every packet ends in exactly one verdict, counted by uplink (the one it met, if any) and direction. \`nptd status\`
shows those that are not zero. This page is generated from the engine's own sentences; a test keeps it current.

## Verdicts

${table(verdicts.slice(0, isReason))}

### Reasons of drops

${table(verdicts.slice(isReason))}

\`PassQueueFull\` and \`TransmitFailed\` happen behind the engine: such a packet has been counted as \`Pass\`, or as what
was to be sent, before.

## Extra outputs

Frames that the engine makes, or releases, beside the verdict of a packet.

${table(outputs)}

## Suppressed outputs

${table(suppressed)}
`;
}

it('docs/counters.md says what the engine says', () => {
  if (process.env.NPTD_UPDATE === '1') writeFileSync(FILE, page());
  expect(readFileSync(FILE, 'utf8')).toBe(page());
});
