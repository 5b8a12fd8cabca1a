/** RFC 5382 REQ-5 and the edges of RFC 6146 section 3.5.2 by packets: alive a second before the limit, gone at it. */
import { expect } from 'vitest';
import { tcp } from '../../support/packet-builder.ts';
import { ISP_A, LAN, twoUplinks } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const SERVER = '192.0.2.10:80';
const OPENING = 240;
const CLOSING = 240;
const ESTABLISHED = 7440;

/** One connection of H1 by its port; what the server sends belongs to it. */
class Connection {
  readonly #bed: TranslatorBed;
  readonly #port: number;

  constructor(bed: TranslatorBed, port: number) {
    this.#bed = bed;
    this.#port = port;
  }

  get state(): string | undefined {
    return this.#bed.sessions().find(({ internal }) => internal === `10.0.0.11:${this.#port}`)?.tcpState;
  }

  out(flags: string): void {
    const fields = { sequence: 1001, acknowledgement: 5001, window: 1000 };
    const [internal, external] = [`10.0.0.11:${this.#port}`, `203.0.113.2:${this.#port}`];
    this.#bed.forwards(LAN, tcp(internal, SERVER, flags, fields), ISP_A, tcp(external, SERVER, flags, fields));
  }

  back(flags: string): void {
    const fields = { sequence: 5001, acknowledgement: 1001 };
    const [internal, external] = [`10.0.0.11:${this.#port}`, `203.0.113.2:${this.#port}`];
    this.#bed.forwards(ISP_A, tcp(SERVER, external, flags, fields), LAN, tcp(SERVER, internal, flags, fields));
  }

  /** Segments by the side they come from: `>` internal, `<` external, `.240` so many seconds of silence. */
  play(...steps: readonly string[]): this {
    for (const step of steps) {
      const rest = step.slice(1);
      if (step.startsWith('>')) this.out(rest);
      else if (step.startsWith('<')) this.back(rest);
      else this.#bed.wait(Number(rest));
    }
    return this;
  }

  /** Nothing of it is left. */
  isGone(): void {
    this.#bed.drops(ISP_A, tcp(SERVER, `203.0.113.2:${this.#port}`, 'ACK'), 'NoMapping');
  }
}

/** Both connections take the steps; a second before the limit one is alive by a packet, at the limit the other is gone. */
function ends(bed: TranslatorBed, steps: readonly string[], seconds: number, last: string): void {
  const [alive, gone] = [new Connection(bed, 6000), new Connection(bed, 6001)];
  for (const step of steps) {
    if (step.startsWith('.')) bed.wait(Number(step.slice(1)));
    else for (const one of [alive, gone]) one.play(step);
  }
  bed.wait(seconds - 1);
  alive.play(last);
  bed.wait(1);
  gone.isGone();
}

const HANDSHAKE = ['>SYN', '<SYN,ACK', '>ACK'] as const;
const CLOSED = [...HANDSHAKE, '>FIN,ACK', '<FIN,ACK', '>ACK'] as const;

const EDGES: readonly {
  readonly id: string;
  readonly steps: readonly string[];
  readonly seconds: number;
  /** What passes a second before the end. */
  readonly last: string;
}[] = [
  { id: '5382-R5, 6146-T2', steps: ['>SYN'], seconds: OPENING, last: '<SYN,ACK' },
  { id: '6146-T2', steps: ['>SYN', '.200', '>SYN'], seconds: OPENING, last: '<SYN,ACK' },
  { id: '6146-T2', steps: ['>SYN', '.100', '>ACK'], seconds: OPENING - 100, last: '<SYN,ACK' },
  { id: '6146-T2', steps: ['>SYN', '.100', '<ACK'], seconds: OPENING - 100, last: '<SYN,ACK' },
  { id: '5382-R5, 6146-T3', steps: ['>SYN', '<SYN,ACK'], seconds: ESTABLISHED, last: '>ACK' },
  { id: '5382-R5, 6146-T3', steps: HANDSHAKE, seconds: ESTABLISHED, last: '<ACK' },
  { id: '5382-R2a, 6146-T3', steps: ['>SYN', '<SYN'], seconds: ESTABLISHED, last: '>SYN,ACK' },
  { id: '6146-T3', steps: [...HANDSHAKE, '.7000', '>PSH,ACK'], seconds: ESTABLISHED, last: '<ACK' },
  { id: '6146-T3', steps: [...HANDSHAKE, '.7000', '<PSH,ACK'], seconds: ESTABLISHED, last: '>ACK' },
  { id: '6146-T4', steps: [...HANDSHAKE, '>FIN,ACK'], seconds: ESTABLISHED, last: '<PSH,ACK' },
  { id: '6146-T4', steps: [...HANDSHAKE, '<FIN,ACK'], seconds: ESTABLISHED, last: '>PSH,ACK' },
  { id: '6146-T4', steps: [...HANDSHAKE, '>FIN,ACK', '.1800', '<PSH,ACK'], seconds: ESTABLISHED, last: '<PSH,ACK' },
  { id: '5382-R5, 6146-T5, 2663-2.6', steps: CLOSED, seconds: CLOSING, last: '<FIN,ACK' },
  { id: '6146-T5', steps: [...HANDSHAKE, '<FIN,ACK', '>FIN,ACK'], seconds: CLOSING, last: '<ACK' },
  { id: '6146-T5', steps: [...CLOSED, '.230', '<PSH,ACK', '>ACK', '<FIN,ACK'], seconds: CLOSING - 230, last: '>ACK' },
  { id: '6146-T2', steps: [...CLOSED, '.100', '>SYN'], seconds: OPENING, last: '<SYN,ACK' },
  { id: '6146-T2', steps: [...CLOSED, '.100', '<SYN'], seconds: OPENING, last: '>SYN,ACK' },
  { id: '6146-T5', steps: [...CLOSED, '.100', '>SYN,ACK', '<RST', '>RST'], seconds: CLOSING - 100, last: '<FIN,ACK' },
  { id: '6146-T6, 2663-2.6', steps: [...HANDSHAKE, '<RST'], seconds: CLOSING, last: '>ACK' },
  { id: '6146-T6', steps: [...HANDSHAKE, '>RST'], seconds: CLOSING, last: '<ACK' },
  { id: '6146-T6', steps: ['>SYN', '<RST,ACK'], seconds: CLOSING, last: '>SYN' },
  { id: '6146-T6', steps: [...HANDSHAKE, '>FIN,ACK', '<RST'], seconds: CLOSING, last: '>ACK' },
  { id: '6146-T6', steps: [...HANDSHAKE, '<RST', '.100', '>RST', '<RST'], seconds: CLOSING - 100, last: '>ACK' },
  { id: '6146-T7', steps: [...HANDSHAKE, '<RST', '.100', '>PSH,ACK'], seconds: ESTABLISHED, last: '<ACK' },
  { id: '6146-T7', steps: [...HANDSHAKE, '>RST', '.100', '<PSH,ACK'], seconds: ESTABLISHED, last: '>ACK' },
];

