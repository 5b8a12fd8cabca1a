import type { NptdConfig } from '../config/config.ts';
import { parseConfig } from '../config/parse.ts';
import { configInvalid } from './errors.ts';

/** The configuration, parsed if it is text. */
export function readConfig(config: NptdConfig | string, file = 'nptd.yaml'): NptdConfig {
  if (typeof config !== 'string') return config;
  const parsed = parseConfig(config, file);
  if (!parsed.ok) throw configInvalid(parsed.error);
  return parsed.value.config;
}
