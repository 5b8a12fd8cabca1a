/** IP protocols whose ports nptd translates, by their name in the file. */
export const PORTED_PROTOCOLS = { tcp: 6, udp: 17, dccp: 33, 'udp-lite': 136 } as const;

export type PortedProtocol = keyof typeof PORTED_PROTOCOLS;
