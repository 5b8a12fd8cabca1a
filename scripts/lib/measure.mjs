/** `npm run measure:failover`: figures of failures, written into docs/multihoming.md. */

import { join } from 'node:path';
import { inNamespaces, namespaceObstacle } from './namespace.mjs';
import { SetupProblem } from './problem.mjs';
import { ROOT, run } from './process.mjs';

/** Each failure is watched for half a minute or more, by two profiles. */
const SECONDS_MAX = 1800;

/** @returns {Promise<number>} exit code of the run */
export async function measureFailover() {
  const obstacle = namespaceObstacle();
  if (obstacle !== undefined)
    throw new SetupProblem(`failures cannot be measured here: ${obstacle.missing}`, obstacle.remedy);
  const vitest = [process.execPath, join(ROOT, 'node_modules/.bin/vitest')];
  const command = [...vitest, 'run', '--project', 'long', 'test/e2e/failover-figures.long.ts'];
  return (await run(inNamespaces(command), { env: { NPTD_UPDATE: '1' }, secondsMax: SECONDS_MAX })).code;
}
