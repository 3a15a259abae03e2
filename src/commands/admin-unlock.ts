// `gatehouse admin unlock`: ends the ten minutes after five wrong attempts.

import { adminUnlock } from "../doors/control/operations.ts";
import { defineCommand, GENERAL, JSON_OPTION, withOperations } from "./command.ts";
import { paint, writeJson } from "./words.ts";

export const command = defineCommand({
  usage: "admin unlock EMAIL",
  about: "Ends an administrator's lock and clears the count of wrong attempts.",
  example: "admin unlock root@example.org",
  words: [1, 1],
  options: { ...JSON_OPTION, ...GENERAL },
  async run(input) {
    const { values, io } = input;
    const [username = ""] = input.positionals;
    const done = await withOperations(input, (operations) =>
      operations.run(adminUnlock, { username }),
    );
    const name = paint(io.stdout, "bold", done.username);
    if (values.json === true) writeJson(io.stdout, done);
    else if (done.outcome === "not-locked") io.stdout.write(`${name} was not locked.\n`);
    else io.stdout.write(`${name} is unlocked.\n`);
    return 0;
  },
});
