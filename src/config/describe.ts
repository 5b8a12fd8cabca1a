import { assertNever } from '../result.ts';
import { formatDuration } from './duration.ts';
import type { ConfigPath, NetworkProblem, OtherPrefix, Problem, WarningProblem } from './issue.ts';

/** One sentence that says where in the file's structure what is wrong, and what to do where that is not plain. */
export function describeProblem(problem: Problem, path: ConfigPath): string {
  // The sentence names the key itself, so the place is the map around it.
  const shown = problem.code === 'unknown-key' ? path.slice(0, -1) : path;
  const place = shown.length === 0 ? '' : `${pathText(shown)}: `;
  return `${place}${sentenceOf(problem)}`;
}

/** `uplinks.fiber.probe.targets[1]` */
export function pathText(path: ConfigPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

function sentenceOf(problem: Problem): string {
  switch (problem.code) {
    case 'yaml-syntax':
      return `not valid YAML: ${problem.reason}`;
    case 'unreadable-file':
      return `cannot be read: ${problem.reason}`;
    case 'duplicate-key':
      return `key "${problem.key}" appears a second time`;
    case 'unknown-key':
      return `unknown key "${problem.key}", ${suggestion(problem.nearest, `known here: ${problem.known.join(', ')}`)}`;
    case 'missing-key':
      return `key "${problem.key}" is missing${problem.hint === undefined ? '' : ` (${problem.hint})`}`;
    case 'wrong-type':
      return `expected ${problem.expected}, found ${problem.found}`;
    case 'bad-value':
    case 'bad-name':
      return problem.reason;
    case 'duplicate-name':
      return `the name "${problem.name}" is used already by ${pathText(problem.other)}`;
    case 'duplicate-device':
      return `device ${problem.device} is used already by ${pathText(problem.other)}`;
    case 'second-kind':
      return `a device is reached in one way: ${problem.other} is given already`;
    case 'duplicate-entry':
      return `${problem.entry} is listed a second time`;
    case 'too-many':
      return `${problem.count} ${problem.what}, at most ${problem.max} are supported`;
    case 'no-internal-device':
      return 'there is no internal device: name at least one below "internal"';
    case 'no-uplinks':
      return 'there is no uplink: name at least one below "uplinks"';
    default:
      return networkSentence(problem);
  }
}

function networkSentence(problem: NetworkProblem | WarningProblem): string {
  switch (problem.code) {
    case 'overlapping-internal-prefixes':
      return `internal prefix ${problem.prefix} overlaps ${otherText(problem.other)}`;
    case 'mtu-too-small':
      return `an MTU of ${problem.mtu} is too small for IPv6, which needs ${problem.minimum}`;
    case 'not-on-link':
      return `the ${problem.what} ${problem.address} is not on the link ${problem.link}`;
    case 'own-address':
      return `the ${problem.what} ${problem.address} is the gateway's own address on this link`;
    case 'family-mismatch':
      return `${problem.address} cannot be the next hop of ${problem.prefix}: the families differ`;
    case 'untranslatable-prefix':
      return `${problem.prefix} cannot be translated by NPTv6: ${problem.reason}`;
    case 'pair-without-internal':
      return `${problem.prefix} has no internal prefix to pair with: add "site: { ula: ... }", or "internal" beside it`;
    case 'ambiguous-pair':
      return `ambiguous prefix pair: ${problem.side} prefix ${problem.prefix} overlaps ${otherText(problem.other)}`;
    case 'reserved-subnet':
      return `subnet ffff of ${problem.prefix} has no external form on uplink "${problem.uplink}" (RFC 6296 section 4.2): use another subnet number`;
    case 'unmappable-subnet':
      return `${problem.prefix} has no external form on uplink "${problem.uplink}": ${problem.external} has fewer subnets than ${problem.internal}, so the bits between the two lengths must be zero (RFC 6296 section 3.7)`;
    case 'uplink-without-address':
      return `uplink "${problem.uplink}" has neither ipv4 nor ipv6`;
    case 'unknown-uplink':
      return `there is no uplink "${problem.name}"${problem.nearest === undefined ? '' : `, ${suggestion(problem.nearest, '')}`}`;
    case 'target-family':
      return `target ${problem.target} is IPv${problem.family}, but uplink "${problem.uplink}" has no ipv${problem.family}`;
    case 'published-twice':
      return `uplink "${problem.uplink}" cannot tell it from ${pathText(problem.other)}: they share an external or an internal endpoint`;
    case 'quorum-too-large':
      return `a quorum of ${problem.quorum} cannot be met by ${problem.targets} IPv${problem.family} target${problem.targets === 1 ? '' : 's'}`;
    case 'timer-below-minimum':
      return `${formatDuration(problem.ms)} is below the minimum of ${formatDuration(problem.minimumMs)} (${problem.id})`;
    case 'single-probe-target':
      return `uplink "${problem.uplink}" has a single IPv${problem.family} target: if that fails, the uplink counts as down`;
    case 'no-probe-target':
      return `uplink "${problem.uplink}" has no IPv${problem.family} target: its IPv${problem.family} is never seen to fail`;
    case 'prefix-not-covered':
      return `${problem.prefix} is covered by no prefix pair of uplink "${problem.uplink}": its hosts have no IPv6 there`;
    case 'unused-uplink':
      return `no policy prefers uplink "${problem.uplink}": it carries no new traffic`;
    case 'rest-without-state':
      return `with endpoint-independent filtering of ${problem.protocol.toUpperCase()} a freed port should rest across a restart too (6888-R8): give state.file`;
    default:
      return assertNever(problem);
  }
}

function suggestion(nearest: string | undefined, otherwise: string): string {
  return nearest === undefined ? otherwise : `did you mean "${nearest}"?`;
}

function otherText(other: OtherPrefix): string {
  return `${other.prefix} of ${pathText(other.path)}`;
}
