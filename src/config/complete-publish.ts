import type { PublishConfig, PublishPortsConfig, UplinkConfig } from './config.ts';
import { type DraftContext, need, oneOrMoreEntries, readEntries } from './draft-context.ts';
import { PORTED_PROTOCOLS, type PortedProtocol } from './protocols.ts';
import type { PublishDraft } from './schema.ts';

export function completePublish(
  name: string,
  draft: PublishDraft,
  uplinks: readonly UplinkConfig[],
  context: DraftContext,
): PublishConfig {
  need(draft.to, ['publish', name], 'to', context);
  const to = oneOrMoreEntries(draft.to, []).map(({ entry }) => entry);
  const translating = uplinks.filter(({ ipv4 }) => ipv4?.nat44 === true);
  const names = draft.on === undefined ? translating.map((uplink) => uplink.name) : entriesOf(draft.on);
  return {
    name,
    to4: to.flatMap((address) => (address.family === 4 ? [address.value] : [])),
    to6: to.flatMap((address) => (address.family === 6 ? [address.value] : [])),
    on: names.flatMap((uplink) => {
      const own = translating.find((one) => one.name === uplink)?.ipv4?.address.address;
      const address = draft.address?.[uplink] ?? own;
      return address === undefined ? [] : [{ uplink, address }];
    }),
    ports: draftPorts(draft).map(({ ports }) => ports),
    source: draft.source ?? 'client',
  };
}

/** Every entry of ports with its place below the published server. */
export function draftPorts(draft: PublishDraft): { ports: PublishPortsConfig; path: readonly (string | number)[] }[] {
  return PROTOCOLS.flatMap((name) =>
    readEntries(draft[name]).map(({ entry, index }) => ({
      ports: {
        protocol: PORTED_PROTOCOLS[name],
        ...(typeof entry === 'number' ? { external: entry, internal: entry, count: 1 } : entry),
      },
      path: [name, index],
    })),
  );
}

const PROTOCOLS: readonly PortedProtocol[] = ['tcp', 'udp', 'dccp', 'udp-lite'];

function entriesOf(list: readonly (string | undefined)[]): string[] {
  return readEntries(list).map(({ entry }) => entry);
}
