import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { download, urlHost } from '../../src/demo/clients.ts';
import { contentDigest } from '../../src/demo/content.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { TestBed } from './test-bed.ts';

const LENGTH = 100_000_000;
const UPLOAD_LENGTH = 10_000_000;

describe.each([
  { isp: ISP_A, other: ISP_B },
  { isp: ISP_B, other: ISP_A },
])('through $isp.name', ({ isp, other }) => {
  let bed: TestBed;

  beforeAll(async () => {
    bed = await TestBed.open({ prefer: [isp, other] });
  });
  afterAll(() => bed?.close());

  const external = async (server: string) =>
    server.includes(':') ? await bed.gateway.externalOf(CLIENT.ipv6, isp.name) : isp.ipv4.own;

  test.each([INTERNET.web4, INTERNET.web6])('100 MB arrive whole from %s', async (server) => {
    const { sha256 } = await download(bed.site.client, server, LENGTH);
    expect(sha256).toBe(contentDigest(LENGTH));
    const connections = bed.log().filter(({ local, detail }) => local === server && detail.includes('octets'));
    expect(connections.map(({ remote }) => remote)).toEqual([await external(server)]);
  });

  test.each([INTERNET.web4, INTERNET.web6])('an upload arrives whole at %s', async (server) => {
    const maker = `head -c ${UPLOAD_LENGTH} /dev/zero`;
    const url = `http://${urlHost(server)}/digest`;
    const pipe = `${maker} | curl -sS --max-time 30 --data-binary @- '${url}'; ${maker} | sha256sum | cut -d' ' -f1`;
    const [digest, expected] = (await bed.site.client.runOrThrow(['sh', '-c', pipe])).split('\n');
    expect(digest).toBe(expected);
  });

  test('no packet left with a source outside the address space of its ISP', async () => {
    expect(await bed.site.foreignSources(isp)).toBe(0);
  });
});
