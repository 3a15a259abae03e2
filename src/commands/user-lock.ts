// `gatehouse user lock`: no new login for a person until someone unlocks.

import { userLock } from "../doors/control/operations.ts";
import {
  defineCommand,
  DIRECTORY_OPTION,
  directoryOf,
  GENERAL,
  JSON_OPTION,
  withOperations,
} from "./command.ts";
import { paint, writeJson } from "./words.ts";

export const command = defineCommand({
  usage: "user lock USER",
  about: "Refuses every new login of a person until someone unlocks. The directory isn't changed.",
  example: "user lock alice",
  words: [1, 1],
  options: { ...DIRECTORY_OPTION, ...JSON_OPTION, ...GENERAL },
  async run(input) {
    const { values, io } = input;
    const [username = ""] = input.positionals;
    const done = await withOperations(input, (operations) =>
      operations.run(userLock, { username, ...directoryOf(values) }),
    );
    if (values.json === true) writeJson(io.stdout, done);
    else {
      const name = paint(io.stdout, "bold", done.username);
      io.stdout.write(`${name} is locked.\nundo: gatehouse user unlock ${username}\n`);
    }
    return 0;
  },
});
