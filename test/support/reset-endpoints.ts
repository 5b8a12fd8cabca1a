/** Who takes part in the cases about resets of the gateway, as `address:port`: a host and its mapping on A, whom it calls, a server. */
export const H1 = '10.0.0.11:5000';
export const WA = '203.0.113.2:5000';
export const S1 = '192.0.2.10:7000';
export const SERVER = '10.0.0.12:8080';
export const PUBLIC = '203.0.113.2:80';

/** Ports of a connection over IPv6, on its way out and back. */
export const OUT = [40000, 80] as const;
export const BACK = [80, 40000] as const;

/** Of an uplink in a plan. */
export const DOWN = { usable: false };
