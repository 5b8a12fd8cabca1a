/** IP protocols whose ports nptd translates, by their name in the file. */
export const PORTED_PROTOCOLS = { tcp: 6, udp: 17, dccp: 33, 'udp-lite': 136 } as const;

export type PortedProtocol = keyof typeof PORTED_PROTOCOLS;

/** Protocols that a policy may name, with their numbers. */
export const PROTOCOLS = {
  tcp: [6],
  udp: [17],
  'udp-lite': [136],
  dccp: [33],
  sctp: [132],
  icmp: [1, 58],
  gre: [47],
  esp: [50],
  ah: [51],
} as const;
