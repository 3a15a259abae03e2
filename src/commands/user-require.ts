// `gatehouse user require`: demands a second factor of a person, with some days to get one.

import { REQUIREMENT_DAYS_MAX, userRequire } from "../doors/control/operations.ts";
import {
  defineCommand,
  DIRECTORY_OPTION,
  directoryOf,
  GENERAL,
  JSON_OPTION,
  withOperations,
} from "./command.ts";
import { Failure } from "./failure.ts";
import { momentWords, paint, writeJson } from "./words.ts";

const DAYS_DEFAULT = 7;

export const command = defineCommand({
  usage: "user require USER",
  about: `Demands a second factor of a person. Until the days are over the password alone is enough
where the client's mode allows it; after them the person is refused until enrolled.`,
  example: "user require alice --days 14",
  words: [1, 1],
  options: {
    days: { type: "string", value: "N", help: "1 to 365 days to enrol, default 7" },
    off: { type: "boolean", help: "take the demand back" },
    ...DIRECTORY_OPTION,
    ...JSON_OPTION,
    ...GENERAL,
  },
  async run(input) {
    const { values, io } = input;
    const [username = ""] = input.positionals;
    const days = readDays(values.days, values.off === true);
    const done = await withOperations(input, (operations) =>
      operations.run(userRequire, {
        username,
        days,
        ...directoryOf(values),
      }),
    );
    const name = paint(io.stdout, "bold", done.username);
    if (values.json === true) writeJson(io.stdout, done);
    else if (done.until === undefined)
      io.stdout.write(`Nothing is demanded of ${name} any more.\n`);
    else io.stdout.write(`${name} has to enrol by ${momentWords(done.until)}.\n`);
    return 0;
  },
});

function readDays(text: string | undefined, isOff: boolean): number {
  if (isOff && text !== undefined) throw new Failure(2, "--days and --off exclude each other");
  if (isOff) return 0;
  const days = text === undefined ? DAYS_DEFAULT : /^[0-9]{1,3}$/.test(text) ? Number(text) : 0;
  if (days >= 1 && days <= REQUIREMENT_DAYS_MAX) return days;
  throw new Failure(2, `--days is a number from 1 to ${REQUIREMENT_DAYS_MAX}`);
}
