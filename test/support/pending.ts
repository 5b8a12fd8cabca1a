/** Whether the engine does not yet do what docs/decisions.md says about policies and reset sessions: only the reference is asked about them. */
export const isNativePending: boolean = false;
