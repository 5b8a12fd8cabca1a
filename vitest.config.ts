import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Shares of the search for differences; each is one process that computes without a pause. */
const DIFFERENTIAL = 'test/differential/**/*.test.ts';

/** Every `test/**\/*.test.ts` runs by default; end-to-end files need namespaces and have projects of their own. */
export default defineConfig({
  test: {
    // Native addons load once per process: forks, not threads.
    pool: 'forks',
    projects: [
      {
        extends: true,
        // A stuck test is noticed all the same, and a busy machine fails none.
        test: { name: 'default', include: ['test/**/*.test.ts'], exclude: [DIFFERENTIAL], testTimeout: 30_000 },
      },
      {
        extends: true,
        // After the others, whose clocks it would disturb, and on all processors.
        test: {
          name: 'differential',
          include: [DIFFERENTIAL],
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.e2e.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        // What takes minutes: `npm run test:long` and `npm run measure:failover`.
        test: {
          name: 'long',
          include: ['test/e2e/**/*.long.ts'],
          fileParallelism: false,
          testTimeout: 1_200_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
