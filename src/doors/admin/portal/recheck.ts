// Whether somebody who signed in may still be here: asked at every request, of answers that are at most
// a minute old. Invariant: an answer that doesn't come ends nothing; an answer that says no does.

import { DependencyDown, type Identity, type LookupResult } from "../../../core/ports.ts";
import { findPerson, type SignedIn } from "./context.ts";
import type { SessionEnd } from "./sessions.ts";

/** Why the session is over; undefined while it isn't. */
export async function endOf(visit: SignedIn): Promise<SessionEnd | undefined> {
  if (!(await isStill(visit))) return "revoked";
  return (await hasOutgrown(visit)) ? "factor-changed" : undefined;
}

async function isStill({ context, session: { identity } }: SignedIn): Promise<boolean> {
  const own = context.directory(identity.directory);
  if (own === undefined || (await context.attempts.isLocked(identity))) return false;
  try {
    return isSame(identity, await own.find(identity.dn));
  } catch (error) {
    if (error instanceof DependencyDown) return true;
    throw error;
  }
}

// T03: once there is a factor a password alone opens nothing, whoever set that factor up.
async function hasOutgrown(visit: SignedIn): Promise<boolean> {
  if (!visit.session.isPasswordOnly) return false;
  const person = await findPerson(visit);
  // Asked again: it may be this session that has just set it up.
  return person?.token !== undefined && visit.session.isPasswordOnly;
}

function isSame(identity: Identity, found: LookupResult): boolean {
  if (found.kind === "not-found") return false;
  // An entry that can't be read now says nothing about the person.
  if (found.kind !== "found") return true;
  return found.identity.id === identity.id && found.identity.isDisabled !== true;
}
