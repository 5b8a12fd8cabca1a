/** How each requirement stands, and the page that says so. */
import type { Catalogue, Citation, Remark, Remarks, Requirement, Section } from './compliance-catalogue.ts';

export type Status = 'met' | 'proven only' | 'code only' | 'excepted' | 'unfinished' | 'open';

export interface Standing {
  readonly requirement: Requirement;
  readonly status: Status;
  /** Paths that cite it, sorted, each once. */
  readonly decided: readonly string[];
  readonly proven: readonly string[];
  /** Of an exception, or what an unfinished one lacks. */
  readonly reason: string | undefined;
}

/** The reference obeys the requirements too, but it is not what forwards anybody's packets. */
const REFERENCE = 'src/reference/';

const NO_REMARKS: Remarks = { exceptions: [], exceptionsForNow: [], testDuties: [], unfinished: [] };

const remarkOn = (requirement: Requirement, remarks: readonly Remark[]): string | undefined =>
  remarks.find((remark) => remark.ids.some((id) => requirement.ids.includes(id)))?.reason;

/** The reason of an exception, of either kind. */
function exceptionOf(requirement: Requirement, { exceptions, exceptionsForNow }: Remarks): string | undefined {
  const forNow = remarkOn(requirement, exceptionsForNow);
  return forNow === undefined ? remarkOn(requirement, exceptions) : `for now, ${forNow}`;
}

function statusOf(isExcepted: boolean, isUnfinished: boolean, isDecided: boolean, isProven: boolean): Status {
  if (isExcepted) return 'excepted';
  if (isUnfinished) return 'unfinished';
  if (isDecided && isProven) return 'met';
  if (isProven) return 'proven only';
  return isDecided ? 'code only' : 'open';
}

export function standings(catalogue: Catalogue, remarks: Remarks, citations: readonly Citation[]): Standing[] {
  return catalogue.requirements.map((requirement) => {
    const own = citations.filter((citation) => requirement.ids.includes(citation.id));
    const paths = (kind: Citation['kind']): string[] =>
      [...new Set(own.filter((one) => one.kind === kind).map((one) => one.path))].toSorted();
    const [decided, proven] = [paths('code'), paths('proof')];
    const exception = exceptionOf(requirement, remarks);
    const missing = remarkOn(requirement, remarks.unfinished);
    const duty = remarkOn(requirement, remarks.testDuties);
    const isDecided = duty !== undefined || decided.some((path) => !path.startsWith(REFERENCE));
    const isProven = proven.length > 0;
    const status =
      duty !== undefined && !isProven
        ? 'open'
        : statusOf(exception !== undefined, missing !== undefined, isDecided, isProven);
    return { requirement, status, decided, proven, reason: exception ?? missing ?? duty };
  });
}

/** Everything that makes the page untrue, as sentences. */
export function problems(catalogue: Catalogue, remarks: Remarks, citations: readonly Citation[]): string[] {
  const known = new Set(catalogue.requirements.flatMap((requirement) => requirement.ids));
  const unknown = citations
    .filter(({ id }) => !known.has(id))
    .map(({ id, path, line }) => `${path}:${line}: no requirement is called ${id}`);
  const { exceptions, exceptionsForNow, testDuties, unfinished } = remarks;
  const remarked = [...exceptions, ...exceptionsForNow, ...testDuties, ...unfinished].flatMap(({ ids }) => ids);
  const stray = remarked.filter((id) => !known.has(id)).map((id) => `exceptions.json: no requirement is called ${id}`);
  const twice = remarked
    .filter((id, at) => remarked.indexOf(id) !== at)
    .map((id) => `exceptions.json: ${id} is there twice`);
  const met = standings(catalogue, NO_REMARKS, citations)
    .filter(({ requirement, status }) => status === 'met' && exceptionOf(requirement, remarks) !== undefined)
    .map(({ requirement }) => `exceptions.json: ${requirement.ids[0]} is excepted, but cited in code and in a test`);
  return [...unknown, ...stray, ...twice, ...met];
}

export type Strength = 'MUST' | 'SHOULD' | 'MAY' | 'info';

/** The strictest word of a level; what is left to policy or only described obliges nobody. */
export function strengthOf({ level }: Requirement): Strength {
  if (/MUST/.test(level)) return 'MUST';
  if (/SHOULD/.test(level)) return 'SHOULD';
  return /MAY/.test(level) ? 'MAY' : 'info';
}

