/** Streams over a border that a test plays. */
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { BindingStreamNews, BindingStreamTarget } from '../../../src/native/binding.js';
import type { UplinkStream } from '../../../src/native/data-plane.ts';
import { UplinkStreams } from '../../../src/native/uplink-streams.ts';

const TO = { slot: 1, family: 4, address: 0xc0000201, port: 80, ownPorts: { low: 61_504, high: 61_567 } } as const;

class FakeNative {
  readonly calls: string[] = [];
  news: BindingStreamNews[] = [];
  /** Octets that there is room for. */
  room = 100;
  written = '';
  stopped = false;

  openStream(target: BindingStreamTarget) {
    if (this.stopped) return { code: 'Stopped', message: 'the data plane was closed' } as const;
    this.calls.push(`open ${target.port}`);
    return 7;
  }
  writeStream(_id: number, octets: Uint8Array) {
    const taken = Math.min(this.room, octets.length);
    this.written += Buffer.from(octets.subarray(0, taken)).toString();
    this.room -= taken;
    return taken;
  }
  finishStream(id: number) {
    this.calls.push(`finish ${id}`);
  }
  abandonStream(id: number) {
    this.calls.push(`abandon ${id}`);
  }
  takeStreamNews() {
    return this.news.splice(0);
  }
}

function opened(): { native: FakeNative; streams: UplinkStreams; stream: UplinkStream; hear(news: object): void } {
  const native = new FakeNative();
  const streams = new UplinkStreams(native);
  const stream = streams.open(TO);
  return {
    native,
    streams,
    stream,
    hear: (news) => {
      native.news.push({ id: 7, ended: false, writable: false, ...news });
      streams.deliver();
    },
  };
}

describe('a stream', () => {
  it('carries both ways, and is given up when both have ended it', async () => {
    const { native, stream, hear } = opened();
    hear({ connectedUs: 1500 });
    expect(stream.rttUs).toBe(1500);
    stream.end('GET');
    hear({ octets: Buffer.from('20') });
    hear({ octets: Buffer.from('4'), ended: true });
    expect(Buffer.concat(await stream.toArray()).toString()).toBe('204');
    expect(native.written).toBe('GET');
    expect(native.calls).toEqual(['open 80', 'finish 7', 'abandon 7']);
  });

  it('waits for room', async () => {
    const { native, stream, hear } = opened();
    native.room = 2;
    const written = new Promise((resolve) => stream.write('GET /', resolve));
    stream.end();
    await new Promise(setImmediate);
    expect([native.written, native.calls]).toEqual(['GE', ['open 80']]);
    native.room = 1;
    hear({ writable: true });
    expect(native.written).toBe('GET');
    native.room = 100;
    hear({ writable: true });
    await written;
    await once(stream, 'finish');
    expect([native.written, native.calls]).toEqual(['GET /', ['open 80', 'finish 7']]);
    stream.destroy();
  });

  it('that fails is an error', async () => {
    const { native, stream, hear } = opened();
    const failed = once(stream, 'close').catch((error: unknown) => error);
    hear({ failed: 'the connection was refused' });
    expect(await failed).toEqual(new Error('the connection was refused'));
    expect(native.calls).toEqual(['open 80', 'abandon 7']);
    hear({ octets: Buffer.from('late') });
  });

  it('takes no more than its share', async () => {
    const { stream, hear } = opened();
    const failed = once(stream, 'close').catch((error: unknown) => error);
    hear({ octets: Buffer.alloc(256 << 10) });
    expect(stream.destroyed).toBe(false);
    hear({ octets: Buffer.alloc(1) });
    expect(await failed).toEqual(new Error('more than 262144 octets came'));
  });

  it('cannot be opened on a data plane that was closed, and ends with one', async () => {
    const { native, streams, stream } = opened();
    const closed = once(stream, 'close').catch((error: unknown) => error);
    streams.close();
    expect(await closed).toEqual(new Error('the data plane was closed'));
    native.stopped = true;
    const late = streams.open(TO);
    const failed = await once(late, 'close').catch((error: unknown) => error);
    expect(String(failed)).toContain('closed');
    expect(native.calls).toEqual(['open 80', 'abandon 7']);
  });
});
