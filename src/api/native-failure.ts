/** Failures of the native side as errors of the library. */
import { AddonUnavailable } from '../native/load-binding.ts';
import { NativeError } from '../native/unwrap-error.ts';
import { messageOf, NptdError, type NptdErrorCode } from './errors.ts';

const EPERM = 1;
const EACCES = 13;
const PRIVILEGE_HELP =
  'nptd needs CAP_NET_ADMIN to make devices, and CAP_SYS_ADMIN to make them in other network namespaces';

/** An `NptdError` for anything that a native call threw; what is no failure of it stays as it is. */
export function fromNative(error: unknown): unknown {
  if (error instanceof AddonUnavailable) return new NptdError('ADDON_UNAVAILABLE', error.message, { cause: error });
  if (!(error instanceof NativeError)) return error;
  const code = codeOf(error);
  const message = code === 'PRIVILEGE_MISSING' ? `${messageOf(error)}; ${PRIVILEGE_HELP}` : messageOf(error);
  return new NptdError(code, message, { cause: error });
}

function codeOf({ code, errno }: NativeError): NptdErrorCode {
  switch (code) {
    case 'PlanRefused':
      return 'PLAN_REFUSED';
    case 'InvalidArgument':
      return 'INVALID_ARGUMENT';
    case 'DeviceFailed':
    case 'SystemFailed':
      return errno === EPERM || errno === EACCES ? 'PRIVILEGE_MISSING' : 'DEVICE_UNAVAILABLE';
    case 'Busy':
      return 'BUSY';
    case 'Stopped':
      return 'NOT_RUNNING';
  }
}
