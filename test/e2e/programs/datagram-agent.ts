/**
 * UDP sockets in the namespace that this runs in, driven line by line in JSON: commands by stdin, events by stdout.
 * See ../datagrams.ts for the other end.
 */
import { createSocket, type Socket } from 'node:dgram';
import { createInterface } from 'node:readline';

type Command =
  | { readonly do: 'open'; readonly socket: number; readonly address: string; readonly port: number }
  | {
      readonly do: 'send';
      readonly socket: number;
      readonly address: string;
      readonly port: number;
      readonly hex: string;
    }
  | { readonly do: 'close'; readonly socket: number };

const sockets = new Map<number, Socket>();
const report = (event: object) => process.stdout.write(`${JSON.stringify(event)}\n`);

function open(id: number, address: string, port: number): void {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  sockets.set(id, socket);
  socket.on('error', ({ message }) => report({ socket: id, event: 'error', message }));
  socket.on('message', (octets, source) =>
    report({ socket: id, event: 'datagram', address: source.address, port: source.port, hex: octets.toString('hex') }),
  );
  socket.bind(port, address, () => report({ socket: id, event: 'open', port: socket.address().port }));
}

for await (const line of createInterface({ input: process.stdin })) {
  const command: Command = JSON.parse(line);
  const socket = sockets.get(command.socket);
  if (command.do === 'open') open(command.socket, command.address, command.port);
  else if (command.do === 'send') socket?.send(Buffer.from(command.hex, 'hex'), command.port, command.address);
  else {
    socket?.close();
    sockets.delete(command.socket);
  }
}
