// `gatehouse user unlock`: ends a person's locks and clears the failure counters.

import { userUnlock } from "../doors/control/operations.ts";
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
  usage: "user unlock USER",
  about: `Ends every lock of a person and clears the failure counters. A lock of the directory's own
stays: it is the directory's to end.`,
  example: "user unlock alice",
  words: [1, 1],
  options: { ...DIRECTORY_OPTION, ...JSON_OPTION, ...GENERAL },
  async run(input) {
    const { values, io } = input;
    const [username = ""] = input.positionals;
    const done = await withOperations(input, (operations) =>
      operations.run(userUnlock, { username, ...directoryOf(values) }),
    );
    const name = paint(io.stdout, "bold", done.username);
    if (values.json === true) writeJson(io.stdout, done);
    else if (done.outcome === "unlocked") io.stdout.write(`${name} is unlocked.\n`);
    else io.stdout.write(`${name} was not locked.\n`);
    return 0;
  },
});
