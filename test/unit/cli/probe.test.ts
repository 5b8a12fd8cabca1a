import { expect, test } from 'vitest';
import { NptdError } from '../../../src/api/errors.ts';
import { probe } from '../../../src/api/probe.ts';
import { probeCommand } from '../../../src/cli/commands/probe.ts';
import { EXIT_CODE } from '../../../src/cli/exit-code.ts';
import { RecordedOutput } from './support.ts';

test('a target that is no address is a wrong command line, and an argument that cannot be used', async () => {
  const output = new RecordedOutput();
  const request = { device: 'lo', target: 'example', count: 1, interval: 500, timeout: 800, json: false };
  expect(await probeCommand(request, output)).toBe(EXIT_CODE.usage);
  expect(output.complained).toBe('nptd probe: "example" is not an IP address\n');
  const error: unknown = await probe(request).catch((reason: unknown) => reason);
  expect(error instanceof NptdError && error.code).toBe('INVALID_ARGUMENT');
});
