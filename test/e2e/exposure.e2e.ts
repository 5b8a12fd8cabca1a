/** Nothing of the gateway can be managed, asked or configured from beyond an uplink (6092-R50, 6092-R8). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLIENT, INTERNET, ISP_A } from '../../src/demo/site.ts';
import { program } from './programs.ts';
import { TestBed } from './test-bed.ts';

/** Where routers are managed, asked for names and addresses, or for ports: 5351 is PCP, 5000 and 49152 are usual for UPnP. */
const PORTS = [21, 22, 23, 53, 67, 69, 80, 123, 161, 443, 547, 830, 1900, 4786, 5000, 5351, 7547, 8080, 8443, 49_152];

let bed: TestBed;

beforeAll(async () => {
  bed = await TestBed.open({ isps: [ISP_A] });
});
afterAll(() => bed?.close());

async function scan(address: string): Promise<unknown> {
  const command = await program('scan-ports', address, PORTS.join(','));
  return JSON.parse(await bed.site.internet.runOrThrow(command));
}

test('the scan finds what there is to find', async () => {
  const command = await program('scan-ports', INTERNET.web4, PORTS.join(','));
  expect(JSON.parse(await bed.site.client.runOrThrow(command))).toMatchObject({ tcp: expect.arrayContaining([80]) });
});

test.each([
  ['its own IPv4 address on the uplink', async () => ISP_A.ipv4.own],
  ['its own IPv6 address on the uplink', async () => ISP_A.ipv6.own],
  ['the external form of its internal address', () => bed.gateway.externalOf(CLIENT.gateway6, ISP_A.name)],
])('6092-R50 no service answers from outside at %s', async (_what, address) => {
  expect(await scan(await address())).toEqual({ tcp: [], udp: [] });
});

test('6092-R50 the process has no socket of a network, and its control socket is for its owner alone', () => {
  const { pid } = bed.gateway.process;
  const owned = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    const [, inode] = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`)) ?? [];
    return inode === undefined ? [] : [inode];
  });
  const tables = ['tcp', 'tcp6', 'udp', 'udp6', 'udplite', 'udplite6', 'raw', 'raw6'];
  const network = tables.flatMap((table) => inodesOf(`/proc/${pid}/net/${table}`));
  expect(owned.length).toBeGreaterThan(0);
  expect(owned.filter((inode) => network.includes(inode))).toEqual([]);
  expect(inodesOf(`/proc/${pid}/net/unix`, 6).filter((inode) => owned.includes(inode))).not.toEqual([]);
});

/** A descriptor may be closed meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** The inodes of a table of sockets below /proc, by the number of their column; none where the kernel lacks the protocol. */
function inodesOf(path: string, column = 9): string[] {
  try {
    const rows = readFileSync(path, 'utf8').trim().split('\n').slice(1);
    return rows.flatMap((row) => row.trim().split(/\s+/)[column] ?? []);
  } catch {
    return [];
  }
}
