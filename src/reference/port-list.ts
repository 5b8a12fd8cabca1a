/** The ports that an endpoint may get ("External address and port" in docs/decisions.md). */
import type { PlanUplink4 } from '../plan/plan.ts';
import { ownerOfPort } from './port-owner.ts';
import { ICMP } from './protocol.ts';

export interface PortListRequest {
  readonly protocol: number;
  readonly internalPort: number;
  readonly uplink: PlanUplink4;
  readonly preserveParity: boolean;
  readonly workers: number;
}

/** Lists that were made before, by everything that they depend on: the same few are asked for again and again. */
const LISTS = new Map<string, readonly number[]>();
const LISTS_MAX = 256;

/** In ascending order: the uplink's range of the owner's ports, cut with the class of its own port (4787-R3a), and its parity if the plan says so. */
export function portList(request: PortListRequest): readonly number[] {
  const { protocol, internalPort, uplink, preserveParity, workers } = request;
  const isIcmp = protocol === ICMP;
  const [low, high] = isIcmp ? [0, 65_535] : [uplink.portLow, uplink.portHigh];
  const owner = ownerOfPort(internalPort, workers);
  const isLow = internalPort < 1024;
  const parity = preserveParity ? internalPort % 2 : undefined;
  const key = [isIcmp, low, high, owner, workers, isLow, parity].join(' ');
  const known = LISTS.get(key);
  if (known !== undefined) {
    return known;
  }
  const range = Array.from({ length: high - low + 1 }, (_, index) => low + index);
  const own = range.filter((port) => ownerOfPort(port, workers) === owner);
  const list = isIcmp
    ? own
    : preferred(
        preferred(own, (port) => port < 1024 === isLow),
        (port) => port % 2 === (parity ?? port % 2),
      ); // 4787-R4, 7857-S8
  if (LISTS.size >= LISTS_MAX) {
    LISTS.clear();
  }
  LISTS.set(key, list);
  return list;
}

/** Those that fit, or all where none does. */
function preferred(ports: readonly number[], fits: (port: number) => boolean): readonly number[] {
  const fitting = ports.filter(fits);
  return fitting.length > 0 ? fitting : ports;
}
