/**
 * The shape of the file: the single source of its names and types, of what `docs/nptd.schema.json` publishes, and of
 * the draft that rules look at.
 *
 * Every key is optional here, so that one missing or wrong value does not hide the problems beside it; which keys a
 * map cannot do without is in its `required` list, and `completeConfig` reports them.
 */
import { z } from 'zod';
import { HOOK_EVENTS } from './operations-config.ts';
import { policies, policyProbeTargets } from './schema-policy.ts';
import { choice, DAY_MS, duration, list, map, named, oneOrMore, text, whole } from './terms.ts';
import * as values from './values.ts';

/** Linux allows a TAP device 65,535 octets with its Ethernet header. */
const TAP_MTU_MAX = 65_521;
const MSS_MIN = 28;
const MSS_MAX = 65_495;
/** Receivers give up earlier (RFC 1122 section 3.3.2). */
const FRAGMENT_MAX_MS = 120_000;

const ipv4Address = text('an IPv4 address like 203.0.113.1', values.ipv4Unicast, '203.0.113.1');
const ipv4Interface = text('an IPv4 address with its prefix length', values.ipv4Interface, '192.168.1.1/24');
const ipv6Interface = text('an IPv6 address with its prefix length', values.ipv6Interface, 'fd12:3456:789a:1::1/64');
const ipv6Prefix = text('an IPv6 prefix like 2001:db8:a100::/48', values.ipv6Prefix, '2001:db8:a100::/48');

const interfaceName = text('an interface name', values.deviceName, 'tap0');
const device = map('The device: one of tap, tun, packet and xdp.', {
  tap: interfaceName.meta({ description: 'A TAP device that nptd makes: Ethernet.' }),
  tun: interfaceName.meta({ description: 'A TUN device that nptd makes, of an uplink: bare IP, point to point.' }),
  packet: interfaceName.meta({ description: 'An interface that is there, by a packet socket: Ethernet.' }),
  xdp: interfaceName.meta({ description: 'An interface that is there and nobody else uses, by AF_XDP: Ethernet.' }),
  netns: text('the name of a network namespace', values.netnsName, 'site'),
  mtu: whole(68, TAP_MTU_MAX).meta({ description: 'Longest IP packet in octets; default 1500.' }),
  mac: text('a MAC address', values.unicastMac, '02:00:00:00:00:01'),
  offload: choice(['on', 'off']).meta({
    description: 'Whether super-packets and unfinished checksums cross it; default on.',
  }),
});

const route = map(
  'A subnet behind an inner router.',
  {
    to: text('a prefix', values.prefix, '192.168.7.0/24'),
    via: text('the address of a router', values.nextHop, '192.168.1.254'),
  },
  ['to', 'via'],
);

const DAY_S_MS = 86_400_000;
const resolvers = list(
  'addresses',
  text('an IPv6 address like fd12:3456:789a:1::53', values.ipv6Host, 'fd12:3456:789a:1::53'),
);
const preference = choice(['high', 'medium', 'low']);

const advertise = map('Router advertisements, by which hosts configure themselves (RFC 4861).', {
  mode: choice(['on', 'off']).meta({ description: 'Default on.' }),
  interval: duration(4000, '600s', 1_800_000).meta({ description: 'Longest time between two; default 600s.' }),
  lifetime: duration(0, '1800s', 9_000_000).meta({ description: 'Of the default route; default 1800s.' }),
  preference: preference.meta({ description: 'Of the default route (RFC 4191); default medium.' }),
  valid: duration(0, '86400s', 365 * DAY_S_MS).meta({ description: 'Valid lifetime of prefixes; default 86400s.' }),
  preferred: duration(0, '14400s', 365 * DAY_S_MS).meta({
    description: 'Preferred lifetime of prefixes; default 14400s.',
  }),
  resolvers: resolvers.meta({ description: 'DNS servers of the site (RFC 8106).' }),
});

