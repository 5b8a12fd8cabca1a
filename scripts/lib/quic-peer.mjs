/** The QUIC program of the end-to-end tests (test/quic), compiled outside the workspace of what is shipped. */
import { join } from 'node:path';
import { ROOT, run } from './process.mjs';

const SECONDS_MAX = 900;

/** Where its crates cannot be had the tests that want it are skipped, and the output says why. */
export async function buildQuicPeer() {
  let text = '';
  const command = ['cargo', 'build', '--quiet', '--locked', '--target-dir', join(ROOT, '.nptd/quic')];
  const options = {
    cwd: join(ROOT, 'test/quic'),
    quiet: true,
    secondsMax: SECONDS_MAX,
    onText: (more) => (text += more),
  };
  const { code } = await run(command, options);
  if (code !== 0) process.stdout.write(`test/quic does not compile, so tests with QUIC are skipped:\n${text}`);
}
