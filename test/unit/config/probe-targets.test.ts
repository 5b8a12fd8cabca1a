import { describe, expect, it } from 'vitest';
import {
  dnsName,
  dnsServer,
  endpoint,
  formatEndpoint,
  formatHttpUrl,
  httpUrl,
} from '../../../src/config/probe-values.ts';
import { base, issuesOf, parsed } from './support.ts';

const OTHERS = '192.0.2.2, "2001:db8:ffff::1", "2001:db8:ffff::2"';

/** The base with another first target, on line 9, column 24. */
const withTarget = (target: string) => base('192.0.2.1', target);

const targetsOf = (text: string) => parsed(text).config.uplinks[0]?.probe.targets ?? [];

describe('a target of an uplink', () => {
  it.each([
    ['{ dns: 192.0.2.53, name: example.com }', 'dns 192.0.2.53 example.com', { port: 53, name: 'example.com' }],
    ['{ dns: "192.0.2.53:5353" }', 'dns 192.0.2.53:5353 .', { port: 5353, name: '.' }],
    ['{ dns: "2001:db8::53", name: a.example. }', 'dns 2001:db8::53 a.example', { port: 53, name: 'a.example' }],
    ['{ dns: "[2001:db8::53]:5353" }', 'dns [2001:db8::53]:5353 .', { port: 5353, name: '.' }],
    ['{ tcp: "192.0.2.1:443" }', 'tcp 192.0.2.1:443', { port: 443, refusedIsAnswer: false }],
    ['{ tcp: "192.0.2.1:443", refused: ok }', 'tcp 192.0.2.1:443', { port: 443, refusedIsAnswer: true }],
    ['{ tcp: "[2001:db8::1]:25", refused: miss }', 'tcp [2001:db8::1]:25', { port: 25, refusedIsAnswer: false }],
  ])('%s', (target, text, method) => {
    const [first, second] = targetsOf(withTarget(target));
    expect(first).toMatchObject({ text, method: { kind: text.slice(0, 3), ...method } });
    expect(second).toMatchObject({ text: '192.0.2.2', method: { kind: 'echo' } });
  });

  it.each([
    ['{ name: example.com }', '', 'a target asks one service: give one of "dns", "tcp", "http" and "https"'],
    ['{ dns: 192.0.2.53, tcp: "192.0.2.1:443" }', '', 'a target asks one service: give one of "dns", "tcp",'],
    ['{ dns: 192.0.2.53, refused: ok }', '.refused', '"refused" goes with tcp, not with dns'],
    ['{ tcp: "192.0.2.1:443", name: a.example }', '.name', '"name" goes with dns and http and https, not with tcp'],
    ['{ dns: 192.0.2.53, status: 200 }', '.status', '"status" goes with http and https, not with dns'],
    ['{ tcp: "192.0.2.1:443", timeout: 1s }', '.timeout', '"timeout" goes with http and https, not with tcp'],
    ['{ http: "http://192.0.2.1/", verify: false }', '.verify', '"verify" goes with https, not with http'],
    ['{ http: "http://192.0.2.1/", ca: /etc/ca.pem }', '.ca', '"ca" goes with https, not with http'],
    [
      '{ https: "https://192.0.2.1/", ca: /etc/ca.pem, verify: false }',
      '.ca',
      'without "verify" nobody has to vouch for the server',
    ],
    ['{ http: "http://192.0.2.1/", name: . }', '.name', 'no web server is called so'],
    ['{ http: "http://192.0.2.1/", status: 100 }', '.status', 'must be a whole number from 200 to 599'],
    ['{ http: "http://192.0.2.1/", timeout: 11s }', '.timeout', '"11s" is above 10s'],
    ['{ http: "http://192.0.2.1/", timeout: 3001ms }', '.timeout', 'is more than 6 intervals of the uplink, 3s'],
    ['{ http: "https://192.0.2.1/" }', '.http', '"https://192.0.2.1/" is no address like http://192.0.2.1/ or'],
    [
      '{ http: "http://example.com/" }',
      '.http',
      '"example.com" is no IP address, and nothing resolves it: write the address, and name: example.com',
    ],
    ['{ http: "http://192.0.2.1:0/" }', '.http', '0 is no port'],
    ['{ tcp: 192.0.2.1 }', '.tcp', '"192.0.2.1" is no address with a port like 192.0.2.1:443 or [2001:db8::1]:443'],
    ['{ tcp: "192.0.2.1:0" }', '.tcp', '0 is no port'],
    ['{ dns: "fe80::1" }', '.dns', "fe80::1 is link-local: a target beyond the ISP's router says more"],
    ['{ dns: 192.0.2.53, name: "a..b" }', '.name', '"a..b" is not a domain name like example.com'],
    ['{ dsn: 192.0.2.53 }', '', 'unknown key "dsn", did you mean "dns"?'],
    ['7', '', 'expected an IP address, found the number 7'],
    ['[192.0.2.1]', '', 'expected a map, found a list'],
  ])('refuses %s', (target, place, sentence) => {
    const issues = issuesOf(withTarget(target)).filter((issue) => !issue.includes('warning'));
    expect(
      issues.some((issue) => issue.includes(`targets[0]${place}: ${sentence}`)),
      issues.join('\n'),
    ).toBe(true);
  });

  it.each([
    ['{ http: "http://192.0.2.1/generate_204" }', 'http://192.0.2.1/generate_204', { port: 80, path: '/generate_204' }],
    [
      '{ http: "http://[2001:db8::1]:8080", status: 301, timeout: 3s }',
      'http://[2001:db8::1]:8080/',
      {
        port: 8080,
        path: '/',
        status: 301,
        timeoutMs: 3000,
      },
    ],
    [
      '{ https: "https://192.0.2.1:443/?q=1", name: a.example }',
      'https://192.0.2.1/?q=1 as a.example',
      {
        port: 443,
        path: '/?q=1',
        name: 'a.example',
        tls: { verify: true },
      },
    ],
    [
      '{ https: "https://192.0.2.1", verify: false }',
      'https://192.0.2.1/',
      { port: 443, path: '/', tls: { verify: false } },
    ],
    [
      '{ https: "https://192.0.2.1", ca: /etc/ca.pem }',
      'https://192.0.2.1/',
      {
        port: 443,
        path: '/',
        tls: { verify: true, ca: '/etc/ca.pem' },
      },
    ],
  ])('%s', (target, text, method) => {
    expect(targetsOf(withTarget(target))[0]).toMatchObject({ text, method: { kind: 'http', ...method } });
    expect(targetsOf(withTarget(target))[0]?.method).toEqual({ kind: 'http', ...method });
  });

  it('by HTTP has no longer than six intervals of each uplink that is asked', () => {
    const fast = (timeout: string) =>
      withTarget(`{ http: "http://192.0.2.1/", timeout: ${timeout} }`).replace('] }', '], profile: fast }');
    expect(issuesOf(fast('600ms'))).toEqual([]);
    expect(issuesOf(fast('601ms')).join()).toContain('is more than 6 intervals of the uplink, 600ms');
    const target = '{ http: "http://192.0.2.9/", timeout: 601ms }';
    const policy = `policy: { far: { match: { proto: udp }, prefer: [fiber], probe: { targets: [${target}] } } }\n`;
    const place = 'policy.far.probe.targets[0].timeout: is more than 6 intervals of the uplink, 600ms';
    expect(issuesOf(`${base('] }', '], profile: fast }')}${policy}`).join()).toContain(place);
  });

  it('by HTTP is one of few', () => {
    const many = (count: number) =>
      withTarget(Array.from({ length: count }, (_, port) => `{ http: "http://192.0.2.1:${port + 1}/" }`).join());
    expect(issuesOf(many(8))).toEqual([]);
    expect(issuesOf(many(9)).join()).toContain('HTTP targets of one family');
  });

  it('counts for its family', () => {
    const text = base(`192.0.2.1, ${OTHERS}`, '{ dns: "2001:db8::53" }, { tcp: "[2001:db8::1]:80" }');
    expect(issuesOf(text)).toEqual([
      'f:9:5: warning: uplinks.fiber.probe: uplink "fiber" has no IPv4 target: its IPv4 is never seen to fail',
    ]);
  });

  it('is listed once for each service', () => {
    expect(issuesOf(withTarget('192.0.2.1, { tcp: "192.0.2.1:80" }, { tcp: "192.0.2.1:443" }'))).toEqual([]);
    expect(issuesOf(withTarget('{ tcp: "192.0.2.1:80" }, { tcp: "192.0.2.1:80", refused: ok }'))).toEqual([
      'f:9:49: uplinks.fiber.probe.targets[1]: tcp 192.0.2.1:80 is listed a second time',
    ]);
  });

  it('is an address where raw sockets send the probes', () => {
    const text = withTarget('{ tcp: "192.0.2.1:80" }').replace('] }', '], transport: raw-socket }');
    const reason = 'by raw socket only addresses are probed, by ICMP echo, not';
    expect(issuesOf(text)).toEqual([`f:9:24: uplinks.fiber.probe.targets[0]: ${reason} tcp`]);
    const policy =
      'policy: { far: { match: { proto: udp }, prefer: [fiber], probe: { targets: [{ dns: 192.0.2.9 }] } } }\n';
    expect(issuesOf(`${base('] }', '], transport: raw-socket }')}${policy}`)).toEqual([
      `f:10:77: policy.far.probe.targets[0]: ${reason} dns`,
    ]);
  });
});

