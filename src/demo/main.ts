/**
 * `npm run demo`: a site with two ISPs loses one of them and gets it back, told step by step.
 *
 * Runs in network and mount namespaces of its own (scripts/setup.mjs makes them). The exit code is 0 only if every
 * step came out as told; whatever happens, nothing is left behind.
 */
import { fileURLToPath } from 'node:url';
import { tellStory } from './chapters.ts';
import { Network } from './network.ts';
import { Story } from './story.ts';

const CONFIG = fileURLToPath(new URL('../../fixtures/config/demo.yaml', import.meta.url));
/** The demo promises to end within a minute. */
const DEMO_MS_MAX = 58_000;

const network = new Network('');
const story = new Story((text) => process.stdout.write(text), process.stdout.isTTY === true);

/** Stops everything half-way and ends with this exit code. */
async function giveUp(reason: string, code: number): Promise<void> {
  process.stdout.write(`\n${reason}: cleaning up\n`);
  await network.close();
  process.exit(code);
}

process.once('SIGINT', () => void giveUp('interrupted', 130));
process.once('SIGTERM', () => void giveUp('terminated', 143));
process.once('SIGHUP', () => void giveUp('hung up', 129));
setTimeout(() => void giveUp('this takes too long', 1), DEMO_MS_MAX).unref();

try {
  await tellStory(network, story, CONFIG);
} catch (error) {
  story.step('the demo itself', false, error instanceof Error ? error.message : String(error));
} finally {
  await network.close();
}
story.end();
process.exitCode = story.failures === 0 ? 0 : 1;
