/**
 * RFC 5780 behaviour discovery by a client and a server of our own, in every UDP filtering mode, at idle and with 95 %
 * of the ports in use: also what coturn's client cannot do, or not on one host.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLIENT, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { DatagramHost, type HostSocket } from './datagrams.ts';
import {
  FILTERING_MODES,
  fillPool,
  HELD_PORTS,
  openFilteringSite,
  POOL,
  portsInUse,
  SECOND_HOST,
  STUN_SERVER as SERVER,
  startStunServer,
  UDP_LIFETIME_S,
} from './filtering-site.ts';
import { ask, type Behaviour, filteringOf, isAlive, mappingOf } from './programs/stun/discovery.ts';
import type { Endpoint } from './programs/stun/message.ts';
import { TestBed } from './test-bed.ts';

type Load = 'at idle' | 'with 95 % of the ports in use';
const LOADS: readonly Load[] = ['at idle', 'with 95 % of the ports in use'];
const THIRD_HOST = '192.168.1.78';
const HOSTS = [CLIENT.ipv4, SECOND_HOST, THIRD_HOST];
const LIFETIME_MS = UDP_LIFETIME_S * 1000;

/** Sockets of the site's hosts, each with a port that nothing has used before (5780-C1). */
class FreshSockets {
  readonly #host: DatagramHost;
  /** In the pool, so that the first host of several keeps its port. */
  #port = POOL.first;

  constructor(host: DatagramHost) {
    this.#host = host;
  }

  async open(...addresses: string[]): Promise<HostSocket[]> {
    this.#port += 1;
    return Promise.all(addresses.map((address) => this.#host.open(address, this.#port)));
  }

  async one(address = CLIENT.ipv4): Promise<HostSocket> {
    const [socket] = await this.open(address);
    if (socket === undefined) throw new Error('no socket');
    return socket;
  }
}

/** Sends a text until it arrives; gives who it seems to come from. */
async function deliver(from: HostSocket, to: Endpoint, text: string, at: HostSocket): Promise<Endpoint | undefined> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    from.send(Buffer.from(text), to);
    const arrived = await at.receive(({ octets }) => octets.toString() === text, 200);
    if (arrived !== undefined) return arrived.from;
  }
  return undefined;
}

async function primedSocket(fresh: FreshSockets) {
  const socket = await fresh.one();
  const binding = await ask(socket, SERVER);
  if (binding === undefined) throw new Error('the server does not answer');
  return { socket, mapped: binding.mapped };
}

/** Whether a mapping is there that long after its socket has sent, and maybe sent again. */
async function outlives(fresh: FreshSockets, ms: number, refreshAtMs?: number): Promise<boolean> {
  const { socket, mapped } = await primedSocket(fresh);
  if (refreshAtMs !== undefined) {
    await sleep(refreshAtMs);
    await ask(socket, SERVER);
  }
  await sleep(ms - (refreshAtMs ?? 0));
  return isAlive(socket, mapped, await fresh.one(), SERVER);
}

/** Whether a mapping is there, asked twice a second from when its socket has sent, which then is silent. */
async function livesOfSilent(fresh: FreshSockets): Promise<boolean[]> {
  const [{ socket, mapped }, helper] = [await primedSocket(fresh), await fresh.one()];
  const lives: boolean[] = [];
  for (let ms = 0; ms <= LIFETIME_MS; ms += 500) {
    await sleep(500);
    lives.push(await isAlive(socket, mapped, helper, SERVER));
  }
  return lives;
}

/** Two hosts that know each other's external endpoint. */
async function hairpin(fresh: FreshSockets) {
  const [one, two] = await fresh.open(CLIENT.ipv4, SECOND_HOST);
  if (one === undefined || two === undefined) throw new Error('no sockets');
  const bindings = await Promise.all([ask(one, SERVER), ask(two, SERVER)]);
  const [external, otherExternal] = bindings.map((binding) => binding?.mapped);
  if (external === undefined || otherExternal === undefined) throw new Error('the server does not answer');
  return {
    external,
    otherExternal,
    unasked: await deliver(one, otherExternal, 'unasked', two),
    answer: await deliver(two, external, 'now that it was asked', one),
    asked: await deliver(one, otherExternal, 'asked by now', two),
  };
}

async function examine(fresh: FreshSockets) {
  const behavioursOf = async (test: typeof mappingOf) =>
    Promise.all((await fresh.open(...HOSTS)).map((socket) => test(socket, SERVER)));
  const work = [
    mappingOf(await fresh.one(), SERVER),
    filteringOf(await fresh.one(), SERVER),
    behavioursOf(mappingOf),
    behavioursOf(filteringOf),
    hairpin(fresh),
    outlives(fresh, LIFETIME_MS - 1500),
    outlives(fresh, LIFETIME_MS + 500),
    outlives(fresh, LIFETIME_MS + 500, LIFETIME_MS - 1000),
    livesOfSilent(fresh),
  ] as const;
  const [mapping, filtering, mappings, filterings, hairpinned, before, after, refreshed, silent] =
    await Promise.all(work);
  return { mapping, filtering, mappings, filterings, hairpinned, before, after, refreshed, silent };
}

