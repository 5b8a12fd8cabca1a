/** The status of a gateway as text. */
import type { FamilyStatus, Status, UplinkStatus } from '../api/status.ts';
import { countOf, renderFacts, renderTable } from './render.ts';

export function renderStatus(status: Status): string {
  const notes =
    renderReasons(status.uplinks) +
    renderExhausted(status) +
    renderConflicts(status) +
    status.notes.map((one) => `${one}\n`).join('');
  const parts = [renderUplinks(status), renderSelections(status), notes, renderTotals(status), renderCounters(status)];
  return parts.filter((part) => part !== '').join('\n');
}

/** `4.2 s`, `3 min 12 s`, `5 h 3 min`, `2 d 4 h` */
export function renderDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const units = [
    [86_400, 'd', 3600, 'h'],
    [3600, 'h', 60, 'min'],
    [60, 'min', 1, 's'],
  ] as const;
  const [size, unit, smaller, smallerUnit] = units.find(([size]) => seconds >= size) ?? units[2];
  return `${Math.floor(seconds / size)} ${unit} ${Math.floor((seconds % size) / smaller)} ${smallerUnit}`;
}

function renderUplinks(status: Status): string {
  const rows = status.uplinks.flatMap((uplink) =>
    families(uplink).map(([family, state]) => [
      uplink.name,
      uplink.device,
      `IPv${family}`,
      state.health,
      renderDuration(status.atMs - state.sinceMs),
      milliseconds(state.rttMs ?? state.lastRttMs),
      milliseconds(state.jitterMs),
      state.loss === undefined ? '-' : `${Math.round(state.loss * 100)} %`,
      takes(status, uplink, family, state),
      state.targets.join(', ') || '-',
    ]),
  );
  const titles = ['UPLINK', 'DEVICE', 'FAMILY', 'HEALTH', 'FOR', 'RTT', 'JITTER', 'LOSS', 'NEW TRAFFIC', 'TARGETS'];
  return renderTable(titles, rows);
}

function milliseconds(ms: number | undefined): string {
  return ms === undefined ? '-' : `${ms.toFixed(1)} ms`;
}

/** What new traffic the uplink takes, as far as one cell tells. */
function takes({ selections }: Status, { name, mode }: UplinkStatus, family: 4 | 6, state: FamilyStatus): string {
  const chosen = selections.filter(
    (selection) => selection.family === family && (selection.uplink === name || selection.uplinks.includes(name)),
  );
  if (chosen.length === 0) return mode !== 'enabled' ? mode : state.usable ? 'usable' : 'no';
  return chosen.map(({ policy, lastResort }) => (lastResort ? `${policy} (last resort)` : policy)).join(', ');
}

/** Which uplinks the flows of each policy take, and why. */
function renderSelections({ selections }: Status): string {
  const rows = selections.map(({ policy, family, uplink, uplinks, lastResort, reason }) => [
    policy,
    `IPv${family}`,
    uplinks.length > 1 ? uplinks.join(', ') : `${uplink ?? '-'}${lastResort ? ' (last resort)' : ''}`,
    reason,
  ]);
  return renderTable(['POLICY', 'FAMILY', 'TAKES', 'WHY'], rows);
}

/** Why what is not simply up is as it is. */
function renderReasons(uplinks: readonly UplinkStatus[]): string {
  const modes = uplinks.map(({ name, mode }) => (mode === 'enabled' ? '' : `${name}: ${mode} by an operator\n`));
  const reasons = uplinks.flatMap((uplink) =>
    families(uplink).flatMap(([family, state]) => {
      const own = { ...state, what: `${uplink.name} IPv${family}` };
      const others = state.policies.map((one) => ({ ...one, what: `${own.what} for ${one.policy}` }));
      return [own, ...others].map(({ what, health, reason }) =>
        reason === undefined || health === 'up' ? '' : `${what}: ${reason}\n`,
      );
    }),
  );
  return [...modes, ...reasons].join('');
}

function renderExhausted({ exhausted, atMs }: Status): string {
  return exhausted
    .map(({ reason, uplink, refused, lastMs }) => {
      const where = uplink === undefined ? '' : `${uplink}: `;
      return `${where}${reason}, ${countOf(refused, 'packet')} refused, the last ${renderDuration(atMs - lastMs)} ago\n`;
    })
    .join('');
}

function renderConflicts({ conflicts, atMs }: Status): string {
  return conflicts
    .map(({ address, device, mac, lastMs }) => {
      const heard = renderDuration(atMs - lastMs);
      return `${device}: another station (${mac}) has ${address}, which is the gateway's; heard ${heard} ago\n`;
    })
    .join('');
}

function renderTotals({ atMs, startedAtMs, generation, workers, counters }: Status): string {
  return renderFacts([
    ['plan', `${generation}`],
    ['running for', renderDuration(atMs - startedAtMs)],
    ...(workers === 1 ? [] : [['workers', `${workers}`] as const]),
    ['sessions', `${counters.sessions} on ${counters.mappings} mappings`],
    ['frames', `${counters.receivedFrames} received, ${counters.transmittedFrames} transmitted`],
  ]);
}

/** Verdicts are what became of the frames that came in, outputs are packets of the gateway's own. */
function renderCounters({ counters, uplinks }: Status): string {
  const nameOf = ({ slot }: { readonly slot?: number }) => uplinks.find((uplink) => uplink.slot === slot)?.name ?? '-';
  const rows = [
    ...counters.verdicts.map((row) => [row.direction, nameOf(row), row.verdict, `${row.count}`]),
    ...entries(counters.outputs).map(([kind, count]) => ['output', '-', kind, count]),
    ...entries(counters.suppressed).map(([kind, count]) => ['suppressed', '-', kind, count]),
  ];
  return rows.length === 0 ? '' : renderTable(['DIRECTION', 'UPLINK', 'VERDICT', 'COUNT'], rows);
}

function entries(counts: Readonly<Record<string, number>>): [string, string][] {
  return Object.entries(counts).map(([kind, count]) => [kind, `${count}`]);
}

function families({ ipv4, ipv6 }: UplinkStatus): [4 | 6, FamilyStatus][] {
  const found: [4 | 6, FamilyStatus][] = [];
  if (ipv4 !== undefined) found.push([4, ipv4]);
  if (ipv6 !== undefined) found.push([6, ipv6]);
  return found;
}
