// Administrators for tests: one line each, with a password and a token whose codes a test can make.

import type { Store } from "../../src/backends/store/store.ts";
import type { Administrators } from "../../src/core/administrators.ts";
import type { EventDraft } from "../../src/core/audit.ts";
import type { Role } from "../../src/core/permissions.ts";
import { generateCode, stepAt } from "../../src/core/totp.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { createPasswordHasher } from "../../src/lib/password-hash.ts";
import { Secret } from "../../src/lib/secret.ts";
import { event } from "./store.ts";

export const ADMIN_PASSWORD = "Correct-Horse-7";
/** Of every administrator made here. */
export const ADMIN_SECRET = Secret.of("an admin's own token");

export const adminEvent = (type: EventDraft["event_type"] = "admin_create"): EventDraft =>
  event({ service: "directory", event_type: type, success: true, initiated_by: { type: "admin" } });

let hash: string | undefined;

/** The id. */
export async function addAdministrator(
  { administrators }: Pick<Store, "administrators">,
  clock: Clock,
  username: string,
  role: Role = "administrator",
): Promise<number> {
  const passwords = createPasswordHasher(clock);
  hash ??= await passwords.inTurn(({ hash }) => hash(Secret.of(ADMIN_PASSWORD)));
  const created = await administrators.createAdministrator(
    { username, role, passwordHash: hash, secret: ADMIN_SECRET, onlyFirst: false },
    adminEvent(),
  );
  if (typeof created === "string") throw new Error(created);
  return created.id;
}

/** The code of that moment, `steps` later. */
export function adminCode(clock: Clock, steps = 0, secret = ADMIN_SECRET): string {
  return generateCode({ algorithm: "sha1", digits: 6 }, secret, stepAt(clock.now(), 30) + steps);
}

/** How many are left of what `work` began before it was refused. */
export async function attemptsLeft(store: Administrators, username: string): Promise<number> {
  for (let left = 0; left < 10; left += 1) {
    if ((await store.beginLogin(username)).kind === "refused") return left;
  }
  throw new Error("never refused");
}
