/** Every packet that the site sends by an uplink, captured by tcpdump in the ISP's namespace and reduced to its source addresses. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Namespace } from '../../src/demo/network.ts';
import type { Background } from '../../src/demo/processes.ts';
import type { Isp } from '../../src/demo/site.ts';
import { ipPacketOf } from '../../src/pcap/link-layer.ts';
import { readPcap } from '../../src/pcap/read.ts';

const START_MS_MAX = 5000;
/** Link layer and IP header. */
const SNAPSHOT_OCTETS = 64;
/** The source of duplicate address detection. */
const UNSPECIFIED = '0'.repeat(32);
const BUFFER_KIB = 65_536;

/** Source addresses, with how many packets had each. */
export interface CapturedSources {
  readonly ipv4: ReadonlyMap<string, number>;
  /** Eight groups of four digits without colons. */
  readonly ipv6: ReadonlyMap<string, number>;
  /** What the kernel could not hand over. */
  readonly lost: number;
}

export class SourceCapture {
  readonly #program: Background;
  readonly #folder: string;

  private constructor(program: Background, folder: string) {
    this.#program = program;
    this.#folder = folder;
  }

  /** Begins with what comes in by a device. */
  static async start(namespace: Namespace, device: string): Promise<SourceCapture> {
    const folder = await mkdtemp(join(tmpdir(), 'nptd-capture-'));
    const sizes = ['-s', `${SNAPSHOT_OCTETS}`, '-B', `${BUFFER_KIB}`];
    const where = ['-i', device, '-Q', 'in', '-w', join(folder, 'packets'), '-Z', 'root'];
    const program = namespace.start(['tcpdump', '-n', ...sizes, ...where, 'ip or ip6']);
    await program.waitForLine((line) => line.includes('listening on'), START_MS_MAX);
    return new SourceCapture(program, folder);
  }

  async stop(): Promise<CapturedSources> {
    await this.#program.stop();
    const dropped = this.#program.lines.join('\n').match(/(\d+) packets? dropped by kernel/)?.[1];
    const read = readPcap(await readFile(join(this.#folder, 'packets')));
    await rm(this.#folder, { recursive: true });
    if (!read.ok) throw new Error(`the capture of tcpdump: ${read.error}`);
    const ipv4 = new Map<string, number>();
    const ipv6 = new Map<string, number>();
    for (const { octets } of read.value.packets) {
      const packet = ipPacketOf(read.value.linkType, octets);
      if (packet === undefined) continue;
      const isIpv6 = (packet[0] ?? 0) >> 4 === 6;
      const source = isIpv6 ? Buffer.from(packet.subarray(8, 24)).toString('hex') : packet.subarray(12, 16).join('.');
      const counts = isIpv6 ? ipv6 : ipv4;
      counts.set(source, (counts.get(source) ?? 0) + 1);
    }
    return { ipv4, ipv6, lost: Number(dropped ?? Number.NaN) };
  }
}

/** The sources that an ISP did not give to the site; link-local ones belong to neighbour discovery. */
export function foreignTo(isp: Isp, { ipv4, ipv6 }: CapturedSources): string[] {
  const prefix = (text: string) =>
    text
      .replace(/::.*$/, '')
      .split(':')
      .map((group) => group.padStart(4, '0'))
      .join('');
  const own = [prefix(isp.ipv6.prefix), prefix(isp.ipv6.space).padEnd(12, '0'), 'fe80', UNSPECIFIED];
  return [
    ...[...ipv4.keys()].filter((address) => address !== isp.ipv4.own),
    ...[...ipv6.keys()].filter((address) => !own.some((start) => address.startsWith(start))),
  ];
}
