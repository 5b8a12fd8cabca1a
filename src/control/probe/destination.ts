/** A configured target as the data plane asks it. */
import { CONVERSATION_PORTS, PROBE_PORTS, type ProbeTargetConfig } from '../../config/probe-target.ts';
import type { Address } from '../../config/values.ts';
import type { ProbeDestination, ProbeOptions, ServiceTarget } from '../../native/data-plane.ts';
import { ipv6ToOctets } from '../../net/ipv6-address.ts';

/** A records of the Internet (RFC 1035 section 3.2). */
const TYPE_AND_CLASS = [0, 1, 0, 1];

export function destinationOf({ address: configured, method }: ProbeTargetConfig): ProbeDestination {
  const address = addressOf(configured);
  switch (method.kind) {
    case 'echo':
      return address;
    case 'dns':
      return { address, service: 'dns', port: method.port, question: questionOf(method.name) };
    case 'tcp':
      return { address, service: 'tcp', port: method.port, refusedIsAnswer: method.refusedIsAnswer };
    case 'http':
      return { address, service: 'http', port: method.port };
  }
}

/** The own ports that destinations need, if one of them is a service. */
export function ownPortsOf(
  destinations: readonly ProbeDestination[],
): Pick<ProbeOptions, 'ownPorts' | 'conversationPorts'> {
  const services = new Set(destinations.map(serviceOf));
  return {
    ...(services.has('dns') || services.has('tcp') ? { ownPorts: PROBE_PORTS } : {}),
    ...(services.has('http') ? { conversationPorts: CONVERSATION_PORTS } : {}),
  };
}

/** Name, type and class as on the wire: labels with their lengths, and an empty one (RFC 1035 section 4.1.2). */
export function questionOf(name: string): Uint8Array {
  const labels = name === '.' ? [] : name.split('.');
  const octets = labels.flatMap((label) => [label.length, ...Buffer.from(label, 'ascii')]);
  return Uint8Array.from([...octets, 0, ...TYPE_AND_CLASS]);
}

/** As the data plane takes it. */
export function addressOf(address: Address): number | Uint8Array {
  return address.family === 4 ? address.value : ipv6ToOctets(address.value);
}

function serviceOf(destination: ProbeDestination): ServiceTarget['service'] | undefined {
  return typeof destination === 'object' && 'service' in destination ? destination.service : undefined;
}
