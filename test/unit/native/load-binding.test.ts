/** What users read when the addon cannot be loaded. */
import { describe, expect, it } from 'vitest';
import { explainLoadFailure } from '../../../src/native/load-binding.ts';

/** The generated loader's error, with its attempts chained up behind it. */
function loaderError(...attempts: readonly Error[]): Error {
  const cause = attempts.reduceRight<Error | undefined>(
    (chain, attempt) => Object.assign(attempt, { cause: chain }),
    undefined,
  );
  return new Error('Cannot find native binding. npm has a bug related to optional dependencies.', { cause });
}

const missing = () =>
  Object.assign(new Error("Cannot find module './nptd.linux-x64-gnu.node'"), { code: 'MODULE_NOT_FOUND' });

describe('explainLoadFailure', () => {
  it('says how to build an addon that is missing, and blames nobody', () => {
    const { message, cause } = explainLoadFailure(loaderError(missing(), missing()));
    expect(message).toMatch(/not built for linux on \w+; .*npm run setup/);
    expect(message).not.toMatch(/bug|optional/);
    expect(cause).toBeInstanceOf(Error);
  });

  it('gives the real cause when it is there but does not load', () => {
    const broken = Object.assign(new Error("version `GLIBC_2.38' not found"), { code: 'ERR_DLOPEN_FAILED' });
    expect(explainLoadFailure(loaderError(missing(), broken, missing())).message).toBe(
      "the native addon does not load: version `GLIBC_2.38' not found",
    );
  });

  it('says that this Node is too old to load it at once', () => {
    const error = Object.assign(new Error('require() of ES Module not supported'), { code: 'ERR_REQUIRE_ESM' });
    expect(explainLoadFailure(error).message).toMatch(/does not load in Node v\d.*20\.19 or 22\.12/);
  });

  it('copes with anything else that is thrown', () => {
    expect(explainLoadFailure('what').message).toMatch(/not built/);
  });
});
