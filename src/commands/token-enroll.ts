// `gatehouse token enroll`: gives a person a new token and shows it, once, as QR code and as text.

import { tokenEnroll } from "../doors/control/operations.ts";
import {
  defineCommand,
  DIRECTORY_OPTION,
  directoryOf,
  GENERAL,
  JSON_OPTION,
  withOperations,
} from "./command.ts";
import { Failure } from "./failure.ts";
import { readAlgorithm, readDigits, readPeriod } from "./token-file.ts";
import { showToken } from "./shown-token.ts";
import { writeRecoveryCodes } from "./token-recovery.ts";
import { paint, writeJson } from "./words.ts";

export const command = defineCommand({
  usage: "token enroll USER",
  about: `Gives a person a new token, in force at once, and shows it once: scan the QR code with any
authenticator app or type the key. The recovery codes below it each replace the app's code once.
Nobody else should see the screen.`,
  example: "token enroll alice",
  words: [1, 1],
  options: {
    algorithm: { type: "string", value: "NAME", help: "SHA1 (default), SHA256 or SHA512" },
    digits: { type: "string", value: "N", help: "6 (default), 7 or 8" },
    period: { type: "string", value: "SECONDS", help: "30 (default) or 60" },
    replace: { type: "boolean", help: "replace the token the person has" },
    "no-qr": { type: "boolean", help: "text only" },
    ...DIRECTORY_OPTION,
    ...JSON_OPTION,
    ...GENERAL,
  },
  async run(input) {
    const { values, io } = input;
    const [username = ""] = input.positionals;
    const algorithm = readAlgorithm(values.algorithm ?? "");
    const digits = readDigits(values.digits ?? "");
    const periodSeconds = readPeriod(values.period ?? "");
    if (algorithm === undefined) throw new Failure(2, "--algorithm is SHA1, SHA256 or SHA512");
    if (digits === undefined) throw new Failure(2, "--digits is 6, 7 or 8");
    if (periodSeconds === undefined) throw new Failure(2, "--period is 30 or 60");
    const token = await withOperations(input, (operations) =>
      operations.run(tokenEnroll, {
        username,
        algorithm,
        digits,
        periodSeconds,
        replace: values.replace === true,
        ...directoryOf(values),
      }),
    );
    if (values.json === true) {
      writeJson(io.stdout, token);
      return 0;
    }
    const said = `${paint(io.stdout, "bold", token.username)} is enrolled.`;
    await showToken(io.stdout, token, said, values["no-qr"] !== true);
    writeRecoveryCodes(io.stdout, token.recoveryCodes);
    return 0;
  },
});
