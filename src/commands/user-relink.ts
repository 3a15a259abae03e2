// `gatehouse user relink`: after people were re-imported into the directory, gives what is stored
// under a name to the person who carries it now.

import { userRelink } from "../doors/control/operations.ts";
import {
  defineCommand,
  DIRECTORY_OPTION,
  directoryOf,
  GENERAL,
  JSON_OPTION,
  withOperations,
} from "./command.ts";
import { Failure } from "./failure.ts";
import { showProgress } from "./progress.ts";
import { plural, table, writeJson } from "./words.ts";

const WORDS = {
  relinked: "relinked",
  "would-relink": "would be relinked",
  "not-found": "not in the directory any more",
  ambiguous: "more than one person has this name",
} as const;

export const command = defineCommand({
  usage: "user relink USER|--all",
  about: `Gives a person's token, locks and demands to the directory entry that has the name now.
Only after a re-import: otherwise another immutable id is another person. Try --dry-run first.`,
  example: "user relink --all --dry-run",
  words: [0, 1],
  options: {
    all: { type: "boolean", help: "everyone the store knows in the directory" },
    "dry-run": { type: "boolean", help: "say what would be done" },
    ...DIRECTORY_OPTION,
    ...JSON_OPTION,
    ...GENERAL,
  },
  async run(input) {
    const { values, io } = input;
    const [username] = input.positionals;
    if ((username === undefined) === (values.all !== true)) {
      throw new Failure(2, "name one person, or add --all");
    }
    const progress = showProgress(io.stderr, io.clock, "people");
    const args = {
      dryRun: values["dry-run"] === true,
      ...(username === undefined ? {} : { username }),
      ...directoryOf(values),
    };
    const result = await withOperations(input, (operations) =>
      operations.run(userRelink, args, {
        onProgress: ({ done, total }) => progress.update(done, done / total),
        onItem(item) {
          progress.end();
          if (values.json === true) writeJson(io.stdout, item);
          else io.stdout.write(table([[item.username, WORDS[item.outcome]]]));
        },
      }),
    );
    progress.end();
    if (values.json === true) return 0;
    const changed = `${result.changed} ${args.dryRun ? "would be relinked" : "relinked"}`;
    io.stdout.write(`${plural(result.checked, "person", "people")} checked, ${changed}.\n`);
    return 0;
  },
});
