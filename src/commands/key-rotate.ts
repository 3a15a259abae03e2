// `gatehouse key rotate`: seals every secret in the store under a new master key.

import { readFileSync, statSync } from "node:fs";

import { keyRotate } from "../doors/control/operations.ts";
import { defineCommand, GENERAL, JSON_OPTION, withOperations } from "./command.ts";
import { Failure } from "./failure.ts";
import { plural, writeJson } from "./words.ts";

const KEY_BYTES = 32;
const OTHERS_MAY_READ = 0o044;
/** Nobody wonders before. */
const NOTICE_MS = 1_000;

export const command = defineCommand({
  usage: "key rotate --new-key FILE",
  about: `Seals every secret in the store under the key in FILE (base64 of 32 bytes, mode 0600).
Logins wait until it is done, some three seconds for 100,000 tokens: choose a quiet hour. Afterwards
put FILE in the place of master_key before the next start.`,
  example: "key rotate --new-key data/master.key.new",
  words: [0, 0],
  options: {
    "new-key": { type: "string", value: "FILE", help: "the new key; required" },
    ...JSON_OPTION,
    ...GENERAL,
  },
  async run(input) {
    const { values, io } = input;
    const file = values["new-key"];
    if (file === undefined) {
      const hint = "make one: (umask 077; openssl rand -base64 32 > master.key.new)";
      throw new Failure(2, "--new-key is missing", hint);
    }
    const newKey = readKey(file);
    // One transaction: there is no half way to tell of.
    const notice = setTimeout(() => io.stderr.write("sealing …\n"), NOTICE_MS);
    const done = await withOperations(input, (operations) =>
      operations.run(keyRotate, { newKey }),
    ).finally(() => clearTimeout(notice));
    if (values.json === true) writeJson(io.stdout, done);
    else {
      io.stdout.write(`${plural(done.resealed, "secret")} sealed under the new key.\n`);
      io.stdout.write(`next: put ${file} in the place of the master_key file, before a restart\n`);
    }
    return 0;
  },
});

/** The key as base64. Its content never stands in an error. */
function readKey(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isFile() !== true) throw new Failure(1, `${file}: there is no such file`);
  if ((found.mode & OTHERS_MAY_READ) !== 0) {
    throw new Failure(1, `${file} can be read by others`, `chmod 600 ${file}`);
  }
  const text = readFileSync(file, "latin1").replace(/\r?\n$/, "");
  const key = Buffer.from(text, "base64");
  if (key.length === KEY_BYTES && key.toString("base64") === text) return text;
  throw new Failure(1, `${file} is not base64 of ${KEY_BYTES} bytes`);
}