it('nothing is published on the ports that probes leave from', () => {
  const publish = 'publish: { web: { to: 192.168.1.9, tcp: ["61503-61600"], udp: [61440] } }\n';
  expect(issuesOf(`${base('', '')}${publish}`)).toEqual([]);
  expect(issuesOf(`${withTarget('{ tcp: "192.0.2.1:80" }')}${publish}`)).toEqual([
    'f:10:42: publish.web.tcp[0]: ports 61440-61503 are those that DNS and TCP probes leave from',
  ]);
  expect(issuesOf(`${withTarget('{ http: "http://192.0.2.1/" }')}${publish}`)).toEqual([
    'f:10:42: publish.web.tcp[0]: ports 61504-61567 are those that HTTP probes leave from',
  ]);
});

describe('values', () => {
  it.each(['192.0.2.53:53', '[2001:db8::53]:65535'])('%s is an endpoint', (text) => {
    const value = endpoint(text);
    expect(value.ok && formatEndpoint(value.value)).toBe(text);
  });

  it.each(['192.0.2.53', '2001:db8::53:80', '[192.0.2.53]', ':80', '192.0.2.1:65536', '192.0.2.1:', '[::1'])(
    '%s is none',
    (text) => {
      expect(endpoint(text).ok).toBe(false);
    },
  );

  it.each(['192.0.2.53:', '[2001:db8::53]', 'dns.example', ''])('%s is no DNS server', (text) => {
    expect(dnsServer(text).ok).toBe(false);
  });

  it.each(['http://192.0.2.1/', 'http://[2001:db8::1]:8080/a/b?c=d&e=%20', 'http://192.0.2.1:443/~x'])(
    '%s is an address of a web server',
    (text) => {
      const value = httpUrl('http')(text);
      expect(value.ok && formatHttpUrl(value.value)).toBe(text);
    },
  );

  it.each([
    'https://192.0.2.1/',
    'HTTP://192.0.2.1/',
    '192.0.2.1/',
    'http://user@192.0.2.1/',
    'http://192.0.2.1/#part',
    'http://192.0.2.1/a b',
    'http://192.0.2.1/\r\nx: y',
    'http://192.0.2.1?q',
    'http://010.0.0.1/',
    'http://2001:db8::1/',
    'http://[fe80::1]/',
    'http:///',
  ])('%j is none', (text) => {
    expect(httpUrl('http')(text).ok).toBe(false);
  });

  it('a name has labels of at most 63 characters and at most 253 in all', () => {
    const label = 'a'.repeat(63);
    const longest = [label, label, label, 'a'.repeat(61)].join('.');
    expect([label, longest, `${longest}.`, '.'].map((text) => dnsName(text).ok)).toEqual([true, true, true, true]);
    expect([`${label}a`, `${longest}a`, '', '..', '.a', 'ä'].map((text) => dnsName(text).ok)).not.toContain(true);
  });
});
