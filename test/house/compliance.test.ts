/** docs/rfc-compliance.md is generated from citations: `NPTD_UPDATE=1` writes it anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { page, problems, standings, strengthOf } from './compliance.ts';
import {
  type Catalogue,
  type Citation,
  CitationReader,
  collectCitations,
  type Remarks,
  readCatalogue,
  readRemarks,
} from './compliance-catalogue.ts';
import { ROOT } from './source-tree.ts';

const FILE = join(ROOT, 'docs/rfc-compliance.md');
const NO_REMARKS: Remarks = { exceptions: [], exceptionsForNow: [], testDuties: [], unfinished: [] };

describe('citations of requirements', () => {
  const catalogue = readCatalogue();
  const reader = new CitationReader(catalogue);

  it('are found in prose, with those that no requirement has', () => {
    const text = '4787-R9a, 6296-3.5a. (RFC 5508-R3) MWAN-2; 6092-R1/R2 4788-R1 6296-9.9';
    expect(reader.inProse(text)).toEqual([
      '4787-R9a',
      '6296-3.5a',
      '5508-R3',
      'MWAN-2',
      '6092-R1',
      '4788-R1',
      '6296-9.9',
    ]);
  });

  it('are not ranges, dates or words', () => {
    expect(reader.inProse('1024-65535, 2026-01-02, RFC 6296-like? no: UDP-ish, SYN-ACK, 2001:6296-x')).toEqual([
      '6296-like',
    ]);
  });

  it('are found in names of Rust functions, several of one RFC too', () => {
    expect(reader.inName('both_4787_r9_r9a_then_6296_3_2b_3_3_6296b_icmp1')).toEqual([
      '4787-R9',
      '4787-R9a',
      '6296-3.2b',
      '6296-3.3',
      '6296b-ICMP1',
    ]);
    expect(reader.inName('what_fails_4787_r99')).toEqual(['4787-r99']);
    expect(reader.inName('checks_of_rfc_4787_are_kept_3_2b')).toEqual([]);
  });

  it('name requirements that exist, and no exception is in the way of one that is met', () => {
    const citations = collectCitations(catalogue);
    expect(citations.length).toBeGreaterThan(300);
    expect(problems(catalogue, readRemarks(), citations)).toEqual([]);
  });
});

describe('the standing of a requirement', () => {
  const row = (id: string, level = 'MUST') =>
    ({ ids: [id], section: '1', level, derived: false, text: 'It holds.' }) as const;
  const small: Catalogue = {
    sections: [{ number: '1', title: 'one' }],
    requirements: [row('4787-R1'), row('4787-R2'), row('4787-R3', 'MAY / SHOULD')],
  };
  const cite = (id: string, kind: Citation['kind']): Citation => ({ id, kind, path: `${kind}.ts`, line: 7 });

  it('needs the deciding line and a test to be met', () => {
    const citations = [cite('4787-R1', 'code'), cite('4787-R1', 'proof'), cite('4787-R2', 'code')];
    expect(standings(small, NO_REMARKS, citations).map(({ status }) => status)).toEqual(['met', 'code only', 'open']);
  });

  it('is not met while something is missing', () => {
    const citations = [cite('4787-R1', 'code'), cite('4787-R1', 'proof')];
    const remarks = { ...NO_REMARKS, unfinished: [{ ids: ['4787-R1'], reason: 'half of it' }] };
    expect(standings(small, remarks, citations)[0]?.status).toBe('unfinished');
  });

  it('is an exception for now, with the reason, where a part is not there', () => {
    const remarks = { ...NO_REMARKS, exceptionsForNow: [{ ids: ['4787-R1'], reason: 'nobody can ask' }] };
    expect(standings(small, remarks, [])[0]).toMatchObject({ status: 'excepted', reason: 'for now, nobody can ask' });
    const citations = [cite('4787-R1', 'code'), cite('4787-R1', 'proof')];
    expect(problems(small, remarks, citations)).toHaveLength(1);
  });

  it('of a duty of test tools needs a test and no line of the product', () => {
    const remarks = { ...NO_REMARKS, testDuties: [{ ids: ['4787-R1', '4787-R2'], reason: 'of the server' }] };
    const found = standings(small, remarks, [cite('4787-R1', 'proof'), cite('4787-R2', 'code')]);
    expect(found.map(({ status }) => status)).toEqual(['met', 'open', 'open']);
  });

  it('is a problem where an id is unknown, remarked twice, or both excepted and met', () => {
    const citations = [cite('4787-R1', 'code'), cite('4787-R1', 'proof'), cite('4787-R9', 'code')];
    const remarks: Remarks = {
      ...NO_REMARKS,
      exceptions: [{ ids: ['4787-R1', '4787-R8'], reason: 'no' }],
      unfinished: [{ ids: ['4787-R1'], reason: 'half' }],
    };
    expect(problems(small, remarks, citations)).toEqual([
      'code.ts:7: no requirement is called 4787-R9',
      'exceptions.json: no requirement is called 4787-R8',
      'exceptions.json: 4787-R1 is there twice',
      'exceptions.json: 4787-R1 is excepted, but cited in code and in a test',
    ]);
  });

  it('counts by the strictest word of its level', () => {
    expect(small.requirements.map(strengthOf)).toEqual(['MUST', 'MUST', 'SHOULD']);
    expect(strengthOf(row('4787-R4', 'policy'))).toBe('info');
  });
});

it('docs/rfc-compliance.md says what source and tests say', () => {
  const catalogue = readCatalogue();
  const current = page(catalogue, readRemarks(), collectCitations(catalogue));
  if (process.env.NPTD_UPDATE === '1') writeFileSync(FILE, current);
  expect(readFileSync(FILE, 'utf8')).toBe(current);
});
