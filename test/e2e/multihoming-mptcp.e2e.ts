/**
 * Multipath TCP (RFC 8684) of the kernel over two uplinks: a connection lives as long as one of its subflows does, so it
 * survives the death of either uplink. Policies put its subflows on different uplinks: by source, or by port.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CLIENT, INTERNET, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { MptcpConnection, mptcpObstacle, serveMptcp, setEndpoints } from './mptcp.ts';
import { BLACK_HOLE, msUntilDown, untilUp, withProbe } from './multihoming.ts';
import { TestBed } from './test-bed.ts';

const ISPS = [ISP_A, ISP_B];
const SECOND_ADDRESS = '192.168.1.11';
const SECOND_PORT = 8081;
/** How long the connection goes on once the uplink is known as dead. */
const AFTER_MS = 1000;
const BOTH_MS_MAX = 10_000;
/** Far beyond detection by `profile: fast` and a retransmission, and far below what a stuck connection would take. */
const STALL_MS_MAX = 8000;
const OTHER = ['isp-b', 'isp-a'];

describe('a Multipath TCP connection with a subflow on each uplink', () => {
  let bed: TestBed;

  beforeEach(({ skip }) => skip(mptcpObstacle !== undefined, mptcpObstacle));
  beforeAll(async () => {
    if (mptcpObstacle !== undefined) return;
    bed = await TestBed.open({
      change: (config) => ({
        ...withProbe(config, ISPS, { profile: 'fast', 'up-after': '1s', 'up-after-max': '1s' }),
        policy: {
          'by-source': { match: { from: SECOND_ADDRESS }, prefer: OTHER },
          'by-port': { match: { proto: 'tcp', port: SECOND_PORT }, prefer: OTHER },
          default: { prefer: ['isp-a', 'isp-b'] },
        },
      }),
    });
    await bed.site.client.ip(`address add ${SECOND_ADDRESS}/24 dev ${CLIENT.device}`);
    await serveMptcp(bed.site.internet);
  });
  afterAll(() => bed?.close());

  /** Uplinks that carry TCP sessions of the client to the server which are open. */
  async function carriers(): Promise<string[]> {
    const { sessions } = await bed.sessions();
    const toServer = sessions.filter(
      ({ protocol, remote, tcpState }) =>
        protocol === 'tcp' && remote.startsWith(`${INTERNET.web4}:808`) && tcpState?.toLowerCase() === 'established',
    );
    return [...new Set(toServer.map(({ uplink }) => uplink))].toSorted();
  }

  describe.each([
    ['two addresses of the client, policy by source', [`${SECOND_ADDRESS} dev ${CLIENT.device} subflow`], []],
    ['two ports of the server, policy by port', [], [`${INTERNET.web4} port ${SECOND_PORT} signal`]],
  ])('%s', (_title, clientEndpoints, serverEndpoints) => {
    beforeAll(async () => {
      if (mptcpObstacle !== undefined) return;
      await setEndpoints(bed.site.client, ...clientEndpoints);
      await setEndpoints(bed.site.internet, ...serverEndpoints);
    });

    test.each(ISPS)('$name is cut: the same connection goes on, and no octet is lost', async (isp) => {
      const connection = await MptcpConnection.open(bed.site.client, CLIENT.ipv4);
      const both = async () => ((await carriers()).length === 2 ? true : undefined);
      expect(await until(both, BOTH_MS_MAX), `uplinks: ${await carriers()}`).toBe(true);
      const begun = await BLACK_HOLE.begin(bed.site, isp);
      const { ipv4 } = await msUntilDown(bed, isp, begun, 8000);
      await new Promise((resolve) => setTimeout(resolve, AFTER_MS));
      const { same, stallMs, failure } = await connection.result();
      process.stdout.write(`Multipath TCP: stall of ${stallMs} ms, ${isp.name} known as dead after ${ipv4} ms\n`);
      expect({ same, failure }).toEqual({ same: true, failure: null });
      expect(stallMs).toBeLessThan(STALL_MS_MAX);
      await untilUp(bed, isp, await BLACK_HOLE.end(bed.site, isp), 15_000);
    });
  });
});
