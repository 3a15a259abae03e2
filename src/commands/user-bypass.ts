// `gatehouse user bypass`: a code that stands in for a lost device, for a while.

import { parseDuration } from "../config/duration.ts";
import {
  BYPASS_MS_MAX,
  BYPASS_MS_MIN,
  userBypass,
  userBypassRevoke,
} from "../doors/control/operations.ts";
import {
  defineCommand,
  DIRECTORY_OPTION,
  directoryOf,
  GENERAL,
  JSON_OPTION,
  withOperations,
  type Input,
} from "./command.ts";
import { Failure } from "./failure.ts";
import { momentWords, paint, writeJson } from "./words.ts";

const OPTIONS = {
  for: { type: "string", value: "DURATION", help: "5m to 7d" },
  reason: { type: "string", value: "TEXT", help: "why; required" },
  revoke: { type: "boolean", help: "make the code they have void" },
  ...DIRECTORY_OPTION,
  ...JSON_OPTION,
  ...GENERAL,
} as const;

export const command = defineCommand({
  usage: "user bypass USER --for 4h --reason TEXT",
  about: `Makes a code that a person types instead of the one-time code, and shows it once.
Be sure who is asking; the reason stands in the audit trail. --revoke ends it before its time.`,
  example: 'user bypass alice --for 4h --reason "phone lost, ticket 4711"',
  words: [1, 1],
  options: OPTIONS,
  async run(input) {
    const { values, io } = input;
    const [username = ""] = input.positionals;
    if (values.revoke === true) return revoke(input, username);
    const forMs = parseDuration(values.for ?? "");
    if (forMs === undefined || forMs < BYPASS_MS_MIN || forMs > BYPASS_MS_MAX) {
      throw new Failure(2, "--for is a duration from 5m to 7d", "for example: --for 4h");
    }
    const reason = values.reason?.trim() ?? "";
    if (reason === "") throw new Failure(2, "--reason is missing", 'for example: "phone lost"');
    const done = await withOperations(input, (operations) =>
      operations.run(userBypass, {
        username,
        forMs,
        reason,
        ...directoryOf(values),
      }),
    );
    if (values.json === true) {
      writeJson(io.stdout, done);
      return 0;
    }
    io.stdout.write(`${paint(io.stdout, "bold", done.code)}\n`);
    io.stdout.write(
      `stands in for the codes of ${done.username} until ${momentWords(done.until)}.\n`,
    );
    const undo = `gatehouse user bypass ${username} --revoke`;
    io.stdout.write(`It isn't shown again. To end it early: ${undo}\n`);
    return 0;
  },
});

async function revoke(input: Input<typeof OPTIONS>, username: string): Promise<number> {
  const { values, io } = input;
  if (values.for !== undefined || values.reason !== undefined) {
    throw new Failure(2, "--revoke takes neither --for nor --reason");
  }
  const done = await withOperations(input, (operations) =>
    operations.run(userBypassRevoke, { username, ...directoryOf(values) }),
  );
  const name = paint(io.stdout, "bold", done.username);
  if (values.json === true) writeJson(io.stdout, done);
  else if (done.outcome === "no-bypass") io.stdout.write(`${name} had no bypass code.\n`);
  else io.stdout.write(`The bypass code of ${name} is void.\n`);
  return 0;
}
