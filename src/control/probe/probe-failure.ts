/** Why no probe can be sent at all: nothing that speaks against the uplink. */
export type ProbeFailureCode = 'RAW_SOCKET_MISSING' | 'PRIVILEGE_MISSING' | 'DEVICE_MISSING' | 'NO_ROUTE';

export class ProbeFailure extends Error {
  readonly code: ProbeFailureCode;

  constructor(code: ProbeFailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ProbeFailure';
    this.code = code;
  }
}
