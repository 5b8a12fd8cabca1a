/** A site in each UDP filtering mode, side by side, with small port pools and short lifetimes. */
import type { Namespace } from '../../src/demo/network.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import type { Behaviour } from './programs/stun/discovery.ts';
import type { Endpoint } from './programs/stun/message.ts';
import { program } from './programs.ts';
import { type ConfigObject, changeUplink, TestBed } from './test-bed.ts';

export const FILTERING_MODES: readonly Behaviour[] = [
  'endpoint-independent',
  'address-dependent',
  'address-and-port-dependent',
];

/** A second host of the site. */
export const SECOND_HOST = '192.168.1.77';

/** External ports of an uplink, in all. No kernel here takes them for a socket of its own accord. */
export const POOL = { first: 61_000, size: 400 };
/** 95 % of the pool. */
export const HELD_PORTS = 380;

export const UDP_LIFETIME_S = 3;

/** Where STUN servers listen. */
export const STUN_ADDRESSES = [INTERNET.dns4, INTERNET.web4] as const;
export const STUN_PORTS = [3478, 3479] as const;
export const STUN_SERVER: Endpoint = { address: STUN_ADDRESSES[0], port: STUN_PORTS[0] };

/** Starts the STUN server of our own. */
export async function startStunServer(namespace: Namespace): Promise<void> {
  const server = namespace.start(await program('stun-server', ...[...STUN_ADDRESSES, ...STUN_PORTS].map(String)));
  await server.waitForLine((line) => line === 'listening', 15_000);
}

export async function openFilteringSite(filtering: Behaviour): Promise<TestBed> {
  const ports = `${POOL.first}-${POOL.first + POOL.size - 1}`;
  const limitPorts = (uplink: ConfigObject) => ({ ...uplink, ipv4: { ...(uplink.ipv4 as object), ports } });
  const bed = await TestBed.open({
    change: (config) => ({
      ...[ISP_A, ISP_B].reduce((changed, isp) => changeUplink(changed, isp, limitPorts), config),
      nat44: {
        timeouts: { udp: `${UDP_LIFETIME_S}s` },
        'port-rest': '100ms',
        filtering: { udp: filtering },
      },
    }),
  });
  await bed.site.client.ip(`address add ${SECOND_HOST}/24 dev ${CLIENT.device}`);
  return bed;
}

/** The second host takes 95 % of the ports and keeps them; the others are free then. */
export async function fillPool(bed: TestBed): Promise<void> {
  const command = await program('hold-ports', SECOND_HOST, `${HELD_PORTS}`, INTERNET.probe4, '7');
  await bed.site.client.start(command).waitForLine((line) => line === 'held', 30_000);
  await onlyHeld(bed);
}

/** Waits until the other 5 % are free. */
export async function onlyHeld(bed: TestBed): Promise<void> {
  const isSettled = async () => (await portsInUse(bed)).size === HELD_PORTS || undefined;
  if (!(await until(isSettled, 30_000, 500))) throw new Error('other ports are still in use');
}

/** External UDP ports in use on the first uplink, by the endpoint of the site that has each. */
export async function portsInUse(bed: TestBed): Promise<Map<string, number>> {
  const { sessions } = await bed.sessions();
  const own = sessions.filter(({ protocol, uplink }) => protocol === 'udp' && uplink === ISP_A.name);
  return new Map(own.map(({ internal, external }) => [internal, Number(external.split(':')[1])]));
}
