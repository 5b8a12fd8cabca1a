import { describe, expect, it } from 'vitest';
import { CONVERSATION_PORTS, PROBE_PORTS } from '../../../src/config/probe-target.ts';
import { destinationOf, ownPortsOf, questionOf } from '../../../src/control/probe/destination.ts';
import { compilePlan } from '../../../src/plan/compile.ts';
import { base, parsed } from '../config/support.ts';

const destinations = (text: string) => parsed(text).config.uplinks[0]?.probe.targets.map(destinationOf);

it('targets as the data plane asks them', () => {
  const targets = '{ dns: 192.0.2.53, name: a.example }, { tcp: "[2001:db8::1]:443", refused: ok }';
  const [dns, tcp, echo] = destinations(base('192.0.2.1', targets)) ?? [];
  expect(dns).toEqual({ address: 0xc0000235, service: 'dns', port: 53, question: questionOf('a.example') });
  const address = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
  expect(tcp).toEqual({ address, service: 'tcp', port: 443, refusedIsAnswer: true });
  expect(echo).toBe(0xc0000202);
});

it('a question is labels with their lengths, type A, class IN', () => {
  expect([...questionOf('.')]).toEqual([0, 0, 1, 0, 1]);
  expect(Buffer.from(questionOf('www.a')).toString('latin1')).toBe('\x03www\x01a\0\0\x01\0\x01');
});

it('own ports are those that the services of the targets need', () => {
  const portsOf = (target: string) => ownPortsOf(destinations(base('192.0.2.1', target)) ?? []);
  expect(portsOf('192.0.2.9')).toEqual({});
  expect(portsOf('{ dns: 192.0.2.53 }')).toEqual({ ownPorts: PROBE_PORTS });
  expect(portsOf('{ tcp: "192.0.2.53:1" }')).toEqual({ ownPorts: PROBE_PORTS });
  expect(portsOf('{ https: "https://192.0.2.53" }')).toEqual({ conversationPorts: CONVERSATION_PORTS });
  const [http] = destinations(base('192.0.2.1', '{ https: "https://192.0.2.1/x", name: a.example }')) ?? [];
  expect(http).toEqual({ address: 0xc0000201, service: 'http', port: 443 });
});

describe('3022-2.2: the plan keeps the ports of DNS and TCP probes from mappings', () => {
  const reservedOf = (text: string) => {
    const state = { slot: 0, epoch: 0, usable4: true, usable6: true };
    const plan = compilePlan(parsed(text).config, { generation: 1, uplinks: new Map([['fiber', state]]) });
    return plan.uplinks[0]?.ipv4?.reserved;
  };
  it.each([
    ['none for ICMP echo', '192.0.2.1', '', []],
    ['none for IPv6', '{ dns: "2001:db8::53" }', '', []],
    ['UDP for DNS', '{ dns: 192.0.2.53 }', '', [17]],
    ['both', '{ dns: 192.0.2.53 }, { tcp: "192.0.2.1:80" }', '', [6, 17]],
    [
      'those of policies',
      '192.0.2.1',
      'policy: { far: { match: { proto: udp }, prefer: [fiber], probe: { targets: [{ tcp: "192.0.2.9:9" }] } } }\n',
      [6],
    ],
  ])('%s', (_title, target, policy, protocols) => {
    const reserved = reservedOf(`${base('192.0.2.1', target)}${policy}`);
    expect(reserved).toEqual(protocols.map((protocol) => ({ protocol, ...PROBE_PORTS })));
  });

  it('and those of HTTP, which are others', () => {
    const targets = '{ http: "http://192.0.2.1/" }, { tcp: "192.0.2.1:80" }, { https: "https://[2001:db8::1]/" }';
    const all = [PROBE_PORTS, CONVERSATION_PORTS].map((ports) => ({ protocol: 6, ...ports }));
    expect(reservedOf(base('192.0.2.1', targets))).toEqual(all);
    expect(PROBE_PORTS.high).toBeLessThan(CONVERSATION_PORTS.low);
  });

  it('beside those of the file', () => {
    const text = base('192.0.2.1', '{ dns: 192.0.2.53 }').replace(
      'gateway: 203.0.113.1 ',
      'gateway: 203.0.113.1, reserved: [tcp 22] ',
    );
    expect(reservedOf(text)?.map(({ protocol, low }) => [protocol, low])).toEqual([
      [6, 22],
      [17, PROBE_PORTS.low],
    ]);
  });
});
