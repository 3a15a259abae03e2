// `gatehouse admin create`: an administrator with password and token, the first one or another.

import { ROLES } from "../core/permissions.ts";
import { adminCreate } from "../doors/control/operations.ts";
import { choosePassword, PASSWORD_OPTIONS, showAdministrator } from "./admin-password.ts";
import { defineCommand, GENERAL, JSON_OPTION, withOperations } from "./command.ts";
import { Failure } from "./failure.ts";

export const command = defineCommand({
  usage: "admin create EMAIL",
  about: `Makes an administrator and shows the token once: scan it with an authenticator app.
The password is asked for, read from a pipe, or generated: 12 characters or more, upper and lower
case, a digit and another character, without the name.`,
  example: "admin create root@example.org --generate",
  words: [1, 1],
  options: {
    role: { type: "string", value: "ROLE", help: `${ROLES.join(", ")}; default administrator` },
    ...PASSWORD_OPTIONS,
    ...JSON_OPTION,
    ...GENERAL,
  },
  async run(input) {
    const { values, io } = input;
    const [username = ""] = input.positionals;
    const role = ROLES.find((one) => one === (values.role ?? "administrator"));
    if (role === undefined) throw new Failure(2, `--role is one of: ${ROLES.join(", ")}`);
    const isGenerated = values.generate === true;
    const password = await choosePassword(io, username, isGenerated);
    const shown = await withOperations(input, (operations) =>
      operations.run(adminCreate, { username, role, password }),
    );
    await showAdministrator(io, shown, {
      said: `is made: ${role}.`,
      password: isGenerated ? password : undefined,
      hasQr: values["no-qr"] !== true,
      isJson: values.json === true,
    });
    return 0;
  },
});