/** The catalogue marks a whole section as optional in its title. */
const isOptional = (section: Section): boolean => /\(optional\)/.test(section.title);

const STATUSES = ['met', 'proven only', 'code only', 'unfinished', 'excepted', 'open'] as const;

function summary(catalogue: Catalogue, all: readonly Standing[]): string {
  const row = (name: string, some: readonly Standing[]): string => {
    const count = (strength: Strength) => some.filter((one) => strengthOf(one.requirement) === strength).length;
    const counts = STATUSES.map((status) => some.filter((one) => one.status === status).length);
    return `| ${[name, count('MUST'), count('SHOULD'), ...counts].join(' | ')} |`;
  };
  const counted = all.filter(isCounted(catalogue));
  const sections = catalogue.sections
    .filter((section) => !isOptional(section))
    .map((section) =>
      row(
        `${section.number} ${section.title}`,
        counted.filter((one) => one.requirement.section === section.number),
      ),
    );
  return [
    `| section | MUST | SHOULD | ${STATUSES.join(' | ')} |`,
    '|---|--:|--:|--:|--:|--:|--:|--:|--:|',
    ...sections,
    row('**all**', counted),
  ].join('\n');
}

/** Whether a row is one of the MUST and SHOULD that the summary counts. */
function isCounted(catalogue: Catalogue): (standing: Standing) => boolean {
  const optional = new Set(catalogue.sections.filter(isOptional).map((section) => section.number));
  return ({ requirement }) =>
    !optional.has(requirement.section) && ['MUST', 'SHOULD'].includes(strengthOf(requirement));
}

/** A link that reads as the end of the path. */
const link = (path: string): string =>
  `[${path.replace(/^native\/nptd-(core|io|napi)\/src\//, '').replace(/^test\/|^src\//, '')}](../${path})`;

const cell = (text: string): string => text.replaceAll('|', '\\|');

function details(section: Section, all: readonly Standing[]): string {
  const rows = all
    .filter(({ requirement }) => requirement.section === section.number)
    .map(({ requirement, status, decided, proven, reason }) => {
      const level = `${requirement.level}${requirement.derived ? '\\*' : ''}`;
      const where = [decided, proven].map((paths) => paths.map(link).join(', ') || '–');
      const state = reason === undefined ? status : `${status}: ${reason}`;
      return `| ${[requirement.ids.join(', '), level, requirement.text, ...where, state].map(cell).join(' | ')} |`;
    });
  return `## ${section.number} ${section.title}

| id | level | requirement | decided in | shown by | standing |
|---|---|---|---|---|---|
${rows.join('\n')}`;
}

/** The whole page, as Markdown. */
export function page(catalogue: Catalogue, remarks: Remarks, citations: readonly Citation[]): string {
  const all = standings(catalogue, remarks, citations);
  const counted = all.filter(isCounted(catalogue));
  const count = (status: Status): number => counted.filter((one) => one.status === status).length;
  const rest = counted.length - count('met') - count('excepted');
  return `# What the RFCs demand, and how it stands

Of ${counted.length} requirements with MUST or SHOULD, ${count('met')} are met, ${count('excepted')} are excepted with a reason, and
${rest} are not met yet: ${count('unfinished')} hold in part, ${count('code only')} are decided without a test that names them,
${count('proven only')} are tested without a line that decides them, and nothing at all says so of ${count('open')}.

This page is generated by \`test/house/compliance.test.ts\` (\`NPTD_UPDATE=1\` writes it anew) from the requirement ids that
stand in \`src\` and \`native\` (decided in) and in tests (shown by), from
\`fixtures/rfc/requirements.json\`, and from the remarks in \`fixtures/rfc/exceptions.json\`.

- **met**: cited in the code that decides it (the reference alone does not count) and in a test; the rest as the words say
- **unfinished**: holds in part only, with what is missing
- **excepted**: decided otherwise, with the reason; "for now" where a part of the product is not there
- duties of the tools of a test, as behaviour discovery has them, are met by a test that names them
- a star after a level: the rule or its level is a conclusion from an RFC or its neighbours, not the RFC's wording
- an id covers a whole row of the catalogue where it joins several requirements of an RFC
- MAY and descriptions are listed and not counted, and so are sections that the catalogue calls optional

## Summary

${summary(catalogue, all)}

${catalogue.sections.map((section) => details(section, all)).join('\n\n')}
`;
}