type Findings = Awaited<ReturnType<typeof examine>> & { readonly held: number; readonly exhausted: number };

const beds: TestBed[] = [];
const findings = new Map<string, Findings>();

async function examineAtEveryLoad(filtering: Behaviour): Promise<void> {
  const bed = await openFilteringSite(filtering);
  beds.push(bed);
  await bed.site.client.ip(`address add ${THIRD_HOST}/24 dev ${CLIENT.device}`);
  await startStunServer(bed.site.internet);
  const fresh = new FreshSockets(await DatagramHost.start(bed.site.client));
  for (const load of LOADS) {
    if (load !== 'at idle') await fillPool(bed);
    const found = await examine(fresh);
    const ports = [...(await portsInUse(bed)).keys()];
    const held = ports.filter((endpoint) => endpoint.startsWith(`${SECOND_HOST}:`)).length;
    const exhausted = (await bed.verdicts()).PortPoolExhausted ?? 0;
    findings.set(filtering + load, { ...found, held, exhausted });
  }
}

let otherUplink: { address: string; mapping: Behaviour; filtering: Behaviour } | undefined;

async function examineOtherUplink(): Promise<void> {
  const bed = await TestBed.open({ prefer: [ISP_B, ISP_A] });
  beds.push(bed);
  await startStunServer(bed.site.internet);
  const fresh = new FreshSockets(await DatagramHost.start(bed.site.client));
  otherUplink = {
    address: (await primedSocket(fresh)).mapped.address,
    mapping: await mappingOf(await fresh.one(), SERVER),
    filtering: await filteringOf(await fresh.one(), SERVER),
  };
}

beforeAll(() => Promise.all([...FILTERING_MODES.map(examineAtEveryLoad), examineOtherUplink()]));
afterAll(() => Promise.all(beds.map((bed) => bed.close())));

const cases = FILTERING_MODES.flatMap((filtering) => LOADS.map((load) => ({ filtering, load })));

describe.each(cases)('$filtering filtering, $load', ({ filtering, load }) => {
  function found(): Findings {
    const one = findings.get(filtering + load);
    if (one === undefined) throw new Error('nothing was found out');
    return one;
  }

  test('4787-R1, 5780-M: tests M-I to M-III see endpoint-independent mapping', () => {
    expect(found().mapping).toBe('endpoint-independent');
  });

  test('4787-R8, 4787-R8a, 5780-F: tests F-I to F-IV see the filtering of the configuration', () => {
    expect(found().filtering).toBe(filtering);
  });

  test('4787-R11: three hosts with the same source port at once see what a lone one sees', () => {
    expect(found().mappings).toEqual(HOSTS.map(() => 'endpoint-independent'));
    expect(found().filterings).toEqual(HOSTS.map(() => filtering));
  });

  test('4787-R5b, 5780-L: a mapping lives as long as the configuration says, and no longer', () => {
    expect([found().before, found().after]).toEqual([true, false]);
  });

  test('4787-R6: what the host sends keeps its mapping alive', () => {
    expect(found().refreshed).toBe(true);
  });

  test('4787-R6a: what comes in does not', () => {
    const { silent } = found();
    expect(silent.slice(0, 3)).toEqual([true, true, true]);
    expect(silent.at(-1)).toBe(false);
    expect(silent.length).toBeGreaterThan(5);
  });

  test('4787-R9, 4787-R9a, 5780-H: two hosts that have sent to each other hear each other, from external endpoints', () => {
    const { external, otherExternal, answer, asked } = found().hairpinned;
    expect({ answer, asked }).toEqual({ answer: otherExternal, asked: external });
    expect([external.address, otherExternal.address]).toEqual([ISP_A.ipv4.own, ISP_A.ipv4.own]);
    expect(external.port).not.toBe(otherExternal.port);
  });

  test('4787-R9, 4787-R8: one that has not is as open to the other as to the Internet', () => {
    const { unasked, external } = found().hairpinned;
    expect(unasked).toEqual(filtering === 'endpoint-independent' ? external : undefined);
  });

  test('4787-R11: the ports were in use as the title says, and there was one for everybody', () => {
    expect(found().held).toBeGreaterThanOrEqual(load === 'at idle' ? 0 : HELD_PORTS);
    expect(found().exhausted).toBe(0);
  });
});

test('MWAN-3: the other uplink maps and filters alike', () => {
  expect(otherUplink).toEqual({
    address: ISP_B.ipv4.own,
    mapping: 'endpoint-independent',
    filtering: 'address-dependent',
  });
});
