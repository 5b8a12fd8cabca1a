/** What `nptd check` says of published servers. Addresses are text. */
import type { NptdConfig, PublishConfig, PublishPortsConfig } from '../config/config.ts';
import { PORTED_PROTOCOLS } from '../config/protocols.ts';
import { formatIpv4Address } from '../net/ipv4-address.ts';
import { formatIpv6Address } from '../net/ipv6-address.ts';

/** One server on one uplink. */
export interface PublishSummary {
  readonly name: string;
  /** Internal address. */
  readonly server: string;
  readonly uplink: string;
  /** External address. */
  readonly external: string;
  /** `tcp 443`, `tcp 8443 to 443`, or `everything`. */
  readonly ports: readonly string[];
  readonly source: PublishConfig['source'];
}

export function summarizePublish({ publish }: NptdConfig): PublishSummary[] {
  return publish.flatMap(({ name, to4, to6, on, ports, source }) => {
    const texts = (text: (one: PublishPortsConfig) => string): string[] =>
      ports.length === 0 ? ['everything'] : ports.map(text);
    const ipv4 = to4.flatMap((server) =>
      on.map(({ uplink, address }) => ({
        name,
        server: formatIpv4Address(server),
        uplink,
        external: formatIpv4Address(address),
        ports: texts(portsText),
        source,
      })),
    );
    const ipv6 = to6.map((server) => ({
      name,
      server: formatIpv6Address(server),
      uplink: 'every one',
      external: 'its external form',
      ports: texts((one) => portsText({ ...one, external: one.internal })),
      source: 'client' as const,
    }));
    return [...ipv4, ...ipv6];
  });
}

/** Cells of one line: `SERVER IS`, `ON UPLINK`, `AT`, `PORTS`. */
export function publishRow({ name, server, uplink, external, ports, source }: PublishSummary): string[] {
  const seen = source === 'gateway' ? ', clients seen as the gateway' : '';
  return [name, server, uplink, external, `${ports.join(', ')}${seen}`];
}

function portsText({ protocol, external, internal, count }: PublishPortsConfig): string {
  const [name = `protocol ${protocol}`] =
    Object.entries(PORTED_PROTOCOLS).find(([, number]) => number === protocol) ?? [];
  const range = (first: number): string => (count === 1 ? `${first}` : `${first}-${first + count - 1}`);
  return `${name} ${range(external)}${external === internal ? '' : ` to ${range(internal)}`}`;
}
