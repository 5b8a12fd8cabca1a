import { describe, expect, it } from 'vitest';
import { type UlaOptions, ulaCommand } from '../../../src/cli/commands/ula.ts';
import { RecordedOutput } from './support.ts';

function ula(options: UlaOptions) {
  const output = new RecordedOutput();
  return { code: ulaCommand(options, output), ...output };
}

describe('nptd ula', () => {
  it('prints the prefix of a time and a MAC address (4193-3.2.2)', () => {
    expect(ula({ mac: '00:1b:21:3c:9d:7e', time: 'e8d4a51080000000' })).toMatchObject({
      code: 0,
      printed: 'fd1a:2481:f95f::/48\n',
    });
  });

  it('prints as JSON what the prefix was made from', () => {
    const { printed } = ula({ mac: '00:1b:21:3c:9d:7e', time: '1970-01-01T00:00:00Z', json: true });
    expect(JSON.parse(printed)).toMatchObject({ ntpTime: '83aa7e8000000000', eui64: '021b21fffe3c9d7e' });
    expect(JSON.parse(printed).prefix).toMatch(/^fd[0-9a-f:]+::\/48$/);
  });

  it('prints another prefix each time by default (7084-ULA1, 6296-4.1c)', () => {
    const prefixes = Array.from({ length: 100 }, () => ula({}).printed);
    expect(new Set(prefixes).size).toBe(100);
    expect(prefixes.every((prefix) => /^fd[0-9a-f]{2}:.*::\/48\n$/.test(prefix))).toBe(true);
  });

  it.each([
    [{ mac: '00:1b' }, 'nptd ula: "00:1b" is not a MAC address\n'],
    [{ time: 'yesterday' }, 'nptd ula: "yesterday" is neither an ISO 8601 instant nor 16 hexadecimal digits\n'],
  ])('refuses %o', (options, complained) => {
    expect(ula(options)).toMatchObject({ code: 64, complained, printed: '' });
  });
});
