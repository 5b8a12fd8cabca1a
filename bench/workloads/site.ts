/** The site of the Rust suite as a configuration: 1,024 hosts, one uplink with 32 external addresses and a prefix pair. */

export const HOSTS = 1024;

/** A server on the Internet that every flow goes to, at port 443. */
export const SERVER = { ipv4: '198.51.100.1', ipv6: '2001:db8:ffff::53' };

export const GATEWAY_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);

/** Tables hold the largest workload; limits of one host are not what is measured. */
export const SITE = `# The site of the benchmark workloads.
internal:
  site:
    device: { tap: lan0, mac: "02:00:00:00:00:01" }
    ipv4: 10.0.0.1/16
    ipv6: "fd12:3456:789a:1::1/64"
site: { ula: "fd12:3456:789a::/48" }
uplinks:
  isp:
    device: { tap: wan0, mac: "02:00:00:00:00:02" }
    ipv4:
      address: 203.0.113.1/24
      gateway: 203.0.113.254
      pool: [203.0.113.2/31, 203.0.113.4/30, 203.0.113.8/29, 203.0.113.16/28, 203.0.113.32/32]
    ipv6: { address: "2001:db8:a::2/64", gateway: "2001:db8:a::1", prefix: "2001:db8:a100::/48" }
limits:
  mappings: 1048576
  sessions: 1048576
  filter-sessions: 1048576
  per-host: { flows: { rate: 1000000, burst: 1000000 } }
`;

export const host4 = (host: number): string => `10.0.${(host + 2) >> 8}.${(host + 2) & 0xff}`;

export const host6 = (host: number): string => `fd12:3456:789a:1::${(host + 2).toString(16)}`;

export const hostMac = (host: number): Uint8Array => Uint8Array.of(2, 0, 0, 2, host >> 8, host & 0xff);
