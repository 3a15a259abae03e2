// `gatehouse user require`: demands a second factor, with some days to get one, of one person or of
// many; gives more days, or takes the demand back.

import { auditText } from "../core/audit.ts";
import type { Operations } from "../doors/control/client.ts";
import {
  REQUIRE_NAMES_MAX,
  userRequire,
  type RequireArguments,
  type RequireProblem,
  type RequireResult,
} from "../doors/control/operations.ts";
import {
  defineCommand,
  DIRECTORY_OPTION,
  directoryOf,
  GENERAL,
  JSON_OPTION,
  withOperations,
  type Input,
} from "./command.ts";
import { Failure } from "./failure.ts";
import { readNames } from "./name-file.ts";
import { showProgress, type Progress } from "./progress.ts";
import { readDays, requirementSentence, requirementSummary } from "./requirement-words.ts";
import { writeJson } from "./words.ts";

const OPTIONS = {
  days: { type: "string", value: "N", help: "1 to 365 days to enrol, default enrolment.period" },
  group: { type: "string", value: "DN", help: "of whoever is in this group" },
  file: { type: "string", value: "LIST", help: "of the people in this file, one name a line" },
  "all-without-token": { type: "boolean", help: "of everyone in the directory without a token" },
  extend: { type: "boolean", help: "move the end of periods that are under way or over" },
  remove: { type: "boolean", help: "take the demand back" },
  "dry-run": { type: "boolean", help: "say what would happen, change nothing" },
  ...DIRECTORY_OPTION,
  ...JSON_OPTION,
  ...GENERAL,
} as const;

export const command = defineCommand({
  usage: "user require USER|--group DN|--file LIST|--all-without-token",
  about: `Demands a second factor. Until the days are over the password alone is enough where the
client's mode allows it; after them people are refused until somebody extends the period or enrols
them. Of a group, a list or all, whoever is enrolled or has a period already is left alone; what was
demanded of a person by name outlives what is demanded of a group, and that of everyone.`,
  example: 'user require --group "cn=finance,ou=groups,dc=example,dc=org" --days 2 --dry-run',
  words: [0, 1],
  options: OPTIONS,
  async run(input) {
    const { values, io } = input;
    const args = argumentsOf(input);
    const progress = showProgress(io.stderr, io.clock, "people");
    const done = await withOperations(input, (operations) =>
      requireAll(input, operations, args, progress),
    ).finally(() => progress.end());
    if (values.json === true) writeJson(io.stdout, { ...done, dryRun: args.dryRun });
    else if (done.username === undefined) io.stdout.write(requirementSummary(args, done));
    else io.stdout.write(requirementSentence(args, done));
    return done.problems === 0 ? 0 : 1;
  },
});

type RequireInput = Input<typeof OPTIONS>;

function argumentsOf({ values, positionals }: RequireInput): RequireArguments {
  const { days, extend = false, remove = false } = values;
  if (extend && remove) throw new Failure(2, "--extend and --remove exclude each other");
  if (remove && days !== undefined) throw new Failure(2, "--days and --remove exclude each other");
  return {
    who: whoOf(values, positionals),
    change: extend ? "extend" : remove ? "remove" : "require",
    dryRun: values["dry-run"] === true,
    ...(days === undefined ? {} : { days: readDays(days) }),
    ...directoryOf(values),
  };
}

function whoOf(
  { group, file, "all-without-token": all }: RequireInput["values"],
  [username]: readonly string[],
): RequireArguments["who"] {
  const given: RequireArguments["who"][] = [];
  if (username !== undefined) given.push({ kind: "person", username });
  if (group !== undefined) given.push({ kind: "group", dn: group });
  if (file !== undefined) given.push({ kind: "names", usernames: [] });
  if (all === true) given.push({ kind: "everyone" });
  const [who, another] = given;
  if (who !== undefined && another === undefined) return who;
  throw new Failure(2, "name one person, or one of --group, --file and --all-without-token");
}

interface Total extends RequireResult {
  /** People of whom nothing could be demanded. */
  readonly problems: number;
}

const NOBODY: Total = {
  people: 0,
  changed: 0,
  unchanged: 0,
  enrolled: 0,
  exempt: 0,
  problems: 0,
};

const PROBLEMS = {
  "not-found": "nobody of this name is in the directory",
  ambiguous: "more than one person has this name",
  malformed: "not a user name",
  "identity-changed": "has another immutable id than before: see gatehouse user relink",
} as const;

async function requireAll(
  { values, io }: RequireInput,
  operations: Operations,
  args: RequireArguments,
  progress: Progress,
): Promise<Total> {
  const names = values.file === undefined ? [] : await readNames(io, values.file);
  let total = NOBODY;
  const ask = async (who: RequireArguments["who"]): Promise<void> => {
    const watch = {
      onProgress({ done }: { readonly done: number }) {
        const people = total.people + done;
        progress.update(people, names.length === 0 ? undefined : people / names.length);
      },
      onItem({ username, problem }: RequireProblem) {
        progress.end();
        io.stderr.write(`${auditText(username)}: ${PROBLEMS[problem]}\n`);
        problems += 1;
      },
    };
    let problems = 0;
    const done = await operations.run(userRequire, { ...args, who }, watch);
    total = sumOf(total, done, problems);
  };
  if (args.who.kind !== "names") await ask(args.who);
  for (let from = 0; from < names.length; from += REQUIRE_NAMES_MAX) {
    await ask({ kind: "names", usernames: names.slice(from, from + REQUIRE_NAMES_MAX) });
  }
  return total;
}

function sumOf(before: Total, done: RequireResult, problems: number): Total {
  return {
    ...before,
    ...done,
    people: before.people + done.people,
    changed: before.changed + done.changed,
    unchanged: before.unchanged + done.unchanged,
    enrolled: before.enrolled + done.enrolled,
    exempt: before.exempt + done.exempt,
    problems: before.problems + problems,
  };
}
