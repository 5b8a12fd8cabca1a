/** The part of the package `raw-socket` 1.8 that nptd uses; it brings no types of its own. */
declare module 'raw-socket' {
  import type { EventEmitter } from 'node:events';

  export interface SocketOptions {
    readonly addressFamily: number;
    readonly protocol: number;
    readonly bufferSize?: number;
  }

  export interface Socket extends EventEmitter {
    on(event: 'message', listener: (buffer: Buffer, source: string) => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
    on(event: 'close', listener: () => void): this;
    send(
      buffer: Buffer,
      offset: number,
      length: number,
      address: string,
      afterCallback: (error: Error | null, octets: number) => void,
    ): this;
    setOption(level: number, option: number, value: Buffer, length: number): void;
    close(): this;
  }

  const raw: {
    createSocket(options: SocketOptions): Socket;
    readonly AddressFamily: { readonly IPv4: number; readonly IPv6: number };
    readonly Protocol: { readonly ICMP: number; readonly ICMPv6: number };
    readonly SocketLevel: { readonly SOL_SOCKET: number };
    readonly SocketOption: { readonly SO_BINDTODEVICE: number };
  };
  export default raw;
}