const internal = map(
  'A device on the side of the site.',
  {
    device,
    advertise,
    ipv4: oneOrMore('addresses', ipv4Interface).meta({ description: "The gateway's own IPv4 addresses." }),
    ipv6: oneOrMore('addresses', ipv6Interface).meta({ description: "The gateway's own IPv6 addresses." }),
    routes: list('routes', route),
  },
  ['device'],
);

/** RFC 879: 40 octets below the MTU, which is 68 to 65,535 in IPv4. */
const mssClamp = z
  .union([
    z.enum(['auto', 'off'], { error: `auto, off, or a whole number from ${MSS_MIN} to ${MSS_MAX}` }),
    whole(MSS_MIN, MSS_MAX),
  ])
  .meta({ description: 'Largest TCP segment size that SYNs may promise; default auto: 40 octets below the MTU.' });

const uplink4 = map(
  'IPv4 on this uplink.',
  {
    address: ipv4Interface,
    gateway: ipv4Address,
    pool: list('addresses', text('an IPv4 address or prefix', values.poolEntry, '203.0.113.8/29')).meta({
      description: 'More external addresses, beside its own.',
    }),
    ports: text('a range of ports', values.portRange, '1024-65535'),
    nat44: choice(['on', 'off']).meta({ description: 'off: routed without translation; default on.' }),
    'mss-clamp': mssClamp,
    reserved: list(
      'ports',
      text('a protocol and its ports like "tcp 22" or "udp 500-510"', values.protocolPorts, 'udp 51820'),
    ).meta({ description: "The gateway's own ports, which no mapping gets." }),
  },
  ['address'],
);

const pair = map('A prefix pair of RFC 6296.', { internal: ipv6Prefix, external: ipv6Prefix }, [
  'internal',
  'external',
]);

const uplink6 = map(
  'IPv6 on this uplink: either prefix, or pairs.',
  {
    address: ipv6Interface,
    gateway: text('an IPv6 address like 2001:db8:a::1', values.ipv6NextHop, '2001:db8:a::1'),
    prefix: ipv6Prefix.meta({ description: 'External prefix, paired with `internal`.' }),
    internal: ipv6Prefix.meta({ description: 'Internal prefix of the pair; default site.ula.' }),
    pairs: list('prefix pairs', pair),
    native: z.boolean({ error: 'true or false' }).meta({
      description:
        'Hosts hold addresses of `prefix` itself: translated only onto other uplinks while this one is down.',
    }),
    resolvers: resolvers.meta({ description: "The ISP's DNS servers, advertised to hosts while IPv6 is up here." }),
    'mss-clamp': mssClamp,
    'neighbour-proxy': z.boolean({ error: 'true or false' }).meta({
      description: 'Answer neighbour solicitations for external addresses: the prefix is on the link, not routed here.',
    }),
  },
  ['address'],
);

const rate = text('a rate like 100Mbit', values.bitRate, '100Mbit');

const degraded = map('When the uplink works so badly that others are preferred.', {
  loss: text('a share like 20%', values.percent, '20%').meta({ description: 'More loss than this; default 20%.' }),
  latency: duration(1, '300ms', 60_000).meta({ description: 'A longer round trip than this; default: any will do.' }),
  window: duration(1000, '15s', 3_600_000).meta({ description: 'Over this time; default 15s.' }),
  clear: text('a share like 5%', values.percent, '5%').meta({
    description: 'No more loss than this to be up again; default 5%.',
  }),
});

const probe = map('How to see whether the uplink works.', {
  targets: policyProbeTargets,
  profile: choice(['default', 'fast']).meta({
    description: 'Interval and timeout: 500ms/800ms, or fast: 100ms/120ms.',
  }),
  interval: duration(10, '500ms', DAY_MS),
  timeout: duration(10, '800ms', 60_000),
  'up-after': duration(0, '30s', DAY_MS),
  'up-after-max': duration(0, '10m', DAY_MS).meta({
    description: 'Most that up-after grows to while the uplink comes and goes; default 10m.',
  }),
  'standby-interval': duration(100, '10s', DAY_MS).meta({
    description: 'Interval on a metered uplink that carries nothing; default 10s.',
  }),
  degraded,
  quorum: whole(1, 64),
  transport: choice(['data-path', 'raw-socket']),
});

