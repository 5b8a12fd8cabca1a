/** Processor time of other processes, as the scheduler accounts for it. */
import { readdirSync, readFileSync } from 'node:fs';

/** Nanoseconds that the living threads of a process have run; 0 of one that has gone. */
export function cpuNsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .map((thread) => runtimeOf(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')))
      .reduce((sum, ns) => sum + ns, 0);
  } catch {
    return 0;
  }
}

/** The first word of `schedstat`: time on the processor, in nanoseconds. */
export function runtimeOf(schedstat: string): number {
  return Number(schedstat.split(' ', 1)[0]);
}

/** The kernel's threads for packets that nobody else had time for. They work for all namespaces. */
export function packetThreads(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isPacketThread(name))
    .map(Number);
}

function isPacketThread(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('ksoftirqd/');
  } catch {
    // It has ended meanwhile.
    return false;
  }
}
