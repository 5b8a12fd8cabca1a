/**
 * `node ftp-server.js ADDRESS …`: a small FTP server (RFC 959, and RFC 2428 for IPv6) on port 21 of each address.
 *
 * Retrieves `N.bin`, which is N octets of one text over and over; takes any upload and says its digest. Logs each
 * command as one JSON line, as it arrived.
 */
import { createHash } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const CONTROL_PORT = 21;
/** An active connection that is not answered within this has failed. */
const CONNECT_MS_MAX = 1000;
const TEXT = 'No byte of this is to change on its way.\n';

const log = (entry: object) => process.stdout.write(`${JSON.stringify(entry)}\n`);

/** One control connection, and how its next data connection comes about. */
class Session {
  readonly #control: Socket;
  #data: (() => Promise<Socket>) | undefined;
  #passive: Server | undefined;

  constructor(control: Socket) {
    this.#control = control;
  }

  /** @returns the reply, without its line end */
  async answer(command: string, argument: string): Promise<string> {
    switch (command) {
      case 'USER':
        return '331 any password will do';
      case 'PASS':
        return '230 welcome';
      case 'PWD':
        return '257 "/"';
      case 'TYPE':
        return '200 as you like';
      case 'PASV':
        return this.#listen((port) => `227 (${this.#local().replaceAll('.', ',')},${port >> 8},${port & 0xff})`);
      case 'EPSV':
        return this.#listen((port) => `229 (|||${port}|)`);
      case 'PORT': {
        const numbers = argument.split(',').map(Number);
        return this.#call(numbers.slice(0, 4).join('.'), (numbers[4] ?? 0) * 256 + (numbers[5] ?? 0));
      }
      case 'EPRT': {
        const [, , address = '', port] = argument.split(argument.charAt(0));
        return this.#call(address, Number(port));
      }
      case 'RETR':
        return this.#transfer((data) => data.end(TEXT.repeat(Number.parseInt(argument, 10) / TEXT.length)));
      case 'STOR':
        return this.#transfer((data) => data);
      case 'QUIT':
        return '221 bye';
      default:
        return '502 not known here';
    }
  }

  close(): void {
    this.#passive?.close();
  }

  #local(): string {
    return this.#control.localAddress ?? '';
  }

  #listen(reply: (port: number) => string): Promise<string> {
    const server = createServer();
    this.#passive = server;
    const connected = new Promise<Socket>((resolve) => server.once('connection', resolve));
    this.#data = () => connected;
    return new Promise((resolve) => {
      server.listen(0, this.#local(), () => {
        const place = server.address();
        resolve(reply(place !== null && typeof place === 'object' ? place.port : 0));
      });
    });
  }

  #call(address: string, port: number): string {
    this.#data = () =>
      new Promise((resolve, reject) => {
        const data = connect({ host: address, port, localAddress: this.#local(), timeout: CONNECT_MS_MAX });
        data.once('connect', () => resolve(data));
        data.once('timeout', () => data.destroy(new Error('timeout')));
        data.once('error', reject);
      });
    return '200 noted';
  }

  /** Everything that comes in is digested; `send` ends what goes out. */
  async #transfer(send: (data: Socket) => Socket): Promise<string> {
    if (this.#data === undefined) return '425 no data connection';
    this.#control.write('150 here it comes\r\n');
    try {
      const data = send(await this.#data());
      const hash = createHash('sha256');
      for await (const chunk of data) hash.update(chunk);
      data.end();
      return `226 ${hash.digest('hex')}`;
    } catch (error) {
      return `425 ${error instanceof Error ? error.message : 'failed'}`;
    } finally {
      this.#passive?.close();
      this.#data = undefined;
    }
  }
}

async function serve(control: Socket): Promise<void> {
  const session = new Session(control);
  control.on('error', () => {});
  control.write('220 ready\r\n');
  for await (const line of createInterface({ input: control })) {
    const [command = '', ...words] = line.split(' ');
    const reply = await session.answer(command.toUpperCase(), words.join(' '));
    log({ command, argument: words.join(' '), reply, remote: control.remoteAddress });
    control.write(`${reply}\r\n`);
    if (command === 'QUIT') control.end();
  }
  session.close();
}

for (const address of process.argv.slice(2)) {
  const server = createServer((control) => void serve(control));
  await new Promise<void>((resolve) => server.listen(CONTROL_PORT, address, resolve));
}
log({ event: 'listening' });
