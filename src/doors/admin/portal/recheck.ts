// Whether somebody who signed in may still be here: asked at every request, of answers that are at most
// a minute old. Invariant: an answer that doesn't come ends nothing; an answer that says no does.

import { DependencyDown, type Identity, type LookupResult } from "../../../core/ports.ts";
import type { PortalOptions } from "./context.ts";

export async function isStill(
  { attempts, directory }: Pick<PortalOptions, "attempts" | "directory">,
  identity: Identity,
): Promise<boolean> {
  const own = directory(identity.directory);
  if (own === undefined || (await attempts.isLocked(identity))) return false;
  try {
    return isSame(identity, await own.find(identity.dn));
  } catch (error) {
    if (error instanceof DependencyDown) return true;
    throw error;
  }
}

function isSame(identity: Identity, found: LookupResult): boolean {
  if (found.kind === "not-found") return false;
  // An entry that can't be read now says nothing about the person.
  if (found.kind !== "found") return true;
  return found.identity.id === identity.id && found.identity.isDisabled !== true;
}
