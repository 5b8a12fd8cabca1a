import { defineConfig } from 'vitest/config';

/** Every `test/**\/*.test.ts` runs by default; end-to-end files need namespaces and have a project of their own. */
export default defineConfig({
  test: {
    // Native addons load once per process: forks, not threads.
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: { name: 'default', include: ['test/**/*.test.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.e2e.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
