// `gatehouse admin suspend`: an administrator's sessions and API keys end at once, and no login begins.

import { adminSuspend } from "../doors/control/operations.ts";
import { defineCommand, GENERAL, JSON_OPTION, withOperations } from "./command.ts";
import { paint, writeJson } from "./words.ts";

export const command = defineCommand({
  usage: "admin suspend EMAIL",
  about: "Suspends an administrator: sessions and API keys end at once. --off lifts it.",
  example: "admin suspend former@example.org",
  words: [1, 1],
  options: {
    off: { type: "boolean", help: "lift the suspension" },
    ...JSON_OPTION,
    ...GENERAL,
  },
  async run(input) {
    const { values, io } = input;
    const [username = ""] = input.positionals;
    const suspended = values.off !== true;
    const done = await withOperations(input, (operations) =>
      operations.run(adminSuspend, { username, suspended }),
    );
    const name = paint(io.stdout, "bold", done.username);
    if (values.json === true) writeJson(io.stdout, done);
    else if (!suspended) io.stdout.write(`${name} may log in again.\n`);
    else {
      const undo = `gatehouse admin suspend ${username} --off`;
      io.stdout.write(`${name} is suspended.\nundo: ${undo}\n`);
    }
    return 0;
  },
});
