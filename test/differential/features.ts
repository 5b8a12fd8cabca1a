/**
 * Parts of the semantics that both implementations have to know before they are played; what is off stays at the
 * plan's neutral value and makes no packets. `NPTD_FEATURES` names some more, or `all`.
 */
const ON = {
  /** UDP-Lite, DCCP, protocols without ports. */
  protocols: true,
  /** Sequence numbers of resets, opening and closing lifetimes. */
  resets: true,
  /** Opening packets that are held, and ticks that answer them. */
  held: true,
  refuseFiltered: true,
  parity: true,
  reserved: true,
  /** Port rests that are listed, limited, and restored. */
  rests: true,
  staticMappings: true,
  gatewaySource: true,
  hostLimits: true,
  exemptPorts: true,
  lastResort: true,
  ipv6: false,
};

export type Feature = keyof typeof ON;

const MORE = (process.env.NPTD_FEATURES ?? '').split(',');

/** Whether both implementations are asked for it. */
export function has(feature: Feature): boolean {
  return ON[feature] || MORE.includes(feature) || MORE.includes('all');
}

/** Whether everything is played that there is. */
export function hasAll(): boolean {
  return MORE.includes('all') || Object.values(ON).every((on) => on);
}
