import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.ts';
import { parsed } from './support.ts';

const file = (internal: string, uplink: string, ipv4 = '{ address: 203.0.113.2/30, gateway: 203.0.113.1 }') => `
internal: { lan: { device: ${internal}, ipv4: 192.168.1.1/24 } }
uplinks: { fiber: { device: ${uplink}, ipv4: ${ipv4}, probe: { targets: [192.0.2.1, 198.51.100.1] } } }
policy: { default: { prefer: [fiber] } }
`;

function codes(text: string): string[] {
  const result = parseConfig(text, 'f');
  const issues = result.ok ? result.value.warnings : result.error;
  return issues.filter(({ severity }) => severity === 'error').map(({ code, path }) => `${path.join('.')}: ${code}`);
}

describe('a device', () => {
  it('is a TAP device, or a packet socket, with a link address and offloads', () => {
    const { config } = parsed(file('{ tap: lan0 }', '{ packet: eth1, offload: off }'));
    expect(config.internal[0]?.device).toMatchObject({ kind: 'tap', name: 'lan0', offload: true });
    expect(config.uplinks[0]?.device).toMatchObject({ kind: 'packet', name: 'eth1', offload: false });
    expect(config.uplinks[0]?.device.mac).toBeDefined();
  });

  it('of an uplink may be a TUN device, which has neither link address nor gateway', () => {
    const { config } = parsed(file('{ tap: lan0 }', '{ tun: ppp7, mtu: 1492 }', '{ address: 203.0.113.2/32 }'));
    expect(config.uplinks[0]?.device).toEqual({ kind: 'tun', name: 'ppp7', mtu: 1492, offload: true });
    expect(config.uplinks[0]?.ipv4).not.toHaveProperty('gateway');
  });

  it('needs a gateway on Ethernet', () => {
    expect(codes(file('{ tap: lan0 }', '{ packet: eth1 }', '{ address: 203.0.113.2/30 }'))).toEqual([
      'uplinks.fiber.ipv4: missing-key',
    ]);
  });

  it('is reached in one way', () => {
    expect(codes(file('{ tap: lan0, packet: eth0 }', '{ mtu: 1400 }'))).toEqual([
      'internal.lan.device.packet: second-kind',
      'uplinks.fiber.device: missing-key',
    ]);
  });

  it('is an interface taken over by AF_XDP, without offloads and with an MTU that fits a page', () => {
    const { config } = parsed(file('{ xdp: eth0 }', '{ xdp: eth1, mtu: 3822, offload: off }'));
    expect(config.internal[0]?.device).toMatchObject({ kind: 'xdp', name: 'eth0', mtu: 1500, offload: false });
    expect(config.internal[0]?.device.mac).toBeDefined();
    expect(codes(file('{ xdp: eth0, offload: on }', '{ xdp: eth1, mtu: 3823 }'))).toEqual([
      'internal.lan.device.offload: bad-value',
      'uplinks.fiber.device.mtu: bad-value',
    ]);
  });

  it('is no TUN device on the side of the site, and a TUN device has no link address', () => {
    expect(codes(file('{ tun: tun0 }', '{ tun: tun1, mac: "02:00:00:00:00:07" }'))).toEqual([
      'internal.lan.device.tun: bad-value',
      'uplinks.fiber.device.mac: bad-value',
    ]);
  });

  it('is used once, however it is reached', () => {
    expect(codes(file('{ tap: eth0 }', '{ packet: eth0 }'))).toEqual(['uplinks.fiber.device.packet: duplicate-device']);
  });

  it('has one worker that sleeps at once, or several that look for more packets for a while', () => {
    const text = file('{ tap: lan0 }', '{ tap: wan0 }');
    expect(parsed(text).config.worker).toEqual({ count: 1, busyPollUs: 0 });
    const several = parsed(`${text}\nworker: { count: 8, busy-poll: 50 }`);
    expect(several.config.worker).toEqual({ count: 8, busyPollUs: 50 });
    for (const count of [0, 9]) {
      expect(codes(`${text}\nworker: { count: ${count} }`)).toEqual(['worker.count: bad-value']);
    }
    expect(codes(`${text}\nworker: { busy-poll: 10001 }`)).toEqual(['worker.busy-poll: bad-value']);
  });
});