const uplink = map(
  'An attachment to an ISP.',
  {
    device,
    ipv4: uplink4,
    ipv6: uplink6,
    probe,
    metered: z.boolean({ error: 'true or false' }).meta({ description: 'Traffic costs money: probed sparsely.' }),
    bandwidth: map('What the ISP sells; helps to tell a full uplink from a bad one.', { down: rate, up: rate }),
  },
  ['device'],
);

const uplinkName = z.string({ error: 'a name' });

const portsText = 'a port, a range like 8000-8099, or external:internal like 8443:443';
const ports = list(
  'ports',
  z.union([text(portsText, values.publishedPorts, '8443:443'), whole(1, 65_535)]).meta({ description: portsText }),
);

const publish = map(
  'A server that the Internet may reach.',
  {
    to: oneOrMore('addresses', text('an IP address', values.serverAddress, '192.168.1.25')),
    tcp: ports,
    udp: ports,
    'udp-lite': ports,
    dccp: ports,
    'whole-address': z
      .boolean({ error: 'true or false' })
      .meta({ description: 'Every protocol and port of an external address that is for this server alone.' }),
    on: list('uplink names', uplinkName).meta({ description: 'Default: all uplinks with NAT44.' }),
    address: named('External address by uplink; default: that of the uplink itself.', ipv4Address),
    source: choice(['client', 'gateway']).meta({
      description: "gateway: the server sees clients as the gateway's internal address; default client.",
    }),
  },
  ['to'],
);

const filtering = choice(['endpoint-independent', 'address-dependent', 'address-and-port-dependent']);

const nat44 = map('NAT44 behaviour.', {
  timeouts: map('Idle times after which a session ends.', {
    udp: duration(100, '300s'),
    icmp: duration(100, '60s'),
    other: duration(100, '300s'),
    'tcp-transitory': duration(100, '240s'),
    'tcp-opening': duration(100, '240s'),
    'tcp-closing': duration(100, '240s'),
    'tcp-established': duration(100, '7440s'),
    'dccp-transitory': duration(100, '480s'),
    'dccp-established': duration(100, '7440s'),
    'held-syn': duration(100, '6s', DAY_MS),
    fragment: duration(100, '5s', FRAGMENT_MAX_MS),
  }),
  'port-rest': duration(0, '120s'),
  'resting-ports': whole(0, 65_536).meta({ description: 'Ports that rest at most in one pool; default 65536.' }),
  filtering: map('Which inbound packets may use a mapping.', {
    udp: filtering,
    tcp: filtering,
    icmp: filtering,
    dccp: filtering,
  }),
  filtered: choice(['drop', 'refuse']).meta({
    description: 'Whether what filtering refuses is answered by ICMP; default drop.',
  }),
  'unsolicited-syn': choice(['refuse', 'stealth']).meta({
    description: 'Whether a SYN that nobody waits for is answered after a while; default refuse.',
  }),
  parity: choice(['any', 'preserve']).meta({ description: 'Whether even ports stay even; default any.' }),
  'other-protocols': choice(['translate', 'drop']).meta({
    description: 'GRE, ESP, SCTP and others without ports; default translate.',
  }),
  exempt: list(
    'prefixes',
    text('an IPv4 prefix, perhaps with a protocol and ports', values.exemptEntry, '192.0.2.20/32 tcp 443'),
  ).meta({ description: 'Destinations that are not translated.' }),
});

const filter = map('Stateful filter of IPv6 (RFC 6092).', {
  mode: choice(['on', 'off']).meta({ description: 'off: everything passes, and no state is kept; default on.' }),
  udp: filtering,
  tcp: filtering,
  other: filtering,
  ipsec: z.boolean({ error: 'true or false' }).meta({
    description: 'ESP, AH and IKE (UDP port 500) may come in unasked; default true (RFC 6092).',
  }),
  'unassigned-icmp': choice(['drop', 'forward']).meta({
    description: 'ICMPv6 types that nobody has assigned (RFC 4890); default drop.',
  }),
});

