/**
 * Loads the addon when it is first needed, so that whatever needs none works without it, or says why it cannot be
 * loaded: the generated loader blames npm for everything.
 */
import { createRequire } from 'node:module';
import type * as Binding from './binding.js';

/** The addon is missing or does not run here. */
export class AddonUnavailable extends Error {
  constructor(message: string, options: ErrorOptions) {
    super(message, options);
    this.name = 'AddonUnavailable';
  }
}

const require = createRequire(import.meta.url);

let loaded: typeof Binding | undefined;

/** The addon. Loads it at the first call; throws an `AddonUnavailable` as long as it cannot be loaded. */
export function binding(): typeof Binding {
  loaded ??= load();
  return loaded;
}

function load(): typeof Binding {
  try {
    // Not `import`, which waits: a translator is made at once.
    return require('./binding.js');
  } catch (error) {
    throw explainLoadFailure(error);
  }
}

/** The real cause among the attempts that the generated loader chains up behind its own error. */
export function explainLoadFailure(error: unknown): AddonUnavailable {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_REQUIRE_ESM') {
    const remedy = 'Node 20.19 or 22.12, or a newer one, is needed';
    return new AddonUnavailable(`the native addon does not load in Node ${process.version}: ${remedy}`, {
      cause: error,
    });
  }
  const attempts = [...causes(error)].slice(1);
  const broken = attempts.find((attempt) => !isMissing(attempt));
  if (broken !== undefined) {
    return new AddonUnavailable(`the native addon does not load: ${broken.message}`, { cause: error });
  }
  const target = `${process.platform} on ${process.arch}`;
  return new AddonUnavailable(
    `the native addon is not built for ${target}; in a checkout, "npm run setup" builds it (it takes cargo: https://rustup.rs)`,
    { cause: error },
  );
}

function* causes(error: unknown): Generator<Error> {
  for (let cause = error; cause instanceof Error; cause = cause.cause) yield cause;
}

/** By its words as well as its code: the generated loader wraps its last attempt in an error without one. */
function isMissing(error: Error): boolean {
  return ('code' in error && error.code === 'MODULE_NOT_FOUND') || error.message.startsWith('Cannot find module');
}
