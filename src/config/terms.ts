/** The words of which the shape of the file is made. Every key is optional in them; see `schema.ts`. */
import { z } from 'zod';
import { type DurationRange, parseDuration } from './duration.ts';
import type { Value } from './values.ts';

export const DAY_MS = 86_400_000;

/** A text value; `expected` completes "expected …, found …". */
export function text<T>(expected: string, parse: (text: string) => Value<T>, example: string) {
  return z
    .string({ error: expected })
    .meta({ description: expected, examples: [example] })
    .transform((input, context) => {
      const parsed = parse(input);
      if (parsed.ok) return parsed.value;
      context.addIssue({ code: 'custom', message: parsed.error });
      return z.NEVER;
    });
}

export function duration(minMs: number, example: string, maxMs = 7 * DAY_MS) {
  const range: DurationRange = { minMs, maxMs };
  return text(`a duration with a unit like ${example}`, (input) => parseDuration(input, range), example);
}

export function whole(min: number, max: number) {
  const expected = `a whole number from ${min} to ${max}`;
  return z
    .int({ error: expected })
    .min(min, { error: `must be ${expected}` })
    .max(max, { error: `must be ${expected}` });
}

export function choice<const T extends readonly [string, ...string[]]>(options: T) {
  return z.enum(options, { error: `one of ${options.join(', ')}` });
}

/** Wrong entries become undefined, so that the others keep their positions. */
export function list<T extends z.ZodType>(what: string, item: T) {
  return z.array(item.optional(), { error: `a list of ${what}` });
}

/** One value or a list of them. */
export function oneOrMore<T extends z.ZodType>(what: string, item: T) {
  return z.union([item, list(what, item)]);
}

export function map<S extends z.ZodRawShape>(
  description: string,
  shape: S,
  required: readonly (keyof S & string)[] = [],
) {
  const known = Object.keys(shape).join(', ');
  const object = z
    .strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? known : 'a map') })
    .partial();
  return object.meta(required.length === 0 ? { description } : { description, required });
}

/** Names that are numbers would lose their place in the file's order. */
export function named<T extends z.ZodType>(description: string, value: T) {
  const name = z.string().regex(/^(?!\d+$)[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, {
    error: 'a name has at most 32 letters, digits, "-" and "_", begins with a letter or digit, and is no number',
  });
  return z.record(name, value, { error: 'a map from names' }).meta({ description });
}
