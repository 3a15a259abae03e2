// `gatehouse token list`: who has a token and how it is used. Never shows a secret.

import { tokenList } from "../doors/control/operations.ts";
import type { PersonView } from "../doors/control/views.ts";
import {
  defineCommand,
  DIRECTORY_OPTION,
  directoryOf,
  GENERAL,
  JSON_OPTION,
  withOperations,
} from "./command.ts";
import { plural, stateWords, table, writeJson } from "./words.ts";

export const command = defineCommand({
  usage: "token list",
  about: "Lists the people who have a token. With --json: one person a line.",
  example: "token list --directory corp",
  words: [0, 0],
  options: { ...DIRECTORY_OPTION, ...JSON_OPTION, ...GENERAL },
  async run(input) {
    const { values, io } = input;
    const people: PersonView[] = [];
    const result = await withOperations(input, (operations) =>
      operations.run(tokenList, directoryOf(values), {
        onItem(person) {
          if (values.json === true) writeJson(io.stdout, person);
          else people.push(person);
        },
      }),
    );
    if (values.json === true) return 0;
    if (people.length === 0) {
      io.stdout.write("Nobody has a token yet.\nnext: gatehouse token enroll USER\n");
      return 0;
    }
    const rows = people.map((person) => rowOf(person, io.clock.now()));
    io.stdout.write(table([["USER", "DIRECTORY", "TOKEN", "LAST USED", "STATE"], ...rows]));
    io.stdout.write(`${plural(result.people, "person", "people")}\n`);
    return 0;
  },
});

function rowOf(person: PersonView, nowMs: number): string[] {
  const { token } = person;
  const kind = token === undefined ? "" : tokenWords(token);
  const used = token?.lastUsedAt;
  return [
    person.username,
    person.directory,
    kind,
    used === undefined ? "never" : new Date(used).toISOString().slice(0, 10),
    stateWords(person, nowMs),
  ];
}

/** "SHA1, 6 digits, 30 s". */
export function tokenWords(token: NonNullable<PersonView["token"]>): string {
  return `${token.algorithm.toUpperCase()}, ${token.digits} digits, ${token.periodSeconds} s`;
}
