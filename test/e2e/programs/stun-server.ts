/** `node stun-server.js ADDRESS ADDRESS PORT PORT`: a STUN server for behaviour discovery on four UDP sockets. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { answerStun, type ServerPlace } from './stun/behaviour.ts';

const [one = '', two = '', first = '', second = ''] = process.argv.slice(2);
const place: ServerPlace = { addresses: [one, two], ports: [Number(first), Number(second)] };
const sockets = new Map<string, Socket>();
const keyOf = (address: string, port: number) => `${address}:${port}`;

for (const address of place.addresses) {
  for (const port of place.ports) {
    const socket = createSocket('udp4');
    sockets.set(keyOf(address, port), socket);
    socket.on('message', (octets, source) => {
      const answer = answerStun(place, octets, { address, port }, source);
      // RESPONSE-PORT may be 0, where nobody listens and no kernel sends to.
      if (answer === undefined || answer.to.port === 0) return;
      sockets.get(keyOf(answer.from.address, answer.from.port))?.send(answer.octets, answer.to.port, answer.to.address);
    });
    // An ICMP error about an answer is the client's business.
    socket.on('error', () => {});
    socket.bind(port, address);
    await once(socket, 'listening');
  }
}
process.stdout.write('listening\n');
