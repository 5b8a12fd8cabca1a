/**
 * `node hold-ports.js LOCAL COUNT SERVER PORT`: so many UDP sockets of one address, each of which sends to an echo server
 * again and again, so that its mapping lives. Says `held` once every socket has heard an answer.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** Well below the shortest lifetime of a UDP session in tests. */
const REFRESH_MS = 500;

const [local = '', count = '', server = '', port = ''] = process.argv.slice(2);
const sockets = Array.from({ length: Number(count) }, () => createSocket('udp4'));
const silent = new Set(sockets);

for (const socket of sockets) {
  socket.once('message', () => {
    silent.delete(socket);
    if (silent.size === 0) process.stdout.write('held\n');
  });
  // A refused packet is sent again like any other.
  socket.on('error', () => {});
  socket.bind(0, local);
  await once(socket, 'listening');
}
const refresh = () => {
  for (const socket of sockets) socket.send('', Number(port), server);
};
refresh();
setInterval(refresh, REFRESH_MS);