export const tcpLifetimeCases: readonly Case[] = [
  ...EDGES.map(
    ({ id, steps, seconds, last }): Case => ({
      name: `${id} after ${steps.join(' ')} the connection is alive at ${seconds - 1} s and gone at ${seconds} s`,
      run: (bed) => ends(bed, steps, seconds, last),
    }),
  ),
  {
    name: '6146-T2 a SYN at 0 and at 200 s: its answer at 430 s passes',
    run: (bed) => {
      new Connection(bed, 6000).play('>SYN', '.200', '>SYN', '.230', '<SYN,ACK', '>ACK');
    },
  },
  {
    name: '6146-T6, 6146-T7 after a reset the host goes on at 100 s, and after an hour of silence data still passes',
    run: (bed) => {
      const connection = new Connection(bed, 6000).play(...HANDSHAKE, '<RST');
      expect(connection.state).toBe('TRANS');
      connection.play('.100', '>PSH,ACK');
      expect(connection.state).toBe('ESTABLISHED');
      connection.play('.3600', '<PSH,ACK');
    },
  },
  {
    name: '6146-T5 at the end of a closed connection its port is free after its rest',
    run: (bed) => {
      new Connection(bed, 6000).play(...CLOSED, '.240').isGone();
      bed.wait(120);
      bed.forwards(LAN, tcp('10.0.0.12:6000', SERVER, 'SYN'), ISP_A, tcp('203.0.113.2:6000', SERVER, 'SYN'));
    },
  },
  ...[
    { opening: 30, closing: 240 },
    { opening: 240, closing: 30 },
  ].map(
    ({ opening, closing }): Case => ({
      name: `7857-S2.1, 5382-R5a ${opening} s to open and ${closing} s to close are two settings`,
      plan: twoUplinks({ nat44: { tcpOpeningMs: opening * 1000, tcpClosingMs: closing * 1000 } }),
      run: (bed) => {
        ends(bed, ['>SYN'], opening, '<SYN,ACK');
        bed.restart();
        ends(bed, CLOSED, closing, '<FIN,ACK');
        bed.restart();
        ends(bed, [...HANDSHAKE, '<RST'], closing, '>ACK');
      },
    }),
  ),
  {
    name: '7857-S7.1 resets that refuse connections from outside prolong nothing',
    plan: twoUplinks({ nat44: { filteringTcp: 'endpoint-independent' } }),
    run: (bed) => {
      const [caller, external, internal] = ['192.0.2.20:9000', '203.0.113.2:6000', '10.0.0.11:6000'];
      bed.send(LAN, tcp(internal, SERVER, 'SYN'));
      bed.forwards(ISP_A, tcp(caller, external, 'SYN'), LAN, tcp(caller, internal, 'SYN'));
      for (const seconds of [60, 60, 60, 59]) {
        bed.wait(seconds);
        bed.forwards(LAN, tcp(internal, caller, 'RST,ACK'), ISP_A, tcp(external, caller, 'RST,ACK'));
      }
      expect(bed.sessions().map(({ expiresInMs }) => expiresInMs)).toEqual([1000, 1000]);
      bed.wait(1);
      expect(bed.mappings()).toEqual([]);
    },
  },
];
