// `gatehouse admin reset`: a new password and a new token for an administrator who has lost one.

import { adminReset } from "../doors/control/operations.ts";
import { choosePassword, PASSWORD_OPTIONS, showAdministrator } from "./admin-password.ts";
import { defineCommand, GENERAL, JSON_OPTION, withOperations } from "./command.ts";

export const command = defineCommand({
  usage: "admin reset EMAIL",
  about: `Gives an administrator a new password and a new token, shown once. The old ones stop working
at once, sessions and locks end, API keys stay.`,
  example: "admin reset root@example.org --generate",
  words: [1, 1],
  options: { ...PASSWORD_OPTIONS, ...JSON_OPTION, ...GENERAL },
  async run(input) {
    const { values, io } = input;
    const [username = ""] = input.positionals;
    const isGenerated = values.generate === true;
    const password = await choosePassword(io, username, isGenerated);
    const shown = await withOperations(input, (operations) =>
      operations.run(adminReset, { username, password }),
    );
    await showAdministrator(io, shown, {
      said: "has a new password and a new token.",
      password: isGenerated ? password : undefined,
      hasQr: values["no-qr"] !== true,
      isJson: values.json === true,
    });
    return 0;
  },
});