const limits = map('Sizes of tables and rates of own packets.', {
  mappings: whole(1, 2 ** 24),
  sessions: whole(1, 2 ** 24),
  neighbours: whole(1, 2 ** 16),
  hosts: whole(1, 2 ** 20),
  'filter-sessions': whole(1, 2 ** 24),
  'per-host': map('What one internal address may hold.', {
    mappings: whole(1, 65_536),
    sessions: whole(1, 2 ** 24),
    'sessions-per-mapping': whole(1, 2 ** 24),
    flows: map('Bucket for new flows.', { rate: whole(0, 1_000_000), burst: whole(0, 10_000_000) }),
  }),
  'icmp-errors': map('Bucket for own ICMP errors.', { rate: whole(0, 1_000_000), burst: whole(0, 1_000_000) }),
});

const hook = map(
  'What is run, or called, when something happens: either command, or webhook.',
  {
    on: oneOrMore('events', choice(HOOK_EVENTS)).meta({ description: 'Default uplink-changed, selection-changed.' }),
    command: list('a program and its arguments', z.string({ error: 'text' })),
    webhook: text('an address like https://192.168.1.9/nptd', values.webAddress, 'https://192.168.1.9/nptd'),
    timeout: duration(100, '10s', 600_000).meta({ description: 'Given up after this time; default 10s.' }),
  },
  [],
);

export const fileSchema = map(
  'Configuration of nptd.',
  {
    internal: named('Devices on the side of the site, by name.', internal),
    site: map('What holds for the whole site.', { ula: ipv6Prefix }),
    uplinks: named('Attachments to ISPs, by name.', uplink),
    policy: policies,
    publish: named('Servers that the Internet may reach, by name.', publish),
    nat44,
    filter,
    worker: map('The threads that carry packets.', {
      count: whole(1, 8).meta({ description: 'How many; default 1.' }),
      'busy-poll': whole(0, 10_000).meta({
        description: 'Microseconds for which each looks for more packets before it sleeps; default 0.',
      }),
    }),
    martians: map('Addresses that are nobody.', {
      documentation: choice(['pass', 'drop']).meta({
        description: 'The prefixes kept for examples (RFC 3849, RFC 5737); default pass.',
      }),
    }),
    nptv6: map('NPTv6 behaviour.', { 'all-zeros-interface-id': choice(['drop', 'translate']) }),
    limits,
    state: map('What survives a restart: ports that rest, and what operators want of uplinks.', {
      file: text('a path', values.filePath, '/var/lib/nptd/state.json'),
    }),
    journal: map('What happened, for `nptd history`.', {
      file: text('a path', values.filePath, '/var/lib/nptd/journal.jsonl').meta({
        description: 'Keeps it across restarts; without it, it is gone with the process.',
      }),
      entries: whole(10, 1_000_000).meta({ description: 'Most entries that are kept; default 10000.' }),
    }),
    hooks: list('hooks', hook).meta({ description: 'What is run, or called, when something happens.' }),
    control: map('The control socket.', { socket: text('a path', values.socketPath, '/run/nptd/nptd.sock') }),
  },
  ['internal', 'uplinks'],
);

export type HookDraft = z.output<typeof hook>;
/** What could be read of a file: parsed values, each of which may be missing. */
export type ConfigDraft = z.output<typeof fileSchema>;
export type InternalDraft = z.output<typeof internal>;
export type UplinkDraft = z.output<typeof uplink>;
export type Uplink4Draft = z.output<typeof uplink4>;
export type Uplink6Draft = z.output<typeof uplink6>;
export type DeviceDraft = z.output<typeof device>;
export type RouteDraft = z.output<typeof route>;
export type { MatchDraft, PolicyDraft } from './schema-policy.ts';
export type ProbeDraft = z.output<typeof probe>;
export type PublishDraft = z.output<typeof publish>;

/** JSON Schema of the file, for editors. */
export function fileJsonSchema(): unknown {
  return { title: 'nptd configuration', ...z.toJSONSchema(fileSchema, { io: 'input', target: 'draft-2020-12' }) };
}
