/** Failures cross the native border as data; here, and only here, they become exceptions. */
import type { BindingError } from './binding.js';

/**
 * - `PlanRefused`: a plan cannot be used (`path`, `problem`)
 * - `InvalidArgument`: another argument cannot be used (`path`, `problem`)
 * - `DeviceFailed`: a device could not be opened (`device`, `errno`)
 * - `SystemFailed`: the kernel refused something else (`errno`)
 * - `Busy`: too many commands wait for the data plane
 * - `Stopped`: the data plane was closed, or its worker has panicked
 */
export type NativeErrorCode = BindingError['code'];

export class NativeError extends Error {
  readonly code: NativeErrorCode;
  /** Place in the plan or argument, like `uplinks[1].ipv4.pool`. */
  readonly path: string | undefined;
  /** What is wrong there. */
  readonly problem: string | undefined;
  /** Name of the device. */
  readonly device: string | undefined;
  /** The kernel's error number. */
  readonly errno: number | undefined;

  constructor(error: BindingError) {
    super(messageOf(error));
    this.name = 'NativeError';
    this.code = error.code;
    this.path = 'path' in error ? error.path : undefined;
    this.problem = 'problem' in error ? error.problem : undefined;
    this.device = 'device' in error ? error.device : undefined;
    this.errno = 'errno' in error ? error.errno : undefined;
  }
}

/** The value of a native call, or its failure thrown as a `NativeError`. */
export function unwrap<T>(result: T | BindingError): T {
  if (isBindingError(result)) throw new NativeError(result);
  return result;
}

/** Throws the failure of a native call that returns nothing else. */
export function throwIfFailed(failure: BindingError | null): void {
  if (isBindingError(failure)) throw new NativeError(failure);
}

/** No value that crosses the border has a field `code` but failures. */
function isBindingError(value: unknown): value is BindingError {
  return typeof value === 'object' && value !== null && 'code' in value;
}

function messageOf(error: BindingError): string {
  switch (error.code) {
    case 'PlanRefused':
      return `the plan cannot be used: ${error.path} ${error.problem}`;
    case 'InvalidArgument':
      return `${error.path} ${error.problem}`;
    case 'DeviceFailed':
    case 'SystemFailed':
    case 'Busy':
    case 'Stopped':
      return error.message;
  }
}
