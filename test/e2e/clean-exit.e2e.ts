import { existsSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ping, whoAmI } from '../../src/demo/clients.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { TestBed } from './test-bed.ts';

let bed: TestBed;

beforeEach(async () => {
  bed = await TestBed.open();
});
afterEach(() => bed?.close());

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s amid traffic: nptd ends with 0, and its devices, socket and process are gone',
  async (signal) => {
    expect(await whoAmI(bed.site.client, INTERNET.web4)).toBeDefined();
    bed.site.client.start(['ping', '-f', INTERNET.probe4]);
    bed.site.client.start(['curl', '-sS', `http://${INTERNET.web4}/octets/1000000000`, '-o', '/dev/null']);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { pid = 0 } = bed.gateway.process;
    expect(existsSync(bed.socket)).toBe(true);

    bed.gateway.process.signal(signal);
    const code = await Promise.race([
      bed.gateway.process.ended(),
      new Promise((resolve) => setTimeout(resolve, 3000, 'still running after 3 s')),
    ]);

    expect(code, bed.gateway.process.lines.slice(-10).join('\n')).toBe(0);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(existsSync(bed.socket)).toBe(false);
    const links = async (namespace: typeof bed.site.client) => namespace.runOrThrow(['ip', '-br', 'link', 'show']);
    expect(await links(bed.site.client)).not.toContain(CLIENT.device);
    expect(await links(bed.site.isp(ISP_A))).not.toContain(ISP_A.device);
    expect(await links(bed.site.isp(ISP_B))).not.toContain(ISP_B.device);
  },
);

test('the same devices can be made again at once', async () => {
  await bed.gateway.process.stop();
  const second = await bed.gateway.restart(bed.network);
  await bed.site.configureDevices();
  const result = await ping(bed.site.client, INTERNET.probe4, 3);
  expect(result, result.text).toMatchObject({ sent: 3, received: 3 });
  expect(second.process.exitCode).toBeUndefined();
});
