/**
 * QUIC (RFC 9000) while its uplink dies: the gateway gives its UDP flow a new mapping on the other uplink, and the server takes
 * the new address for the same connection. Three connections a family: an upload, a download, and one that says nothing meanwhile.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { INTERNET, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { BLACK_HOLE, ispOf, msUntilDown, withProbe } from './multihoming.ts';
import { type QuicClient, type QuicJob, QuicServer, quicObstacle } from './quic.ts';
import { TestBed } from './test-bed.ts';

const ISPS = [ISP_A, ISP_B];
const JOBS: readonly QuicJob[] = ['upload', 'download', 'idle'];
/** Until the connections are open, the uplink is known as dead, and more has crossed the other one. */
const SECONDS = 6;

describe('QUIC connections whose uplink dies', () => {
  let bed: TestBed;
  let folder: string | undefined;

  beforeAll(async () => {
    if (quicObstacle !== undefined) return;
    folder = await mkdtemp(join(tmpdir(), 'nptd-quic-'));
    bed = await TestBed.open({ change: (config) => withProbe(config, ISPS, { profile: 'fast', 'up-after': '1s' }) });
  });
  afterAll(async () => {
    await bed?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });
  beforeEach(({ skip }) => skip(quicObstacle !== undefined, quicObstacle));

  test('an upload, a download and an idle connection survive, each as one connection from two addresses', async () => {
    const addresses = [INTERNET.web4, INTERNET.web6];
    const start = (address: string, at: number) =>
      QuicServer.start(bed.site.internet, address, join(folder ?? '', `${at}.der`));
    const servers = await Promise.all(addresses.map(start));
    const connections: { server: QuicServer; job: QuicJob; client: QuicClient }[] = [];
    for (const server of servers) {
      // One after the other, so that the server's numbers say which is which.
      for (const job of JOBS) {
        connections.push({ server, job, client: await server.connect(bed.site.client, job, SECONDS) });
      }
    }
    const begun = await BLACK_HOLE.begin(bed.site, ISP_A);
    await msUntilDown(bed, ISP_A, begun, 8000);
    for (const { server, job, client } of connections) {
      const detail = await client.result();
      if (job === 'download') expect(server.digests()).toEqual([detail]);
    }
    for (const server of servers) {
      for (const connection of [1, 2, 3]) {
        const seen = server.addresses().filter((one) => one.connection === connection);
        const isps = seen.map(({ address }) => ispOf(ISPS, address));
        expect(isps, JOBS[connection - 1]).toEqual([ISP_A.name, ISP_B.name]);
      }
      expect(Math.max(...server.addresses().map(({ connection }) => connection))).toBe(3);
    }
    for (const isp of ISPS) expect(await bed.site.foreignSources(isp), isp.name).toBe(0);
  });
});
