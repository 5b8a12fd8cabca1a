/** The life of the daemon: a gateway and its control socket, from start to the signal that ends it. */

import { createNptd, type NptdOptions } from '../api/nptd.ts';
import type { NptdConfig } from '../config/config.ts';
import { claimControlSocket } from './control-socket.ts';
import type { Log } from './log.ts';
import { ConfigFile } from './reload.ts';
import { listenForReload } from './signals.ts';

export interface DaemonOptions {
  readonly config: NptdConfig;
  /** The file that it came from, and the data of that: what a reload reads, and compares with. Absent: none is possible. */
  readonly from?: { readonly file: string; readonly source: unknown };
  /** Path of the control socket. */
  readonly socket: string;
  readonly log: Log;
  /** Ends the daemon: its reason is written into the log. */
  readonly signal: AbortSignal;
  /** Called once devices are open, the first plan is in force and the control socket listens. */
  readonly onReady: (generation: number) => void;
  readonly openDataPlane?: NptdOptions['openDataPlane'];
}

/**
 * Runs a gateway until the signal, or until a worker of the data plane panics; resolves when all is taken down, with
 * whether it ended in good order. Rejects with an `NptdError` if it cannot start, after which nothing is left.
 */
export async function runDaemon(options: DaemonOptions): Promise<boolean> {
  const { config, log, signal, openDataPlane } = options;
  // First to be made and last to go: while one gateway has its devices no other one gets as far as making its own.
  await using socket = await claimControlSocket(options.socket);
  await using gateway = createNptd(config, { log, ...(openDataPlane === undefined ? {} : { openDataPlane }) });
  const panicked = new Promise<false>((resolve) => gateway.on('worker-panicked', () => resolve(false)));
  await gateway.start();
  const { from } = options;
  const file = from && new ConfigFile(from.file, from.source, gateway, log);
  socket.serve(gateway, file);
  const release = listenForReload(() => void file?.reloadOnSignal());
  using _reload = { [Symbol.dispose]: release };
  options.onReady(gateway.status().generation);
  const orderly = await Promise.race([aborted(signal), panicked]);
  const message = orderly ? `ending: ${String(signal.reason)}` : 'ending: the data plane does not work any more';
  log({ level: orderly ? 'info' : 'error', message, fields: { event: 'ending' } });
  return orderly;
}

function aborted(signal: AbortSignal): Promise<true> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(true);
    else signal.addEventListener('abort', () => resolve(true), { once: true });
  });
}
