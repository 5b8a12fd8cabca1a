/** The shape of `policy`. */
import { z } from 'zod';
import * as probeValues from './probe-values.ts';
import { choice, DAY_MS, duration, list, map, named, oneOrMore, text, whole } from './terms.ts';
import * as values from './values.ts';

const uplinkName = z.string({ error: 'a name' });

const WEIGHT_MAX = 65_535;

/** One uplink, or several that share by weight. */
const tier = z
  .union([uplinkName, z.record(z.string(), whole(1, WEIGHT_MAX), { error: 'a name, or a map from names to weights' })])
  .meta({ description: 'An uplink, or several that share new flows by weight, as { fiber: 3, cable: 1 }.' });

const port = z.union([text('a port, or a range like 5060-5070', values.portOrRange, '5060-5070'), whole(1, 65_535)]);
const protocol = z.union([text('a protocol like tcp, or its number', values.protocolName, 'tcp'), whole(0, 255)]);
const dscp = z.union([text('a DSCP like ef, or its number', values.dscpName, 'ef'), whole(0, 63)]);

const condition = map('Flows that meet all of it; of a list one entry is enough.', {
  from: oneOrMore('prefixes', text('a prefix or an address', values.hostOrPrefix, '192.168.1.0/24')).meta({
    description: 'Internal addresses.',
  }),
  to: oneOrMore('prefixes', text('a prefix or an address', values.hostOrPrefix, '192.0.2.0/24')).meta({
    description: 'Remote addresses.',
  }),
  proto: oneOrMore('protocols', protocol).meta({ description: 'Protocols, by name or number.' }),
  port: oneOrMore('ports', port).meta({ description: 'Destination ports.' }),
  'source-port': oneOrMore('ports', port).meta({ description: 'Source ports.' }),
  dscp: oneOrMore('code points', dscp).meta({ description: 'Differentiated services code points.' }),
});

const failback = z
  .union([
    choice(['drain', 'hard', 'never']),
    map('Flows stay this long.', { deadline: duration(1000, '10m', 7 * DAY_MS) }, ['deadline']),
  ])
  .meta({
    description:
      'What established flows do when a better uplink is back: end where they are (drain, default), leave at once (hard), leave later ({ deadline: 10m }); or new flows stay too (never).',
  });

const action = choice(['move', 'reset', 'keep']);
const onFailure = map('What becomes of flows whose uplink dies, while another one lives.', {
  tcp: choice(['reset', 'keep']).meta({ description: 'Default reset.' }),
  udp: action.meta({ description: 'Default move.' }),
  other: action.meta({ description: 'Default move.' }),
});

const service = map('A service to ask, in place of an ICMP echo: dns, tcp, http or https.', {
  dns: text('the address of a DNS server', probeValues.dnsServer, '192.0.2.53').meta({
    description: 'A DNS server, by UDP; any response to the question is an answer.',
  }),
  name: text('a domain name like example.com', probeValues.dnsName, 'example.com').meta({
    description: 'What a DNS server is asked for, default the root; what a web server is called, default its address.',
  }),
  tcp: text('an address with a port', probeValues.endpoint, '192.0.2.1:443').meta({
    description: 'A TCP server that accepts connections.',
  }),
  refused: choice(['ok', 'miss']).meta({ description: 'Whether a refused connection is an answer; default miss.' }),
  http: text('an address like http://192.0.2.1/', probeValues.httpUrl('http'), 'http://192.0.2.1/generate_204').meta({
    description: 'A web server, asked by GET.',
  }),
  https: text('an address like https://192.0.2.1/', probeValues.httpUrl('https'), 'https://192.0.2.1/').meta({
    description: 'The same by TLS.',
  }),
  status: whole(200, 599).meta({ description: 'The one status that is an answer; default any from 200 to 399.' }),
  timeout: duration(100, '2s', 10_000).meta({
    description: 'A response later than this is a miss; at most six intervals, default 2s or four intervals.',
  }),
  ca: text('a path', values.filePath, '/etc/nptd/ca.pem').meta({
    description: 'Certificates (PEM) of those who may vouch for the server; default those that Node has.',
  }),
  verify: z
    .boolean({ error: 'true or false' })
    .meta({ description: 'Whether the server has to show a valid certificate; default true.' }),
});

const probeTarget = z.union([text('an IP address', values.probeTarget, '192.0.2.1'), service]);

export const policyProbeTargets = list('targets', probeTarget);

const policy = map(
  'Which uplinks new flows take.',
  {
    match: oneOrMore('conditions', condition).meta({ description: 'Which flows; not in `default`.' }),
    prefer: list('uplinks', tier).meta({ description: 'Uplinks in order of preference.' }),
    select: choice(['ordered', 'least-latency']).meta({
      description: 'Of those that work the first (default), or the one with the shortest round trip.',
    }),
    persistence: choice(['source', 'source-destination', 'flow']).meta({
      description: 'What keeps its uplink where several share; default source.',
    }),
    failback,
    'on-failure': onFailure,
    probe: map('Targets of its own: an uplink that does not reach them is not taken.', {
      targets: policyProbeTargets,
      quorum: whole(1, 64),
    }),
    else: choice(['default', 'refuse']).meta({
      description: 'With none of its uplinks up: as the default policy says (default), or refused; not in `default`.',
    }),
    'last-resort': choice(['keep', 'refuse']).meta({
      description: 'With no uplink up, new flows take the first one all the same (keep, the default) or are refused.',
    }),
  },
  ['prefer'],
);

export const policies = named(
  'Which uplinks new flows take, by name, in order of match; `default` takes what is left.',
  policy,
);

/** An address, or a service. */
export type ProbeTargetDraft = z.output<typeof probeTarget>;
export type PolicyDraft = z.output<typeof policy>;
export type MatchDraft = z.output<typeof condition>;
