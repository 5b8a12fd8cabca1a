/** Why no raw socket can be had, told apart by its code; sockets of a real kernel are in test/e2e. */
import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { NptdError } from '../../../src/api/errors.ts';
import { probeError } from '../../../src/api/probe.ts';
import { complainOf } from '../../../src/cli/complain.ts';
import { EXIT_CODE } from '../../../src/cli/exit-code.ts';
import { ProbeFailure } from '../../../src/control/probe/probe-failure.ts';
import { openEchoSocket, type RawSocket } from '../../../src/control/probe/raw-socket-transport.ts';
import { RecordedOutput } from '../cli/support.ts';

/** The package with a kernel that refuses one of the two calls, in the words of strerror(3). */
class FakeRawSocket implements RawSocket {
  readonly AddressFamily = { IPv4: 1, IPv6: 2 };
  readonly Protocol = { ICMP: 1, ICMPv6: 58 };
  readonly SocketLevel = { SOL_SOCKET: 1 };
  readonly SocketOption = { SO_BINDTODEVICE: 25 };
  closes = 0;
  readonly #refuses: 'open' | 'bind';
  readonly #reason: string;

  constructor(refuses: 'open' | 'bind', reason: string) {
    this.#refuses = refuses;
    this.#reason = reason;
  }

  createSocket(): ReturnType<RawSocket['createSocket']> {
    const refuse = (call: 'open' | 'bind') => {
      if (this.#refuses === call) throw new Error(this.#reason);
    };
    refuse('open');
    const count = () => {
      this.closes += 1;
    };
    return new (class extends EventEmitter {
      send() {
        return this;
      }
      setOption() {
        refuse('bind');
      }
      close() {
        count();
        return this;
      }
    })();
  }
}

const options = { device: 'eth7', family: 6, onReply: () => {} } as const;

async function failureOf(load: () => Promise<RawSocket>): Promise<ProbeFailure> {
  const failure: unknown = await openEchoSocket(options, load).catch((error: unknown) => error);
  if (failure instanceof ProbeFailure) return failure;
  throw new Error(`no ProbeFailure but ${String(failure)}`);
}

describe('a raw socket that cannot be had', () => {
  test.each([
    ['open', 'Operation not permitted', 'PRIVILEGE_MISSING', /CAP_NET_RAW/],
    ['open', 'Permission denied', 'PRIVILEGE_MISSING', /CAP_NET_RAW/],
    ['open', 'Address family not supported by protocol', 'SOCKET_REFUSED', /IPv6.*: Address family not supported/],
    ['open', 'Too many open files', 'SOCKET_REFUSED', /: Too many open files$/],
    ['bind', 'No such device', 'DEVICE_MISSING', /no device eth7$/],
    ['bind', 'Operation not permitted', 'PRIVILEGE_MISSING', /eth7.*CAP_NET_RAW/],
    ['bind', 'Cannot allocate memory', 'SOCKET_REFUSED', /eth7: Cannot allocate memory$/],
  ] as const)('%s: %s is %s', async (call, reason, code, message) => {
    const raw = new FakeRawSocket(call, reason);
    const failure = await failureOf(async () => raw);
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(message);
    expect(raw.closes).toBe(call === 'bind' ? 1 : 0);
    if (code !== 'PRIVILEGE_MISSING') expect(failure.message).not.toMatch(/root|CAP_/);
  });

  test('because the package is not there says so, with the reason', async () => {
    const missing = "Cannot find package 'raw-socket' imported from x.js\nRequire stack: y.js";
    const failure = await failureOf(() => Promise.reject(new Error(missing)));
    expect(failure.code).toBe('RAW_SOCKET_MISSING');
    expect(failure.message).toMatch(
      /npm install raw-socket.*\(Cannot find package 'raw-socket' imported from x\.js\)$/,
    );
  });
});

test('each of them has its code in the library, and the same exit code of nptd', () => {
  const codes = (
    ['RAW_SOCKET_MISSING', 'PRIVILEGE_MISSING', 'DEVICE_MISSING', 'NO_ROUTE', 'SOCKET_REFUSED'] as const
  ).map((code) => probeError(new ProbeFailure(code, 'why')).code);
  expect(codes).toEqual([
    'PACKAGE_MISSING',
    'PRIVILEGE_MISSING',
    'DEVICE_UNAVAILABLE',
    'PROBE_IMPOSSIBLE',
    'PROBE_IMPOSSIBLE',
  ]);
  for (const code of codes) {
    expect(complainOf('probe', new NptdError(code, 'why'), new RecordedOutput())).toBe(EXIT_CODE.unavailable);
  }
});
