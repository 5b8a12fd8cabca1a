/** Wholly published addresses: basic NAT of one host, with every protocol, port and identifier as it is. */
import { expect } from 'vitest';
import { fragmentsOf } from '../../support/fragment-builder.ts';
import { echoReply, echoRequest, icmp, icmpError, tcp, udp } from '../../support/packet-builder.ts';
import { ISP_A, ISP_B, LAN, staticAddress, twoUplinks } from '../../support/plans.ts';
import { gre } from '../../support/portless-builder.ts';
import { TRANSPORTS } from '../../support/transports.ts';
import type { Case } from '../case.ts';

const WHOLE = '203.0.113.7';
const HOST = '10.0.0.12';
const S1 = '192.0.2.10';
const PLAN = twoUplinks({ nat44: { staticMappings: [staticAddress(WHOLE, HOST)] } });

export const wholeAddressCases: readonly Case[] = [
  ...TRANSPORTS.map(
    (transport): Case => ({
      name: `${transport.name}: every port is the same on both sides, whoever begins`,
      plan: PLAN,
      run: (bed) => {
        for (const port of [1, 5000, 65_535]) {
          const [internal, external] = [`${HOST}:${port}`, `${WHOLE}:${port}`];
          bed.forwards(ISP_A, transport.open(`${S1}:99`, external), LAN, transport.open(`${S1}:99`, internal));
          bed.forwards(LAN, transport.open(internal, `${S1}:98`), ISP_A, transport.open(external, `${S1}:98`));
        }
      },
    }),
  ),
  {
    name: '5508-R1 echo requests and replies pass both ways, with their identifiers',
    plan: PLAN,
    run: (bed) => {
      bed.forwards(ISP_A, echoRequest(S1, WHOLE, 7), LAN, echoRequest(S1, HOST, 7));
      bed.forwards(LAN, echoReply(HOST, S1, 7), ISP_A, echoReply(WHOLE, S1, 7));
      bed.forwards(LAN, echoRequest(HOST, S1, 8), ISP_A, echoRequest(WHOLE, S1, 8));
      bed.forwards(ISP_A, echoReply(S1, WHOLE, 8), LAN, echoReply(S1, HOST, 8));
      bed.forwards(ISP_A, echoRequest(S1, WHOLE, 8), LAN, echoRequest(S1, HOST, 8));
      bed.forwards(LAN, echoRequest(HOST, S1, 7), ISP_A, echoRequest(WHOLE, S1, 7));
    },
  },
  {
    name: '5508-R2 a query from outside lives as long as any other one, from the last packet of the host on',
    plan: PLAN,
    run: (bed) => {
      bed.send(ISP_A, echoRequest(S1, WHOLE, 7));
      bed.wait(59);
      bed.forwards(LAN, echoReply(HOST, S1, 7), ISP_A, echoReply(WHOLE, S1, 7));
      bed.wait(59);
      bed.forwards(ISP_A, echoRequest(S1, WHOLE, 7), LAN, echoRequest(S1, HOST, 7));
      bed.wait(1);
      bed.drops(LAN, echoReply(HOST, S1, 7), 'IcmpTypeNotForwarded');
    },
  },
  {
    name: 'a reply that nobody asked for is refused from either side, and so are other messages',
    plan: PLAN,
    run: (bed) => {
      bed.drops(ISP_A, echoReply(S1, WHOLE, 7), 'NoMapping');
      bed.drops(LAN, echoReply(HOST, S1, 7), 'IcmpTypeNotForwarded');
      bed.drops(ISP_A, icmp(S1, WHOLE, 13, 0, new Uint8Array(16)), 'IcmpTypeNotForwarded');
      bed.drops(LAN, icmp(HOST, S1, 13, 0, new Uint8Array(16)), 'IcmpTypeNotForwarded');
      expect(bed.mappings()).toEqual([]);
    },
  },
  {
    name: 'other hosts and addresses keep the rules: no reply from inside, no request from outside',
    plan: PLAN,
    run: (bed) => {
      bed.send(LAN, echoRequest('10.0.0.11', S1, 7));
      bed.drops(LAN, echoReply('10.0.0.11', S1, 7), 'IcmpTypeNotForwarded');
      bed.replies(ISP_A, echoRequest(S1, '203.0.113.2', 7), echoReply('203.0.113.2', S1, 7));
      bed.drops(ISP_A, echoRequest(S1, '203.0.113.8', 7), 'NotForThisUplink');
    },
  },
  {
    name: 'a session of the host by another uplink is a query of an ordinary mapping',
    plan: twoUplinks({ a4: { usable: false }, nat44: { staticMappings: [staticAddress(WHOLE, HOST)] } }),
    run: (bed) => {
      bed.forwards(LAN, echoRequest(HOST, S1, 7), ISP_B, echoRequest('198.51.100.2', S1, 7));
      bed.drops(LAN, echoReply(HOST, S1, 7), 'IcmpTypeNotForwarded');
    },
  },
  {
    name: '5508-R7 hairpinned queries: a host of the site pings the published one, and is answered',
    plan: PLAN,
    run: (bed) => {
      bed.forwards(LAN, echoRequest('10.0.0.11', WHOLE, 7), LAN, echoRequest('203.0.113.2', HOST, 7));
      bed.forwards(LAN, echoReply(HOST, '203.0.113.2', 7), LAN, echoReply(WHOLE, '10.0.0.11', 7));
      bed.forwards(LAN, echoRequest(HOST, WHOLE, 8), LAN, echoRequest(WHOLE, HOST, 8));
    },
  },
  {
    name: '5508-R7 also in fragments; another external address takes none of them',
    plan: PLAN,
    run: (bed) => {
      const ping = (to: string) => fragmentsOf(echoRequest('10.0.0.11', to, 7, { payload: new Uint8Array(40) }), 5, 24);
      const verdicts = (to: string) => ping(to).map((fragment) => bed.send(LAN, fragment).verdict);
      expect(verdicts(WHOLE)).toEqual(['Forward', 'Forward']);
      expect(verdicts('203.0.113.2')).toEqual(['IcmpTypeNotForwarded', 'FragmentRefused']);
    },
  },
  {
    name: 'GRE-1, OTHER-2 protocols without ports, whoever begins',
    plan: PLAN,
    run: (bed) => {
      bed.forwards(ISP_A, gre(S1, WHOLE, 1), LAN, gre(S1, HOST, 1));
      bed.forwards(LAN, gre(HOST, S1, 2), ISP_A, gre(WHOLE, S1, 2));
      bed.forwards(LAN, gre(HOST, '192.0.2.20', 3), ISP_A, gre(WHOLE, '192.0.2.20', 3));
      bed.forwards(LAN, gre('10.0.0.11', S1, 4), ISP_A, gre('203.0.113.2', S1, 4));
    },
  },
  {
    name: 'OTHER-2 of a protocol without ports only the mapping of the host itself is in the way',
    plan: twoUplinks({ a4: { pool: [0xcb007107] } }),
    run: (bed) => {
      bed.send(LAN, gre(HOST, S1, 1));
      bed.send(LAN, gre('10.0.0.13', '192.0.2.20', 1));
      bed.plan(PLAN);
      const error = icmpError('10.0.0.1', HOST, gre(HOST, '192.0.2.20', 1), { type: 3, code: 1, dontFragment: true });
      bed.dropsWithError(LAN, gre(HOST, '192.0.2.20', 1), 'RemoteInUse', LAN, error);
      bed.forwards(ISP_A, gre('192.0.2.20', WHOLE, 1), LAN, gre('192.0.2.20', '10.0.0.13', 1));
      bed.forwards(ISP_A, gre('192.0.2.30', WHOLE, 1), LAN, gre('192.0.2.30', HOST, 1));
      expect(
        bed
          .mappings()
          .map(({ internal }) => internal)
          .sort(),
      ).toEqual([`${HOST}:0`, '10.0.0.13:0']);
    },
  },
  {
    name: 'OTHER-2 it is the published address that another host must not speak by, also where the host itself has no mapping',
    plan: twoUplinks({ a4: { pool: [0xcb007107] } }),
    run: (bed) => {
      bed.send(LAN, gre('10.0.0.13', S1, 1));
      bed.plan(PLAN);
      bed.send(LAN, gre('10.0.0.14', '192.0.2.20', 1));
      const error = icmpError('10.0.0.1', HOST, gre(HOST, S1, 1), { type: 3, code: 1, dontFragment: true });
      bed.dropsWithError(LAN, gre(HOST, S1, 1), 'RemoteInUse', LAN, error);
      bed.forwards(LAN, gre(HOST, '192.0.2.20', 1), ISP_A, gre(WHOLE, '192.0.2.20', 1));
    },
  },
  {
    name: '5508-R5 an error about a query from outside',
    plan: PLAN,
    run: (bed) => {
      bed.send(ISP_A, echoRequest(S1, WHOLE, 7));
      bed.forwards(
        LAN,
        icmpError(HOST, S1, echoRequest(S1, HOST, 7), { type: 3, code: 13 }),
        ISP_A,
        icmpError(WHOLE, S1, echoRequest(S1, WHOLE, 7), { type: 3, code: 13 }),
      );
    },
  },
  {
    name: '6888-R8 no port of such an address rests, also when it is published no more',
    plan: PLAN,
    run: (bed) => {
      bed.send(LAN, udp(`${HOST}:5000`, `${S1}:53`));
      bed.plan(twoUplinks());
      bed.drops(ISP_A, udp(`${S1}:53`, `${WHOLE}:5000`), 'NotForThisUplink');
      bed.forwards(LAN, udp(`${HOST}:5000`, `${S1}:53`), ISP_A, udp(`${WHOLE}:5000`, `${S1}:53`));
      expect(bed.portRests()).toEqual([]);
      bed.wait(310);
      bed.forwards(LAN, udp(`${HOST}:5000`, `${S1}:53`), ISP_A, udp('203.0.113.2:5000', `${S1}:53`));
    },
  },
  {
    name: 'a published host whose address is not in the pool is paired like any other one on the other uplink',
    plan: PLAN,
    run: (bed) => {
      bed.send(ISP_A, tcp(`${S1}:99`, `${WHOLE}:22`, 'SYN'));
      bed.plan(twoUplinks({ a4: { usable: false }, nat44: { staticMappings: [staticAddress(WHOLE, HOST)] } }));
      bed.forwards(LAN, udp(`${HOST}:5000`, `${S1}:53`), ISP_B, udp('198.51.100.2:5000', `${S1}:53`));
    },
  },
];
