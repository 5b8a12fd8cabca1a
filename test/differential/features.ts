/**
 * Parts of the semantics that both implementations have to know before they are played; what is off stays at the
 * plan's neutral value and makes no packets. `NPTD_FEATURES` names some more, or `all`.
 */
const ON = {
  /** UDP-Lite, DCCP, protocols without ports. */
  protocols: false,
  /** Sequence numbers of resets, opening and closing lifetimes. */
  resets: false,
  /** Opening packets that are held, and ticks that answer them. */
  held: false,
  refuseFiltered: false,
  parity: false,
  reserved: false,
  /** Port rests that are listed, limited, and restored. */
  rests: false,
  staticMappings: false,
  gatewaySource: false,
  hostLimits: false,
  exemptPorts: false,
  lastResort: false,
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
