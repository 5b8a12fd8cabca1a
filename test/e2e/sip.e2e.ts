/**
 * A phone behind nptd: it registers over UDP and says its internal address in the payload, which nobody corrects
 * (4787-R10). It learns its external endpoint for media by STUN, and a peer on the Internet sends there.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLIENT, INTERNET, ISP_A } from '../../src/demo/site.ts';
import { DatagramHost, type HostSocket } from './datagrams.ts';
import { FILTERING_MODES, openFilteringSite, STUN_SERVER, startStunServer } from './filtering-site.ts';
import { ask, type Behaviour } from './programs/stun/discovery.ts';
import type { Endpoint } from './programs/stun/message.ts';
import type { TestBed } from './test-bed.ts';

const SIP_PORT = 5060;
const REGISTRAR: Endpoint = { address: INTERNET.probe4, port: SIP_PORT };
const PEER = INTERNET.web4;
const ARRIVAL_MS_MAX = 1000;
/** How long something that must not arrive is waited for. */
const SILENCE_MS = 300;

interface Phone {
  readonly bed: TestBed;
  readonly signalling: HostSocket;
  readonly media: HostSocket;
  readonly registrar: HostSocket;
  /** Two ports of the peer. */
  readonly peer: readonly [HostSocket, HostSocket];
}

async function openPhone(filtering: Behaviour): Promise<Phone> {
  const bed = await openFilteringSite(filtering);
  const [internal, internet] = [await DatagramHost.start(bed.site.client), await DatagramHost.start(bed.site.internet)];
  await startStunServer(bed.site.internet);
  return {
    bed,
    signalling: await internal.open(CLIENT.ipv4, SIP_PORT),
    media: await internal.open(CLIENT.ipv4, 4000),
    registrar: await internet.open(REGISTRAR.address, REGISTRAR.port),
    peer: [await internet.open(PEER, 16_384), await internet.open(PEER, 16_386)],
  };
}

/** A request that names the phone in text, as headers and session descriptions do, and in octets. */
function request(method: string): Buffer {
  const lines = [
    `${method} sip:${REGISTRAR.address} SIP/2.0`,
    `Via: SIP/2.0/UDP ${CLIENT.ipv4}:${SIP_PORT};rport;branch=z9hG4bK-1`,
    `Contact: <sip:100@${CLIENT.ipv4}:${SIP_PORT}>`,
    'Content-Type: application/sdp',
    '',
    `o=100 1 1 IN IP4 ${CLIENT.ipv4}`,
    `c=IN IP4 ${CLIENT.ipv4}`,
    'm=audio 4000 RTP/AVP 0',
    '',
  ];
  return Buffer.concat([Buffer.from(lines.join('\r\n')), Buffer.from(CLIENT.ipv4.split('.').map(Number))]);
}

/** What arrives of a datagram, and from whom; undefined if it does not. */
async function carry(octets: Buffer, from: HostSocket, to: Endpoint, at: HostSocket, ms = ARRIVAL_MS_MAX) {
  from.send(octets, to);
  return at.receive((datagram) => datagram.octets.equals(octets), ms);
}

const phones = new Map<Behaviour, Phone>();

beforeAll(async () => {
  const opened = await Promise.all(FILTERING_MODES.map(openPhone));
  opened.forEach((phone, at) => void phones.set(FILTERING_MODES[at] ?? 'endpoint-independent', phone));
});
afterAll(() => Promise.all([...phones.values()].map(({ bed }) => bed.close())));

describe.each(FILTERING_MODES)('a phone with %s filtering', (filtering) => {
  function phone(): Phone {
    const one = phones.get(filtering);
    if (one === undefined) throw new Error('there is no phone');
    return one;
  }

  test('4787-R10: registers, and its internal address stays in the payload as it was', async () => {
    const { signalling, registrar } = phone();
    signalling.send(request('REGISTER'), REGISTRAR);
    const arrived = await registrar.receive(() => true, ARRIVAL_MS_MAX);
    expect(arrived?.octets.toString('latin1')).toBe(request('REGISTER').toString('latin1'));
    expect(arrived?.from.address).toBe(ISP_A.ipv4.own);
    const answer = Buffer.from(`SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP ${CLIENT.ipv4}:${SIP_PORT};rport=1\r\n\r\n`);
    const seen = await carry(answer, registrar, arrived?.from ?? REGISTRAR, signalling);
    expect(seen?.from).toEqual(REGISTRAR);
  });

  test('4787-R1, 4787-R10: is called by its registrar where it registered from', async () => {
    const { signalling, registrar } = phone();
    const registered = await carry(request('REGISTER'), signalling, REGISTRAR, registrar);
    expect(registered).toBeDefined();
    expect(await carry(request('INVITE'), registrar, registered?.from ?? REGISTRAR, signalling)).toBeDefined();
  });

  test('4787-R8: hears media of a peer as far as the filtering says', async () => {
    const { media, peer } = phone();
    const mapped = (await ask(media, STUN_SERVER))?.mapped;
    if (mapped === undefined) throw new Error('the STUN server does not answer');
    const packet = (title: string) => Buffer.concat([Buffer.from([0x80, 0, 0, 1]), Buffer.from(title)]);
    const hears = async (title: string, from: HostSocket, ms: number) => {
      const arrived = await carry(packet(title), from, mapped, media, ms);
      if (arrived !== undefined) expect(arrived.from).toEqual(from.local);
      return arrived !== undefined;
    };
    const isOpen = filtering === 'endpoint-independent';
    expect(await hears('before it has sent', peer[0], isOpen ? ARRIVAL_MS_MAX : SILENCE_MS)).toBe(isOpen);
    // The offer of a call names the peer's endpoint, and the phone sends there at once.
    const sent = await carry(packet('of the phone'), media, peer[0].local, peer[0]);
    expect(sent?.from).toEqual(mapped);
    expect(await hears('from where it has sent to', peer[0], ARRIVAL_MS_MAX)).toBe(true);
    const byAddress = filtering !== 'address-and-port-dependent';
    expect(await hears('from another port', peer[1], byAddress ? ARRIVAL_MS_MAX : SILENCE_MS)).toBe(byAddress);
  });
});
