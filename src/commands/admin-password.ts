// The password of an administrator who is made or reset: typed by a person, piped, or generated.

import { generateAdminPassword } from "../core/admin-password.ts";
import type { Io } from "./context.ts";
import { Failure } from "./failure.ts";
import { openHiddenInput } from "./hidden-input.ts";
import { showToken } from "./shown-token.ts";
import { paint, writeJson } from "./words.ts";

export const PASSWORD_OPTIONS = {
  generate: { type: "boolean", help: "make a password and show it" },
  "no-qr": { type: "boolean", help: "text only" },
} as const;

/** Asked for twice where nobody sees what is typed. */
export async function choosePassword(
  io: Io,
  username: string,
  isGenerated: boolean,
): Promise<string> {
  if (isGenerated) return generateAdminPassword(username);
  const input = openHiddenInput(io);
  try {
    const password = await input.read("password: ");
    const isTerminal = "isTTY" in io.stdin && io.stdin.isTTY === true;
    if (isTerminal && (await input.read("again: ")) !== password) {
      throw new Failure(2, "the two passwords differ");
    }
    return password;
  } finally {
    input.close();
  }
}

interface Shown {
  readonly username: string;
  readonly secret: string;
  readonly uri: string;
}

interface ShowOptions {
  readonly said: string;
  /** Of a generated one; a typed one is known. */
  readonly password: string | undefined;
  readonly hasQr: boolean;
  readonly isJson: boolean;
}

export async function showAdministrator(io: Io, shown: Shown, options: ShowOptions): Promise<void> {
  const { said, password, hasQr, isJson } = options;
  const told = password === undefined ? {} : { password };
  if (isJson) {
    writeJson(io.stdout, { ...shown, ...told });
    return;
  }
  const first = `${paint(io.stdout, "bold", shown.username)} ${said}`;
  await showToken(io.stdout, shown, first, hasQr);
  if (password !== undefined) io.stdout.write(`password  ${password}\n`);
  io.stdout.write("Nothing of this is shown again; both are needed to log in.\n");
}
