// The kinds of value a key can have, as zod types whose messages say what to write instead.
// Invariant: a message may repeat what was written, so none of these is used for a secret's value.

import { z } from "zod";

import { durationText, DURATION, parseDuration } from "./duration.ts";
import { quote } from "./problem.ts";

const TEXT_CHARS_MAX = 1024;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export const text = z.string().min(1).max(TEXT_CHARS_MAX);
export const path = text.refine((value) => !value.includes("\0"), "contains a NUL character");
export const name = z
  .string()
  .regex(NAME, "must be 1 to 64 letters, digits, dots, dashes or underscores");

/** Text that `parse` understands; a string from it is the problem. */
export function parsed<T extends object>(parse: (text: string) => T | string) {
  return z.string().transform((value, context) => {
    const result = parse(value);
    if (typeof result !== "string") return result;
    context.issues.push({ code: "custom", message: `${quote(value)} ${result}`, input: value });
    return z.NEVER;
  });
}

/** Text that stays text, if `check` finds nothing wrong with it. */
export function checked(check: (text: string) => string | undefined) {
  return text.superRefine((value, context) => {
    const problem = check(value);
    if (problem !== undefined) context.addIssue(`${quote(value)} ${problem}`);
  });
}

/** A duration of `min` to `max`, both written as durations; `0` too where it means something. */
export function duration(range: { min: string; max: string; zero?: boolean }) {
  const min = parseDuration(range.min) ?? 0;
  const max = parseDuration(range.max) ?? 0;
  const zero = range.zero === true ? ", or 0" : "";
  const bounds = `${durationText(min)} to ${durationText(max)}${zero}`;
  const error = `must be a duration of ${bounds}, such as ${durationText(min)}`;
  return z
    .union([z.string().regex(DURATION, error), z.literal(0)], { error })
    .transform((value, context) => {
      const ms = parseDuration(String(value)) ?? -1;
      if ((ms >= min && ms <= max) || (ms === 0 && range.zero === true)) return ms;
      context.issues.push({ code: "custom", message: error, input: value });
      return z.NEVER;
    });
}

export function wholeNumber(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, error).max(max, error);
}

/** Where a secret is: in a file, in the environment, or here. Exactly one of the three. */
export const secret = z
  .strictObject(
    {
      file: path.optional().describe("File that holds it; readable by its owner only"),
      env: text.optional().describe("Name of the environment variable that holds it"),
      value: text.optional().describe("The value itself; better kept in a file"),
    },
    { error: "must be written as { file: … }, { env: … } or { value: … }" },
  )
  .refine((given) => Object.keys(given).length === 1, {
    error: "must have exactly one of file, env and value",
  })
  .meta({ minProperties: 1, maxProperties: 1 });

export type SecretLocation = z.infer<typeof secret>;
