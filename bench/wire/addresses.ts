/** Who is who on the wire: one client, one server, the gateway between them. */

export type Family = 4 | 6;

export const CLIENT = { device: 'lan0', ipv4: '192.168.1.10', ipv6: 'fd12:3456:789a:1::10', mac: '02:00:00:00:01:10' };

export const SERVER = { device: 'wan0', ipv4: '203.0.113.1', ipv6: '2001:db8:a::1', mac: '02:00:00:00:02:01' };

export const GATEWAY = {
  internal4: '192.168.1.1',
  internal6: 'fd12:3456:789a:1::1',
  external4: '203.0.113.2',
  external6: '2001:db8:a::2',
};

/** The pair of NPTv6. */
export const PREFIX = { internal: 'fd12:3456:789a::/48', external: '2001:db8:a100::/48' };

export const serverAddress = (family: Family): string => (family === 4 ? SERVER.ipv4 : SERVER.ipv6);
