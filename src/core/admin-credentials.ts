// A new administrator's name, password and token: checked, hashed, drawn. Invariant: the token's key
// and the password leave here once, for the one they belong to.

import { encodeBase32 } from "../lib/base32.ts";
import { encodeKeyUri } from "../lib/key-uri.ts";
import type { PasswordHasher } from "../lib/password-hash.ts";
import { randomBytes } from "../lib/random.ts";
import { Secret } from "../lib/secret.ts";
import { adminPasswordProblem } from "./admin-password.ts";
import { ADMIN_TOKEN, type AdminCredentials } from "./administrators.ts";
import { auditText } from "./audit.ts";

// RFC 4226 §4 R6: 160 bits are recommended.
const SECRET_BYTES = 20;
const ADDRESS = /^[^\s@]{1,64}@[^\s@]{1,190}$/;

/** What to show once: for the administrator's own authenticator app. */
interface ShownToken {
  /** Base32. */
  readonly secret: string;
  readonly uri: string;
}

export type IssuedCredentials =
  | {
      readonly kind: "issued";
      readonly credentials: AdminCredentials;
      readonly shown: ShownToken;
    }
  | { readonly kind: "refused"; readonly problem: string }
  /** Too many passwords are being hashed: try again. */
  | { readonly kind: "busy" };

/** `issuer`: totp.issuer; a second word tells the token from the same person's other one. */
export async function issueCredentials(
  passwords: PasswordHasher,
  issuer: string,
  username: string,
  password: string,
): Promise<IssuedCredentials> {
  const problem = usernameProblem(username) ?? adminPasswordProblem(username, password);
  if (problem !== undefined) return { kind: "refused", problem };
  const passwordHash = await passwords.inTurn(({ hash }) => hash(Secret.of(password)));
  if (passwordHash === "overload") return { kind: "busy" };
  const secret = Secret.of(randomBytes(SECRET_BYTES));
  const uri = encodeKeyUri({ ...ADMIN_TOKEN, issuer: `${issuer} admin`, username, secret });
  const shown = { secret: encodeBase32(secret.reveal()), uri };
  return { kind: "issued", credentials: { passwordHash, secret }, shown };
}

function usernameProblem(username: string): string | undefined {
  if (ADDRESS.test(username) && auditText(username) === username) return undefined;
  return "an administrator's user name is an e-mail address";
}
