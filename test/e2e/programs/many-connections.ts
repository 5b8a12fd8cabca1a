/**
 * `node many-connections.js SERVER PORT COUNT`: opens so many TCP connections to an echo server and keeps them. Each
 * sends values that no other sends. Says `echoed ROUND` when every connection has got its own value back; a line on
 * stdin begins another round on the same connections. A value of another connection, or an end, ends it all.
 */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** Handshakes at a time: below the backlog of the server. */
const OPENING_MAX = 250;

const [server = '', port = '', count = ''] = process.argv.slice(2);
const total = Number(count);

function fail(what: string): never {
  process.stderr.write(`${what}\n`);
  process.exit(1);
}

/** A connection that is open. */
function open(number: number): Promise<Socket> {
  const socket = connect({ host: server, port: Number(port), noDelay: true });
  socket.setEncoding('latin1');
  socket.once('error', ({ message }) => fail(`connection ${number}: ${message}`));
  socket.once('close', () => fail(`connection ${number} has been closed`));
  return new Promise((resolve) => socket.once('connect', () => resolve(socket)));
}

/** Sends a value that is this connection's own, and waits until it is back. */
function echo(socket: Socket, number: number, round: number): Promise<void> {
  const value = `round ${round} of ${number};`;
  let heard = '';
  return new Promise((resolve) => {
    const listen = (text: string) => {
      heard += text;
      if (!value.startsWith(heard)) fail(`connection ${number} heard ${heard}`);
      if (heard.length < value.length) return;
      socket.off('data', listen);
      resolve();
    };
    socket.on('data', listen);
    socket.write(value);
  });
}

const sockets: Socket[] = [];
let next = 0;
const openInTurn = async () => {
  while (next < total) {
    const number = next;
    next += 1;
    const socket = await open(number);
    sockets[number] = socket;
    await echo(socket, number, 0);
  }
};
await Promise.all(Array.from({ length: OPENING_MAX }, openInTurn));
process.stdout.write('echoed 0\n');

let round = 0;
for await (const _line of createInterface({ input: process.stdin })) {
  round += 1;
  const current = round;
  await Promise.all(sockets.map((socket, number) => echo(socket, number, current)));
  process.stdout.write(`echoed ${current}\n`);
}
