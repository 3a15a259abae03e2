// `gatehouse backup`: a consistent copy of the store, while it is in use.

import { resolve } from "node:path";

import { backup } from "../doors/control/operations.ts";
import { defineCommand, GENERAL, JSON_OPTION, withOperations } from "./command.ts";
import { countWords, writeJson } from "./words.ts";

export const command = defineCommand({
  usage: "backup FILE",
  about: `Copies the store to FILE, which must not exist yet, readable by its owner only. A running
gateway writes it itself, so FILE must lie where the gateway may write.
The master key isn't in it: keep that somewhere else, since a backup is of no use without it.`,
  example: "backup /var/lib/gatehouse/monday.db",
  words: [1, 1],
  options: { ...JSON_OPTION, ...GENERAL },
  async run(input) {
    const { values, io } = input;
    const path = resolve(input.positionals[0] ?? "");
    const done = await withOperations(input, (operations) => operations.run(backup, { path }));
    if (values.json === true) writeJson(io.stdout, { path, ...done });
    else io.stdout.write(`${path}: ${countWords(done.bytes)} bytes.\n`);
    return 0;
  },
});
