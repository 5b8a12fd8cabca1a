/** What goes over the control socket: one JSON object a line, one answer per request, in order. */
import { z } from 'zod';
import type { History } from '../api/operations-record.ts';
import type { Status } from '../api/status.ts';
import type { Why } from '../api/why.ts';
import { UPLINK_MODES } from '../control/multihoming/standing.ts';
import { ASSUMED_STATES, type SimulatedPolicy } from '../control/simulate.ts';
import type { MappingRow, SessionRow } from '../reference/translator.ts';
import { err, ok, type Result } from '../result.ts';
import type { PlannedChange } from './reload.ts';

export { ASSUMED_STATES };

/** Most rows in one answer, some 20 MB. */
export const ROWS_MAX = 100_000;
/** Longest request; no request comes near it. */
export const REQUEST_OCTETS_MAX = 4096;

const limit = z.int().min(0).max(ROWS_MAX).default(1000);

const requestSchema = z.discriminatedUnion('request', [
  z.strictObject({ request: z.literal('process') }),
  z.strictObject({ request: z.literal('status') }),
  z.strictObject({ request: z.literal('sessions'), limit }),
  z.strictObject({ request: z.literal('mappings'), limit }),
  z.strictObject({ request: z.literal('passed') }),
  /** Without `file` the gateway's own. */
  z.strictObject({ request: z.literal('plan'), file: z.string().startsWith('/').optional() }),
  z.strictObject({ request: z.literal('reload') }),
  z.strictObject({
    request: z.literal('why'),
    protocol: z.string(),
    internal: z.string(),
    remote: z.string(),
    dscp: z.int().min(0).max(63).default(0),
  }),
  z.strictObject({
    request: z.literal('uplink'),
    name: z.string(),
    mode: z.enum(UPLINK_MODES),
  }),
  z.strictObject({
    request: z.literal('simulate'),
    assume: z.array(
      z.strictObject({
        uplink: z.string(),
        family: z.literal([4, 6]).optional(),
        state: z.enum(ASSUMED_STATES),
      }),
    ),
  }),
  /** Entries from a time on (wall clock in milliseconds), the newest `limit` of them; availability of all the time since. */
  z.strictObject({ request: z.literal('history'), sinceMs: z.number().default(0), limit }),
]);

/** A request as a client writes it. */
export type ControlRequest = z.input<typeof requestSchema>;
/** A request with its defaults. */
export type ParsedRequest = z.output<typeof requestSchema>;

export interface ControlResults {
  /** Who holds the socket; answered also while the gateway starts or ends. */
  readonly process: { readonly pid: number };
  readonly status: Status;
  readonly sessions: readonly SessionRow[];
  readonly mappings: readonly MappingRow[];
  /** Takes them: the next answer has only newer ones. Octets are hexadecimal. */
  readonly passed: readonly { readonly device: number; readonly octets: string }[];
  readonly plan: PlannedChange;
  readonly reload: PlannedChange;
  /** The gateway after it. */
  readonly uplink: Status;
  readonly why: Why;
  readonly simulate: readonly SimulatedPolicy[];
  readonly history: History;
}

export type ControlResult = ControlResults[keyof ControlResults];

export type ControlResponse<T = ControlResult> =
  | { readonly ok: true; readonly result: T }
  | { readonly ok: false; readonly error: { readonly code: string; readonly message: string } };

/** Reads one line. The error is a sentence without a full stop. */
export function parseRequest(line: string): Result<ParsedRequest, string> {
  let data: unknown;
  try {
    data = JSON.parse(line);
  } catch {
    return err('a request is one line of JSON');
  }
  const parsed = requestSchema.safeParse(data);
  return parsed.success ? ok(parsed.data) : err(z.prettifyError(parsed.error).replaceAll(/\s*\n\s*/g, '; '));
}
