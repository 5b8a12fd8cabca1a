/** What the addon does to the life of its process. The children run the addon's own loader, since Node runs no TypeScript. */
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Namespace, whyNoDevices } from './namespace.ts';

// Making and removing devices waits for the kernel, and other tests run at the same time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const obstacle = whyNoDevices();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);

const LOADER = new URL('../../../src/native/binding.js', import.meta.url).href;

/** Opens a data plane as `plane` in a device `t0` of a namespace. */
const opening = (netns: string) => `
  import { BindingDataPlane } from '${LOADER}';
  const key = new Uint8Array(16);
  const capacities = { mappingsMax: 100, sessionsMax: 100, hostsMax: 100, neighboursMax: 10 };
  const device = { kind: 'tap', name: 't0', netns: '${netns}', mtu: 1500 };
  const plane = await BindingDataPlane.open({ devices: [device], secret: key, hashKey: key, ...capacities });
  if (!(plane instanceof BindingDataPlane)) throw new Error(JSON.stringify(plane));
`;

/** Runs a module in a process of its own, which must end by itself. */
function node(source: string): { status: number | null; signal: string | null; stdout: string; stderr: string } {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, signal, stdout, stderr };
}

const CLEAN = { status: 0, signal: null, stdout: 'end\n', stderr: '' };

describe.skipIf(obstacle !== undefined)('a process', () => {
  let namespace: Namespace;

  beforeEach(() => {
    namespace = new Namespace();
  });

  afterEach(() => {
    namespace[Symbol.dispose]();
  });

  it('ends by itself after close, listeners or not', () => {
    const source = `${opening(namespace.name)} plane.onEvents(() => {}); await plane.close(); console.log('end');`;
    expect(node(source)).toEqual(CLEAN);
    expect(namespace.interfaces()).toEqual([]);
  });

  it('ends by itself without close, and its devices with it', () => {
    expect(node(`${opening(namespace.name)} plane.onEvents(() => {}); console.log('end');`)).toEqual(CLEAN);
    expect(namespace.interfaces()).toEqual([]);
  });

  it('ends by process.exit while the data plane is at work', () => {
    expect(node(`${opening(namespace.name)} console.log('end'); plane.sessions(1); process.exit();`)).toEqual(CLEAN);
    expect(namespace.interfaces()).toEqual([]);
  });

  it('opens and closes a data plane in a worker thread, and another one in the next', () => {
    const inner = `${opening(namespace.name)} await plane.close();`;
    const source = `
      import { Worker } from 'node:worker_threads';
      const url = new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(inner)}));
      for (const _ of [1, 2]) {
        const worker = new Worker(url);
        const code = await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
        if (code !== 0) throw new Error('exit code ' + code);
      }
      console.log('end');
    `;
    expect(node(source)).toEqual(CLEAN);
    expect(namespace.interfaces()).toEqual([]);
  });

  it('survives the end of a worker thread that has not closed its data plane', () => {
    const inner = `${opening(namespace.name)} plane.onEvents(() => {}); setInterval(() => {}, 1000); postMessage('open');`;
    const source = `
      import { Worker } from 'node:worker_threads';
      const code = "import { parentPort } from 'node:worker_threads'; const postMessage = (m) => parentPort.postMessage(m);";
      const url = new URL('data:text/javascript,' + encodeURIComponent(code + ${JSON.stringify(inner)}));
      const worker = new Worker(url);
      await new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject));
      await worker.terminate();
      console.log('end');
    `;
    expect(node(source)).toEqual(CLEAN);
    expect(namespace.interfaces()).toEqual([]);
  });
});
