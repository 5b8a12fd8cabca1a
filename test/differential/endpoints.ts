/** Who talks to whom in the sequences: hosts, remote endpoints, and addresses that are special to somebody. */

export const LAN = 0;
export const OFFICE = 3;

export const HOSTS: readonly { readonly address: string; readonly device: number }[] = [
  { address: '10.0.0.11', device: LAN },
  { address: '10.0.0.12', device: LAN },
  { address: '10.0.0.13', device: LAN },
  { address: '10.0.1.5', device: OFFICE },
  { address: '10.0.9.7', device: LAN },
  { address: '10.0.9.8', device: LAN },
];
export const PORTS = [5000, 5001, 80, 0, 65535, 1023, 5002];
export const REMOTES = ['192.0.2.10', '192.0.2.20', '192.0.2.30', '203.0.113.77'];
export const REMOTE_PORTS = [53, 5000, 80];

/** Addresses that are special to somebody. */
export const SPECIAL = [
  '10.0.0.11',
  '10.0.1.5',
  '10.0.9.7',
  '192.0.2.10',
  '198.51.100.2',
  '203.0.113.2',
  '203.0.113.18',
  '10.0.0.1',
  '10.0.1.1',
  '10.0.0.255',
  '10.0.1.255',
  '255.255.255.255',
  '224.0.0.1',
  '224.0.1.1',
  '239.0.0.1',
  '0.0.0.0',
  '0.0.0.1',
  '127.0.0.1',
  '240.0.0.1',
  '172.16.0.1',
  '198.51.100.255',
  '203.0.113.255',
  '203.0.113.1',
  '203.0.113.9',
  '198.51.100.77',
  '10.0.0.0',
  '203.0.113.40',
  '198.51.100.40',
];

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** `10.0.0.11:5000` in its two parts. */
export function endpointOf(text: string): Endpoint {
  const colon = text.indexOf(':');
  return { address: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}

/** The device of an internal host. */
export function deviceOf(address: string): number {
  return HOSTS.find((host) => host.address === address)?.device ?? LAN;
}

/** The element at an index, wrapped round; none of an empty list. */
export function pick<T>(list: readonly T[], index: number): T | undefined {
  return list[index % Math.max(list.length, 1)];
}

/** The same of a list that is not empty. */
export function at<T>(list: readonly T[], index: number): T {
  const found = pick(list, index);
  if (found === undefined) {
    throw new RangeError('an empty table');
  }
  return found;
}
