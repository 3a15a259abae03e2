// What an administrator's password has to be like. People's passwords are their directory's business.

import { randomInt } from "../lib/random.ts";
import { normaliseUsername } from "../lib/username.ts";

const ADMIN_PASSWORD_CHARS_MIN = 12;
/** Long enough for any sentence; what is hashed is bounded. */
const ADMIN_PASSWORD_CHARS_MAX = 256;

// Below that a name is part of half of all passwords.
const NAME_CHARS_MIN = 3;

const CLASSES: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/\p{Lu}/u, "an upper case letter"],
  [/\p{Ll}/u, "a lower case letter"],
  [/\p{Nd}/u, "a digit"],
  [/[^\p{L}\p{Nd}]/u, "a character that is neither letter nor digit"],
];

/** What is wrong with it, to be shown to whoever chose it; undefined: nothing. */
export function adminPasswordProblem(username: string, password: string): string | undefined {
  const { length } = [...password];
  if (length < ADMIN_PASSWORD_CHARS_MIN) {
    return `the password needs at least ${ADMIN_PASSWORD_CHARS_MIN} characters`;
  }
  if (length > ADMIN_PASSWORD_CHARS_MAX) {
    return `the password may have ${ADMIN_PASSWORD_CHARS_MAX} characters at most`;
  }
  const missing = CLASSES.find(([pattern]) => !pattern.test(password));
  if (missing !== undefined) return `the password needs ${missing[1]}`;
  const name = normaliseUsername(username);
  const [local = ""] = name.split("@");
  const told = normaliseUsername(password);
  const isInside = [name, local].some(
    (part) => part.length >= NAME_CHARS_MIN && told.includes(part),
  );
  return isInside ? "the password must not contain the user name" : undefined;
}

// Without the letters and digits that are taken for one another.
const ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
const GROUPS = 4;
const GROUP_CHARS = 5;

/** 116 random bits in four groups of five; right for that name. */
export function generateAdminPassword(username: string): string {
  const letter = (): string => ALPHABET.charAt(randomInt(ALPHABET.length));
  const group = (): string => Array.from({ length: GROUP_CHARS }, letter).join("");
  for (;;) {
    const password = Array.from({ length: GROUPS }, group).join("-");
    // One in twenty has no digit.
    if (adminPasswordProblem(username, password) === undefined) return password;
  }
}
