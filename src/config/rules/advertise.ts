import { ADVERTISED_MAX, advertisedCount } from '../advertised.ts';
import type { NptdConfig } from '../config.ts';
import type { DraftContext } from '../draft-context.ts';

/** Of the complete configuration: what a device advertises comes from all parts of it. */
export function checkAdvertised(config: NptdConfig, { report }: DraftContext): void {
  for (const device of config.internal) {
    const count = advertisedCount(config, device);
    if (count <= ADVERTISED_MAX) continue;
    const what = 'prefixes, routes and resolvers in router advertisements';
    report(['internal', device.name], { code: 'too-many', what, count, max: ADVERTISED_MAX });
  }
}
