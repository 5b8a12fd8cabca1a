/**
 * ICMP echo through a raw socket of the kernel, bound to one device. The only importer of `raw-socket`, an optional
 * dependency that is loaded when it is first needed: nptd works without it.
 */
import type { Socket } from 'raw-socket';
import type { Family } from '../family.ts';
import { decodeEchoReply, type Echo, encodeEchoRequest } from './icmp-echo.ts';
import { ProbeFailure } from './probe-failure.ts';

export interface EchoSocket {
  /** Sends an echo request. What the kernel cannot send is lost like a packet on the way: the probe will miss. */
  send(target: string, echo: Echo): void;
  close(): void;
}

export interface EchoSocketOptions {
  /** Interface name in the network namespace of this process. */
  readonly device: string;
  readonly family: Family;
  /** Called for each echo reply that arrives on the device, whoever asked for it. `source` is an address without zone. */
  readonly onReply: (echo: Echo, source: string) => void;
}

/** The package `raw-socket`. */
export type RawSocket = typeof import('raw-socket')['default'];

/**
 * Opens a raw socket that sends and receives on one device only. Rejects with a `ProbeFailure`.
 * @param load loads the package; rejects if it cannot be
 */
export async function openEchoSocket(
  { device, family, onReply }: EchoSocketOptions,
  load: () => Promise<RawSocket> = async () => (await import('raw-socket')).default,
): Promise<EchoSocket> {
  const raw = await loadRawSocket(load);
  const socket = openSocket(raw, family);
  try {
    const name = Buffer.from(`${device}\0`);
    socket.setOption(raw.SocketLevel.SOL_SOCKET, raw.SocketOption.SO_BINDTODEVICE, name, name.length);
  } catch (error) {
    socket.close();
    throw bindFailure(device, error);
  }
  // Errors of the device (it goes down, say) are what probes are for: the next ones miss.
  socket.on('error', () => {});
  socket.on('message', (received, source) => {
    const echo = decodeEchoReply(family, received);
    if (echo !== undefined) onReply(echo, source);
  });
  return {
    send(target, echo) {
      const octets = Buffer.from(encodeEchoRequest(family, echo));
      socket.send(octets, 0, octets.length, target, () => {});
    },
    close() {
      socket.close();
    },
  };
}

async function loadRawSocket(load: () => Promise<RawSocket>): Promise<RawSocket> {
  try {
    return await load();
  } catch (error) {
    throw new ProbeFailure(
      'RAW_SOCKET_MISSING',
      'the optional package raw-socket cannot be loaded, which probes through the kernel need; it is built on ' +
        'installation: npm install raw-socket (with a C++ compiler and Python), and it serves the main thread only ' +
        `(${firstLineOf(error)})`,
      { cause: error },
    );
  }
}

function openSocket(raw: RawSocket, family: Family): Socket {
  const addressFamily = family === 4 ? raw.AddressFamily.IPv4 : raw.AddressFamily.IPv6;
  const protocol = family === 4 ? raw.Protocol.ICMP : raw.Protocol.ICMPv6;
  try {
    return raw.createSocket({ addressFamily, protocol });
  } catch (error) {
    throw refusal(`a raw socket for IPv${family} cannot be opened`, error);
  }
}

function bindFailure(device: string, error: unknown): ProbeFailure {
  if (/no such device/i.test(firstLineOf(error))) {
    return new ProbeFailure('DEVICE_MISSING', `there is no device ${device}`, { cause: error });
  }
  return refusal(`a raw socket cannot be bound to device ${device}`, error);
}

/** The package gives the kernel's reason in words only, those of strerror(3). */
function refusal(what: string, error: unknown): ProbeFailure {
  const reason = firstLineOf(error);
  if (/operation not permitted|permission denied/i.test(reason)) {
    const remedy = 'run as root, or give node the capability CAP_NET_RAW';
    return new ProbeFailure('PRIVILEGE_MISSING', `${what}: ${remedy}`, { cause: error });
  }
  return new ProbeFailure('SOCKET_REFUSED', `${what}: ${reason}`, { cause: error });
}

/** Node lists the importing files behind the first line of a failed import. */
function firstLineOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? '';
}
