import { expect, it } from 'vitest';
import { countOf, renderFacts, renderIssuesWithExcerpts, renderTable } from '../../../src/cli/render.ts';
import { issueAt } from '../../../src/config/issue.ts';

it('a table aligns its columns and ends no line with spaces', () => {
  expect(renderTable(['NAME', 'N'], [['a', '1'], ['longer ↔', '22'], ['']])).toBe(
    'NAME      N\na         1\nlonger ↔  22\n\n',
  );
});

it('facts align their values', () => {
  expect(
    renderFacts([
      ['pid', '7'],
      ['generation', '12'],
    ]),
  ).toBe('pid:         7\ngeneration:  12\n');
  expect(renderFacts([])).toBe('');
});

it('an excerpt puts its caret below the place, tabs kept', () => {
  const place = { path: ['a'], file: 'f', line: 2, column: 3 };
  const issue = issueAt({ code: 'bad-value', reason: 'no' }, place);
  expect(renderIssuesWithExcerpts([issue], 'x\n\t b: c\n')).toBe('f:2:3: a: no\n    2 | \t b: c\n      | \t ^\n');
});

it('counts have a plural', () => {
  expect([0, 1, 2].map((count) => countOf(count, 'error'))).toEqual(['0 errors', '1 error', '2 errors']);
});
