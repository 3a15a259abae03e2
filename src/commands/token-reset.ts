// `gatehouse token reset`: takes a person's token away, for a lost or a suspected device.

import { tokenReset } from "../doors/control/operations.ts";
import {
  defineCommand,
  DIRECTORY_OPTION,
  directoryOf,
  GENERAL,
  JSON_OPTION,
  withOperations,
} from "./command.ts";
import { readDays } from "./requirement-words.ts";
import { momentWords, paint, writeJson } from "./words.ts";

export const command = defineCommand({
  usage: "token reset USER",
  about: `Removes a person's token, recovery codes, bypass code and suspension; open questions for a
code are void. Where a code is required the person can't log in until enrolled again, unless --days
gives time for it: until then the password alone is enough there.`,
  example: "token reset alice",
  words: [1, 1],
  options: {
    days: { type: "string", value: "N", help: "1 to 365 days to enrol again; none without" },
    ...DIRECTORY_OPTION,
    ...JSON_OPTION,
    ...GENERAL,
  },
  async run(input) {
    const { values, io } = input;
    const [username = ""] = input.positionals;
    const days = values.days === undefined ? {} : { days: readDays(values.days) };
    const done = await withOperations(input, (operations) =>
      operations.run(tokenReset, { username, ...days, ...directoryOf(values) }),
    );
    const name = paint(io.stdout, "bold", done.username);
    if (values.json === true) writeJson(io.stdout, done);
    else if (done.outcome === "no-token") io.stdout.write(`${name} had no token.\n`);
    else if (done.outcome === "bypass-revoked") {
      io.stdout.write(`${name} had no token; the bypass code is void now.\n`);
    } else if (done.until !== undefined) {
      const end = momentWords(done.until);
      io.stdout.write(`The token of ${name} is gone; there is time until ${end} to enrol again.\n`);
    } else
      io.stdout.write(`The token of ${name} is gone.\nnext: gatehouse token enroll ${username}\n`);
    return 0;
  },
});
