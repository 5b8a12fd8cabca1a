/**
 * `node fetch-once.js URL`: fetches a page as any program of Node does, which tries the address families one after the other
 * (`autoSelectFamily`, on by default), and says in one line of JSON who answered and when the first octet of the body was there.
 */
import { get } from 'node:http';

const [url = ''] = process.argv.slice(2);
const startedMs = performance.now();

const request = get(url, (response) => {
  const { remoteAddress } = response.socket;
  response.once('data', () => {
    const ms = performance.now() - startedMs;
    process.stdout.write(`${JSON.stringify({ address: remoteAddress, ms })}\n`);
  });
  response.resume();
});
request.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
