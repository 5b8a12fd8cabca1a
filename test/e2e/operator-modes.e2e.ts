/** What an operator wants of an uplink holds until he wants something else, whatever becomes of the gateway in between. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { whoAmI } from '../../src/demo/clients.ts';
import { INTERNET, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { firstSuccess } from '../../src/demo/wait.ts';
import { type ConfigObject, TestBed } from './test-bed.ts';

/** Until the uplinks have answered after a start, and one more attempt. */
const TAKES_MS_MAX = 8000;

let bed: TestBed;

beforeAll(async () => {
  bed = await TestBed.open({
    change: (config: ConfigObject) => {
      const { socket } = config.control as { readonly socket: string };
      return { ...config, state: { file: join(socket, '../state.json') } };
    },
  });
});
afterAll(() => bed?.close());

/** What `nptd uplink VERB isp-a` prints. */
async function uplink(verb: string): Promise<string> {
  const { code, stdout, stderr } = await bed.gateway.command('uplink', verb, ISP_A.name, '--socket', bed.socket);
  expect(code, stderr).toBe(0);
  return stdout;
}

async function modes(): Promise<(string | undefined)[]> {
  return (await bed.status()).uplinks.map(({ mode }) => mode);
}

/** New connections come from the address of this ISP. */
async function expectTaken({ ipv4 }: typeof ISP_A): Promise<void> {
  const isIt = async () => (await whoAmI(bed.site.client, INTERNET.web4, 1))?.address === ipv4.own;
  expect(await firstSuccess(isIt, TAKES_MS_MAX)).toBeDefined();
}

test('a disabled uplink stays so when the gateway is killed and started again, until it is enabled', async () => {
  await expectTaken(ISP_A);
  expect(await uplink('disable')).toContain('isp-a: disabled by an operator');
  await expectTaken(ISP_B);

  bed.gateway.process.signal('SIGKILL');
  await bed.gateway.process.ended();
  const second = await bed.gateway.restart(bed.network);
  await bed.site.configureDevices();
  expect(await modes()).toEqual(['disabled', 'enabled']);
  expect(second.log().map(({ message }) => message)).toContain(
    'uplink isp-a is disabled (was enabled): as before the restart',
  );
  await expectTaken(ISP_B);

  expect(await uplink('enable')).not.toContain('by an operator');
  await expectTaken(ISP_A);
  await second.process.stop();
  await bed.gateway.restart(bed.network);
  await bed.site.configureDevices();
  expect(await modes()).toEqual(['enabled', 'enabled']);
});
