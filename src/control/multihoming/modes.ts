/** What operators want of uplinks, when the configuration becomes another one. */
import type { NptdConfig } from '../../config/config.ts';
import { logOfForgottenMode, logOfModeChange } from '../narrate.ts';
import type { ModeChanged } from '../notice.ts';
import { type ControlState, type Effect, tell } from '../state.ts';
import type { UplinkModes } from './standing.ts';

export interface KeptModes {
  readonly modes: UplinkModes;
  readonly effects: readonly Effect[];
}

/** Those of uplinks that there are no more are forgotten; those that come from before a restart are told. */
export function keepModes({ site, modes, generation }: ControlState, config: NptdConfig, atMs: number): KeptModes {
  const wanted = [...modes].filter(([, mode]) => mode !== 'enabled');
  const kept = wanted.filter(([name]) => config.uplinks.some((uplink) => uplink.name === name));
  const forgotten = wanted.filter((entry) => !kept.includes(entry));
  const told = (site === undefined ? kept : []).flatMap(([uplink, mode]) => {
    const change = { type: 'operator', atMs, uplink, from: 'enabled', to: mode } as const;
    const notice: ModeChanged = { ...change, cause: 'as before the restart', generation: generation + 1 };
    return tell(notice, logOfModeChange(notice));
  });
  const dropped = forgotten.map(([uplink, mode]): Effect => ({ type: 'log', entry: logOfForgottenMode(uplink, mode) }));
  return { modes: new Map(kept), effects: [...told, ...dropped] };
}
