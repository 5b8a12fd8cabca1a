/** One request over a stream, by Node's own HTTP and TLS. */
import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { HttpTarget, HttpTls } from './http-target.ts';

/**
 * Sends the request; resolves to the status as soon as it is known. Rejects if there is none, or the server cannot show a
 * certificate that is wanted. When the response is over the stream is ended, not before; whoever calls destroys it in time.
 * @param ca certificates in the place of those that Node has
 */
export function statusOf(target: HttpTarget, stream: Duplex, ca: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = target.tls === undefined ? stream : secured(stream, target.tls, ca);
    // Whatever fails after the status is known changes nothing.
    stream.on('error', reject);
    socket.on('error', reject);
    stream.on('close', () => reject(new Error('the connection was closed')));
    const asking = request({
      createConnection: () => socket,
      path: target.path,
      // The server is not to end the connection first: it would have to remember the port for a minute, and take no other one from it.
      headers: { host: target.host, 'user-agent': 'nptd', accept: '*/*', connection: 'keep-alive' },
    });
    asking.on('error', reject);
    asking.on('response', (response) => {
      resolve(response.statusCode ?? 0);
      response.on('error', () => {});
      // By TLS, too: a server that is told by TLS first ends the connection first.
      response.on('end', () => stream.end());
      response.resume();
    });
    asking.end();
  });
}

function secured(stream: Duplex, { server, verify }: HttpTls, ca: string | undefined): Duplex {
  return connectTls({
    socket: stream,
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: verify,
    // An address is looked for in the certificate, and not told to the server (RFC 6066 section 3).
    ...('name' in server ? { servername: server.name, host: server.name } : { host: server.address }),
    ...(ca === undefined ? {} : { ca }),
  });
}
