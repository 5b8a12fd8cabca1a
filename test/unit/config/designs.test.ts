import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { issuesOf } from './support.ts';

const page = readFileSync(new URL('../../../docs/designs.md', import.meta.url), 'utf8');
const files = [...page.matchAll(/^## (.+)\n[\s\S]*?(?=^## |(?![\s\S]))/gm)].flatMap(([section, title = '']) =>
  [...section.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => ({ title, text })),
);

it('docs/designs.md has a file for each design that is served', () => {
  expect(files.map(({ title }) => title)).toEqual([
    'One gateway, primary and backup',
    'Load sharing',
    'Policies',
    'A metered backup',
    'Servers at the site',
    'Native prefixes',
    'A routed uplink',
  ]);
});

it.each(files)('the file of "$title" is accepted', ({ text }) => {
  const errors = issuesOf(text).filter((line) => !line.includes(': warning: '));
  expect(errors).toEqual([]);
});
