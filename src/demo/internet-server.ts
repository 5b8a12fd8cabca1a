/**
 * The servers on the Internet side: `node internet-server.js ADDRESS …`, each service on each address.
 *
 * Every connection and every new UDP peer is logged as one JSON line with the address and port it was seen from:
 * the proof of which uplink carried it.
 */
import { createHash } from 'node:crypto';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, isIPv6, type Server } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { contentChunks, LONG_ANSWER } from './content.ts';
import { addressOctets, answerDns } from './dns-answer.ts';
import { INTERNET } from './site.ts';

const PORT = { echo: 7, discard: 9, dns: 53, http: 80 };
/** Largest download; a mistyped length must not run for ever. */
const OCTETS_MAX = 4_000_000_000;
const TICK_MS = 100;

function log(service: string, local: string, remote: string, port: number, detail = ''): void {
  process.stdout.write(`${JSON.stringify({ service, local, remote, port, detail })}\n`);
}

async function serveHttp(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { remoteAddress = '?', remotePort = 0, localAddress = '?' } = request.socket;
  log('http', localAddress, remoteAddress, remotePort, `${request.method} ${request.url}`);
  const [, verb, argument] = (request.url ?? '').split('/');
  if (verb === 'octets') {
    const length = Math.min(Number(argument), OCTETS_MAX);
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': length });
    await pipeline(Readable.from(contentChunks(length)), response);
  } else if (verb === 'digest') {
    const hash = createHash('sha256');
    for await (const chunk of request) hash.update(chunk);
    response.end(`${hash.digest('hex')}\n`);
  } else if (verb === 'ticks') {
    const timer = setInterval(() => response.write(`${remoteAddress} ${remotePort}\n`), TICK_MS);
    response.once('close', () => clearInterval(timer));
  } else {
    response.end(`${remoteAddress} ${remotePort}\n`);
  }
}

async function listen(server: Server, address: string, port: number): Promise<void> {
  server.listen({ host: address, port, ipv6Only: isIPv6(address) });
  await once(server, 'listening');
}

async function listenTcp(address: string): Promise<void> {
  // A client that gives up half-way is its own business.
  const http = createHttpServer(
    (request, response) => void serveHttp(request, response).catch(() => response.destroy()),
  );
  const echo = createServer({ allowHalfOpen: true }, (socket) => {
    log('tcp-echo', address, socket.remoteAddress ?? '?', socket.remotePort ?? 0);
    socket.on('error', () => {}).pipe(socket);
  });
  const discard = createServer((socket) => socket.on('error', () => {}).resume());
  await Promise.all([
    listen(http, address, PORT.http),
    listen(echo, address, PORT.echo),
    listen(discard, address, PORT.discard),
  ]);
}

/** Whom the server sees, or a text that no single packet holds. */
function txtOf(name: string, { address, port }: RemoteInfo): string {
  return name === LONG_ANSWER.name ? LONG_ANSWER.text : `${address} ${port}`;
}

async function listenUdp(address: string): Promise<void> {
  const type = isIPv6(address) ? 'udp6' : 'udp4';
  const dns = createSocket(type);
  const echo = createSocket(type);
  dns.on('message', (query: Buffer, peer: RemoteInfo) => {
    log('dns', address, peer.address, peer.port);
    const a = addressOctets(INTERNET.web4);
    const aaaa = addressOctets(INTERNET.web6);
    const answer = answerDns(query, { a, aaaa, txt: (name) => txtOf(name, peer) });
    if (answer !== undefined) dns.send(answer, peer.port, peer.address);
  });
  const peers = new Set<string>();
  echo.on('message', (datagram: Buffer, peer: RemoteInfo) => {
    const key = `${peer.address} ${peer.port}`;
    if (!peers.has(key)) log('udp-echo', address, peer.address, peer.port);
    peers.add(key);
    echo.send(datagram, peer.port, peer.address);
  });
  const sockets: [typeof dns, number][] = [
    [dns, PORT.dns],
    [echo, PORT.echo],
  ];
  for (const [socket, port] of sockets) {
    socket.on('error', () => {});
    socket.bind({ address, port, ...(type === 'udp6' ? { ipv6Only: true } : {}) });
    await once(socket, 'listening');
  }
}

for (const address of process.argv.slice(2)) {
  await listenTcp(address);
  await listenUdp(address);
}
process.stdout.write(`${JSON.stringify({ event: 'listening' })}\n`);
