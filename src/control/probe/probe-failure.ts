/** Why no probe can be sent at all: nothing that speaks against the uplink. */
export type ProbeFailureCode =
  /** The optional package raw-socket is not there, or does not load. */
  | 'RAW_SOCKET_MISSING'
  | 'PRIVILEGE_MISSING'
  | 'DEVICE_MISSING'
  | 'NO_ROUTE'
  /** The kernel refused the socket for another reason. */
  | 'SOCKET_REFUSED';

export class ProbeFailure extends Error {
  readonly code: ProbeFailureCode;

  constructor(code: ProbeFailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ProbeFailure';
    this.code = code;
  }
}
