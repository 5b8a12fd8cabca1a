/** The client of behaviour discovery, told apart all nine kinds of NAT by the server, both in memory. */
import { describe, expect, test } from 'vitest';
import { type Answer, answerStun, type ServerPlace } from './behaviour.ts';
import {
  ask,
  type Behaviour,
  type Datagram,
  type DatagramSocket,
  filteringOf,
  isAlive,
  mappingOf,
} from './discovery.ts';
import { type Endpoint, sameEndpoint } from './message.ts';

const PLACE: ServerPlace = { addresses: ['192.0.2.53', '192.0.2.80'], ports: [3478, 3479] };
const SERVER: Endpoint = { address: '192.0.2.53', port: 3478 };
const EXTERNAL = '203.0.113.2';
const BEHAVIOURS: readonly Behaviour[] = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'];

type Serve = (octets: Buffer, arrival: Endpoint, source: Endpoint) => Answer | undefined;

/** A NAT in front of the server, with what each internal socket has been sent. */
class ToyNat {
  readonly #mapping: Behaviour;
  readonly #filtering: Behaviour;
  readonly #serve: Serve;
  readonly #ports = new Map<string, number>();
  readonly #sent = new Map<number, Endpoint[]>();
  readonly #owners = new Map<number, Datagram[]>();
  /** Datagrams of the client that get lost before the rest goes through. */
  lost = 0;

  constructor(mapping: Behaviour, filtering: Behaviour, serve: Serve = (...given) => answerStun(PLACE, ...given)) {
    this.#mapping = mapping;
    this.#filtering = filtering;
    this.#serve = serve;
  }

  socket(port: number): DatagramSocket {
    const arrived: Datagram[] = [];
    return {
      local: { address: '192.168.1.10', port },
      paceMs: 0,
      send: (octets, to) => this.#outbound(port, octets, to, arrived),
      receive: async (accept) => {
        const at = arrived.findIndex(accept);
        return at < 0 ? undefined : arrived.splice(at, 1)[0];
      },
    };
  }

  /** All mappings go. */
  forget(): void {
    this.#ports.clear();
    this.#sent.clear();
    this.#owners.clear();
  }

  #outbound(internal: number, octets: Buffer, to: Endpoint, arrived: Datagram[]): void {
    if (this.lost > 0) {
      this.lost -= 1;
      return;
    }
    const key = [internal, ...distinct(this.#mapping, to)].join();
    const port = this.#ports.get(key) ?? 50_000 + this.#ports.size;
    this.#ports.set(key, port);
    this.#sent.set(port, [...(this.#sent.get(port) ?? []), to]);
    this.#owners.set(port, arrived);
    const answer = this.#serve(octets, to, { address: EXTERNAL, port });
    if (answer !== undefined) this.#inbound(answer);
  }

  #inbound({ octets, from, to }: Answer): void {
    const isAdmitted = (this.#sent.get(to.port) ?? []).some(
      (sent) => distinct(this.#filtering, sent).join() === distinct(this.#filtering, from).join(),
    );
    if (isAdmitted) this.#owners.get(to.port)?.push({ octets, from });
  }
}

/** What of a remote endpoint makes a difference. */
function distinct(behaviour: Behaviour, { address, port }: Endpoint): (string | number)[] {
  if (behaviour === 'endpoint-independent') return [];
  return behaviour === 'address-dependent' ? [address] : [address, port];
}

const kinds = BEHAVIOURS.flatMap((mapping) => BEHAVIOURS.map((filtering) => ({ mapping, filtering })));

describe.each(kinds)('a NAT with $mapping mapping and $filtering filtering', ({ mapping, filtering }) => {
  test("5780-M, 5780-F: is seen as what it is, from each of the server's four sockets", async () => {
    for (const address of PLACE.addresses) {
      for (const port of PLACE.ports) {
        const nat = new ToyNat(mapping, filtering);
        expect(await mappingOf(nat.socket(40_000), { address, port })).toBe(mapping);
        expect(await filteringOf(nat.socket(40_001), { address, port })).toBe(filtering);
      }
    }
  });

  test('is seen as what it is though two datagrams of a row get lost', async () => {
    const nat = new ToyNat(mapping, filtering);
    nat.lost = 2;
    expect(await mappingOf(nat.socket(40_000), SERVER)).toBe(mapping);
    nat.lost = 2;
    expect(await filteringOf(nat.socket(40_001), SERVER)).toBe(filtering);
  });

  test('5780-L: a mapping is alive until it goes', async () => {
    const nat = new ToyNat(mapping, filtering);
    const primed = nat.socket(40_000);
    const mapped = (await ask(primed, SERVER))?.mapped ?? SERVER;
    expect(mapped.address).toBe(EXTERNAL);
    expect(await isAlive(primed, mapped, nat.socket(40_001), SERVER)).toBe(true);
    nat.forget();
    expect(await isAlive(primed, mapped, nat.socket(40_002), SERVER)).toBe(false);
  });
});

describe('no verdict is given', () => {
  const strict = (serve: Serve) =>
    new ToyNat('endpoint-independent', 'address-and-port-dependent', serve).socket(40_000);

  test('on a server that cannot be heard from its other sockets (5780-F, test IV)', async () => {
    const mute: Serve = (octets, arrival, source) => {
      const answer = answerStun(PLACE, octets, arrival, source);
      return answer !== undefined && sameEndpoint(answer.from, arrival) ? answer : undefined;
    };
    await expect(filteringOf(strict(mute), SERVER)).rejects.toThrow('F-IV');
  });

  test('on a server that does not heed CHANGE-REQUEST', async () => {
    const stubborn: Serve = (octets, arrival, source) => {
      const answer = answerStun(PLACE, octets, arrival, source);
      return answer === undefined ? undefined : { ...answer, from: arrival };
    };
    await expect(filteringOf(strict(stubborn), SERVER)).rejects.toThrow('whatever it is asked');
  });

  test('behind a gateway that rewrites addresses in payloads', async () => {
    const meddling: Serve = (octets, arrival, source) => {
      const answer = answerStun(PLACE, octets, arrival, source);
      // The last octet of MAPPED-ADDRESS, the first attribute.
      answer?.octets.writeUInt8(99, 20 + 4 + 7);
      return answer;
    };
    await expect(mappingOf(strict(meddling), SERVER)).rejects.toThrow('application-level gateway');
  });

  test('where UDP is blocked', async () => {
    await expect(
      mappingOf(
        strict(() => undefined),
        SERVER,
      ),
    ).rejects.toThrow('test M-I: no answer');
  });
});
