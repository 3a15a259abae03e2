// A demand for a second factor in words: the days of one, what came of it or would come of it.

import {
  REQUIREMENT_DAYS_MAX,
  type RequireArguments,
  type RequireResult,
} from "../doors/control/operations.ts";
import { Failure } from "./failure.ts";
import { countWords, momentWords, table } from "./words.ts";

/** What stands behind --days. Throws Failure. */
export function readDays(text: string): number {
  const days = /^[0-9]{1,3}$/.test(text) ? Number(text) : 0;
  if (days >= 1 && days <= REQUIREMENT_DAYS_MAX) return days;
  throw new Failure(2, `--days is a number from 1 to ${REQUIREMENT_DAYS_MAX}`);
}

/** About one person. */
export function requirementSentence(args: RequireArguments, done: RequireResult): string {
  const { username: name = "", until, changed } = done;
  if (args.change === "remove") {
    if (changed === 0) return `Nothing was demanded of ${name}.\n`;
    return `Nothing ${args.dryRun ? "would be" : "is"} demanded of ${name} any more.\n`;
  }
  if (until === undefined) return `Nothing is demanded of ${name}: there is no period to extend.\n`;
  if (changed === 0) return `${name} has time until ${momentWords(until)} already.\n`;
  return `${name} ${args.dryRun ? "would have" : "has"} to enrol by ${momentWords(until)}.\n`;
}

const CHANGED = {
  require: ["have to enrol by", "would have to enrol by"],
  extend: ["have time until", "would have time until"],
  remove: ["need no factor any more", "would need no factor any more"],
} as const;
const UNCHANGED = {
  require: "have a period already, which stays",
  extend: "have no period to extend, or one that ends later",
  remove: "have no demand to take back, or one of their own, which stays",
} as const;

/** About many: a line for each thing that came of it, with how many people. */
export function requirementSummary(
  args: RequireArguments,
  done: RequireResult & { readonly problems: number },
): string {
  const [did, would] = CHANGED[args.change];
  const end = done.until === undefined ? "" : ` ${momentWords(done.until)}`;
  const all = [
    [done.changed, `${args.dryRun ? would : did}${end}`],
    [done.enrolled, "have a token: nothing changes for them"],
    [done.unchanged, UNCHANGED[args.change]],
    [done.exempt, "are service accounts: left alone"],
    [done.problems, "could not be found: see above"],
  ] as const;
  const lines = all.filter(([count], index) => index === 0 || count > 0);
  const digits = Math.max(...lines.map(([count]) => countWords(count).length));
  return table(lines.map(([count, words]) => [countWords(count).padStart(digits), words]));
}
