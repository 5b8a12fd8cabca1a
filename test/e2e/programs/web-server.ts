/**
 * `node web-server.js KEY CERTIFICATE ADDRESS …`: HTTP on port 8080 and HTTPS on 8443 of each address, every request logged as one
 * JSON line. A line `ADDRESS STATUS` on stdin says what clients from there are told from then on; all others get 204.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createInterface } from 'node:readline';

const [, , key = '', certificate = '', ...addresses] = process.argv;
const statuses = new Map<string, number>();

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { remoteAddress = '?', remotePort = 0 } = request.socket;
  const { host = '' } = request.headers;
  const name = 'servername' in request.socket ? request.socket.servername : undefined;
  const line = { service: 'web', remote: remoteAddress, port: remotePort, url: request.url, host, name };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  response.writeHead(statuses.get(remoteAddress) ?? 204).end();
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const [address = '', status = ''] = line.split(' ');
  statuses.set(address, Number(status));
});

const tls = { key: readFileSync(key), cert: readFileSync(certificate) };
const servers = addresses.flatMap((address) => [
  createServer(answer).listen(8080, address),
  createSecureServer(tls, answer).listen(8443, address),
]);
await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))));
process.stdout.write(`${JSON.stringify({ event: 'listening' })}\n`);
