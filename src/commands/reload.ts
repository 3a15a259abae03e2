// `gatehouse reload`: the running gateway reads its configuration again, all or nothing.

import { reload } from "../doors/control/operations.ts";
import { defineCommand, GENERAL, JSON_OPTION, withGateway } from "./command.ts";
import { writeJson } from "./words.ts";

export const command = defineCommand({
  usage: "reload",
  about: "The running gateway reads its configuration again; a file with mistakes changes nothing.",
  example: "reload",
  words: [0, 0],
  options: { ...JSON_OPTION, ...GENERAL },
  async run(input) {
    const { values, io } = input;
    const { notes } = await withGateway(input, (operations) => operations.run(reload, {}));
    if (values.json === true) writeJson(io.stdout, { notes });
    else io.stdout.write(["The configuration is in force.", ...notes, ""].join("\n"));
    return 0;
  },
});
