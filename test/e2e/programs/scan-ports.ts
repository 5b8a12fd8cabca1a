/**
 * `node scan-ports.js ADDRESS PORTS`: calls ports (separated by commas) by TCP and UDP, and prints as JSON which of them accepted
 * a connection or answered a datagram within two seconds.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const WAIT_MS = 2000;

const [address = '', list = ''] = process.argv.slice(2);
const ports = list.split(',').map(Number);

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ host: address, port });
  const refused = new Promise<boolean>((resolve) => socket.on('error', () => resolve(false)));
  const accepted = once(socket, 'connect').then(
    () => true,
    () => false,
  );
  const outcome = await Promise.race([accepted, refused, sleep(WAIT_MS, false)]);
  socket.destroy();
  return outcome;
}

async function answered(): Promise<number[]> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  const found = new Set<number>();
  socket.on('message', (_, { port }) => found.add(port));
  socket.on('error', () => {});
  for (const port of ports) socket.send('\0', port, address);
  await sleep(WAIT_MS);
  socket.close();
  return [...found];
}

const [tcp, udp] = await Promise.all([Promise.all(ports.map(accepts)), answered()]);
process.stdout.write(`${JSON.stringify({ tcp: ports.filter((_, at) => tcp[at]), udp })}\n`);
