import { appendFileSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Journal } from '../../../src/journal/journal.ts';

const folder = mkdtempSync(join(tmpdir(), 'nptd-journal-'));
afterAll(() => rmSync(folder, { recursive: true }));

function journalOf(name: string, entriesMax = 100, atMs = 1000) {
  const complaints: string[] = [];
  const file = join(folder, name);
  const journal = new Journal({ file, entriesMax, complain: (message) => complaints.push(message), now: () => atMs });
  return { journal, complaints, file };
}

function change(atMs: number, to = 'down') {
  const fields = { event: 'uplink-changed', uplink: 'fiber', family: 4, to };
  return { atMs, event: 'uplink-changed', message: `fiber is ${to}`, fields };
}

const eventsOf = (journal: Journal) => journal.entries().map(({ event, atMs }) => [event, atMs]);

describe('the journal', () => {
  it('survives a restart', async () => {
    const first = journalOf('a/journal.jsonl');
    await first.journal.open();
    first.journal.note(change(2000));
    await first.journal.close();
    const second = journalOf('a/journal.jsonl', 100, 9000);
    await second.journal.open();
    expect(eventsOf(second.journal)).toEqual([
      ['started', 1000],
      ['uplink-changed', 2000],
      ['stopped', 1000],
      ['started', 9000],
    ]);
    expect(second.journal.entries()[1]).toEqual(change(2000));
    await second.journal.close();
    expect([...first.complaints, ...second.complaints]).toEqual([]);
  });

  it('notes the end of a run that could not, by the last sign of it, and leaves out a line that was cut', async () => {
    const { journal, file } = journalOf('crash.jsonl', 100, 90_000);
    writeFileSync(file, `${JSON.stringify(change(2000))}\n{"atMs":3000,"eve`);
    utimesSync(file, 60, 60);
    await journal.open();
    expect(eventsOf(journal)).toEqual([
      ['uplink-changed', 2000],
      ['stopped', 60_000],
      ['started', 90_000],
    ]);
    await journal.close();
    const again = journalOf('crash.jsonl', 100, 95_000).journal;
    await again.open();
    expect(eventsOf(again).map(([event]) => event)).toEqual([
      'uplink-changed',
      'stopped',
      'started',
      'stopped',
      'started',
    ]);
    await again.close();
  });

  it('keeps its newest entries only, in memory and in the file', async () => {
    const { journal, file } = journalOf('long.jsonl', 10);
    await journal.open();
    for (let atMs = 0; atMs < 1000; atMs += 1) journal.note(change(atMs));
    await journal.close();
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(20);
    expect(lines.at(-2)).toContain('"atMs":999');
    expect(journal.entries().length).toBeLessThanOrEqual(20);
  });

  it('goes on in memory where the file cannot be used, and says so once', async () => {
    appendFileSync(join(folder, 'file'), '');
    const { journal, complaints } = journalOf('file/journal.jsonl');
    await journal.open();
    journal.note(change(1));
    await journal.close();
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toContain('cannot be used');
    expect(eventsOf(journal)).toHaveLength(3);
  });
});
