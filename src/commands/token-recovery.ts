// `gatehouse token recovery`: new recovery codes for somebody who has a token, shown once.

import { tokenRecovery } from "../doors/control/operations.ts";
import {
  defineCommand,
  DIRECTORY_OPTION,
  directoryOf,
  GENERAL,
  JSON_OPTION,
  withOperations,
} from "./command.ts";
import type { Output } from "./context.ts";
import { paint, plural, writeJson } from "./words.ts";

export const command = defineCommand({
  usage: "token recovery USER",
  about: `Makes new recovery codes for a person who has a token, and shows them once; the old ones are
void. Each replaces the app's code for one login, at every door.`,
  example: "token recovery alice",
  words: [1, 1],
  options: { ...DIRECTORY_OPTION, ...JSON_OPTION, ...GENERAL },
  async run(input) {
    const { values, io } = input;
    const [username = ""] = input.positionals;
    const done = await withOperations(input, (operations) =>
      operations.run(tokenRecovery, { username, ...directoryOf(values) }),
    );
    if (values.json === true) {
      writeJson(io.stdout, done);
      return 0;
    }
    const name = paint(io.stdout, "bold", done.username);
    io.stdout.write(`The recovery codes that ${name} had are void.\n`);
    writeRecoveryCodes(io.stdout, done.recoveryCodes);
    return 0;
  },
});

/** As they are to be written down. */
export function writeRecoveryCodes(stdout: Output, codes: readonly string[]): void {
  stdout.write(`\n${plural(codes.length, "recovery code")}, each for one login without the app:\n`);
  for (const code of codes) stdout.write(`  ${code}\n`);
  stdout.write("They aren't shown again. Keep them on paper, away from the phone.\n");
}
