// `gatehouse user show`: everything the help desk needs to know about one person.

import { userShow } from "../doors/control/operations.ts";
import type { PersonView } from "../doors/control/views.ts";
import {
  defineCommand,
  DIRECTORY_OPTION,
  directoryOf,
  GENERAL,
  JSON_OPTION,
  withOperations,
} from "./command.ts";
import {
  countWords,
  durationWords,
  momentWords,
  paint,
  plural,
  stateWords,
  table,
  writeJson,
} from "./words.ts";
import { tokenWords } from "./token-list.ts";

export const command = defineCommand({
  usage: "user show USER",
  about: "Shows a person's state: token, locks, failures, time left to enrol.",
  example: "user show alice",
  words: [1, 1],
  options: { ...DIRECTORY_OPTION, ...JSON_OPTION, ...GENERAL },
  async run(input) {
    const { values, io } = input;
    const [username = ""] = input.positionals;
    const person = await withOperations(input, (operations) =>
      operations.run(userShow, { username, ...directoryOf(values) }),
    );
    const now = io.clock.now();
    if (values.json === true) {
      writeJson(io.stdout, { ...person, state: stateWords(person, now) });
      return 0;
    }
    io.stdout.write(`${paint(io.stdout, "bold", person.username)}\n`);
    io.stdout.write(`${stateWords(person, now)}\n\n${table(factsOf(person, now))}`);
    return 0;
  },
});

const DEMANDED = {
  person: "demanded by name",
  group: "demanded of a group",
  everyone: "demanded of everyone",
} as const;

function factsOf(person: PersonView, nowMs: number): string[][] {
  const { token, requirementUntil, requirementOf, lockedUntil, bypassUntil, id } = person;
  const facts = [["directory", id === undefined ? person.directory : `${person.directory}, ${id}`]];
  if (token !== undefined) {
    const used = token.lastUsedAt;
    facts.push(["token", tokenWords(token)], ["enrolled", momentWords(token.enrolledAt)]);
    facts.push([
      "last used",
      used === undefined ? "never" : `${durationWords(nowMs - used)} ago, ${momentWords(used)}`,
    ]);
    facts.push(["recovery codes", `${countWords(person.recoveryCodesLeft)} left`]);
  }
  const { passwordFailures, codeFailures } = person;
  facts.push([
    "failures",
    `${plural(passwordFailures, "password")}, ${plural(codeFailures, "code")}`,
  ]);
  if (requirementUntil !== undefined && requirementOf !== undefined) {
    facts.push(["to enrol by", `${momentWords(requirementUntil)}, ${DEMANDED[requirementOf]}`]);
  }
  if (typeof lockedUntil === "number") facts.push(["locked until", momentWords(lockedUntil)]);
  if (bypassUntil !== undefined) facts.push(["bypass until", momentWords(bypassUntil)]);
  return facts;
}
