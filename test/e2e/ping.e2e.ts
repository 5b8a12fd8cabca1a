import { afterAll, beforeAll, expect, test } from 'vitest';
import { ping } from '../../src/demo/clients.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { TestBed } from './test-bed.ts';

let bed: TestBed;

beforeAll(async () => {
  bed = await TestBed.open();
});
afterAll(() => bed?.close());

test.each([
  ['IPv4', INTERNET.probe4],
  ['IPv6', INTERNET.probe6],
])('the client pings the Internet without loss over %s', async (_family, target) => {
  const result = await ping(bed.site.client, target, 20);
  expect(result, result.text).toMatchObject({ sent: 20, received: 20 });
});

test.each([
  ['small', 0],
  ['of a full packet', 1472],
  ['that the client sends in fragments', 1473],
])('an IPv4 ping %s', async (_title, size) => {
  const result = await ping(bed.site.client, INTERNET.probe4, 3, '-s', `${size}`);
  expect(result.received, result.text).toBe(3);
});

test.each([
  ['its own address in the client subnet', 'client', CLIENT.gateway4],
  ['the same in IPv6', 'client', CLIENT.gateway6],
  ['its address towards A, from the client', 'client', ISP_A.ipv4.own],
  ['its address towards B, from the client', 'client', ISP_B.ipv4.own],
  ['its address towards A, from A', 'isp', ISP_A.ipv4.own],
  ['its IPv6 address towards A, from A', 'isp', ISP_A.ipv6.own],
  ['its address towards A, from the Internet', 'internet', ISP_A.ipv4.own],
  ['its IPv6 address towards A, from the Internet', 'internet', ISP_A.ipv6.own],
])('nptd answers a ping to %s', async (_title, from, target) => {
  const { client, internet } = bed.site;
  const namespace = from === 'client' ? client : from === 'isp' ? bed.site.isp(ISP_A) : internet;
  const result = await ping(namespace, target, 3);
  expect(result, result.text).toMatchObject({ sent: 3, received: 3 });
});

test('no packet left with a source outside the address space of its ISP', async () => {
  expect(await bed.site.foreignSources(ISP_A)).toBe(0);
  expect(await bed.site.foreignSources(ISP_B)).toBe(0);
});
