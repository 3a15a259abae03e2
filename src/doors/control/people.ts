// From the name an operator types to one person in one directory.
// Invariant: a change that gives something away (a token, a bypass) always goes to the identity the
// directory names now, never to a name.

import type { NoPerson } from "../../core/administration.ts";
import { DependencyDown, type Identity } from "../../core/ports.ts";
import type { ControlContext, KnownDirectory, Subject } from "./context.ts";
import { OperationError } from "./protocol.ts";

interface Named {
  readonly username: string;
  readonly directory?: string;
}

/** Throws OperationError if the name is unknown, or missing while there are several. */
export function getDirectory(context: ControlContext, name: string | undefined): KnownDirectory {
  const { directories } = context;
  const names = directories.map((directory) => directory.name).join(", ");
  const [first, second] = directories;
  if (name === undefined) {
    if (first !== undefined && second === undefined) return first;
    throw new OperationError(
      "usage",
      "there are several directories, so one must be named",
      `add --directory NAME, one of: ${names}`,
    );
  }
  const found = directories.find((directory) => directory.name === name);
  if (found !== undefined) return found;
  throw new OperationError("usage", `there is no directory "${name}"`, `there are: ${names}`);
}

/** Asks the directory. Throws OperationError unless it is exactly one person. */
export async function getIdentity(context: ControlContext, named: Named): Promise<Identity> {
  const directory = getDirectory(context, named.directory);
  const result = await directory.find(named.username);
  if (result.kind === "found") return result.identity;
  throw new OperationError(
    "refused",
    `${quote(named.username)} is ${NOT_FOUND[result.kind]} in the directory "${directory.name}"`,
    "check the spelling, and user_filter and base in the configuration",
  );
}

/**
 * For changes that only take away (unlock, lock, reset): works while the directory is down and for
 * people it no longer has, by the name as typed; for service accounts, by their DN.
 */
export async function getSubject(
  context: ControlContext,
  named: Named,
): Promise<Subject | Identity> {
  const directory = getDirectory(context, named.directory);
  const asTyped = { directory: directory.name, id: undefined, username: named.username };
  try {
    const person = await directory.find(named.username);
    if (person.kind === "found") return person.identity;
    const entry = await directory.findEntry(named.username);
    return entry.kind === "found" ? entry.identity : asTyped;
  } catch (error) {
    if (error instanceof DependencyDown) return asTyped;
    throw error;
  }
}

export function isNoPerson<T extends string>(outcome: T | NoPerson): outcome is NoPerson {
  return outcome === "unknown" || outcome === "identity-changed";
}

/** Why nothing can be done with what the store has, or doesn't have, about somebody. */
export function noPerson(why: NoPerson, subject: Subject): OperationError {
  if (why === "identity-changed") return identityChanged(subject);
  return new OperationError(
    "refused",
    `nothing is stored about ${quote(subject.username)} in "${subject.directory}"`,
    "check the spelling; people appear with their first login, enrolment or import",
  );
}

export function identityChanged(identity: Subject): OperationError {
  return new OperationError(
    "refused",
    `${quote(identity.username)} has another immutable id in "${identity.directory}" than before`,
    "if it is the same person after a re-import, run: gatehouse user relink " + identity.username,
  );
}

function quote(username: string): string {
  return JSON.stringify(username);
}

const NOT_FOUND = {
  "not-found": "nobody",
  ambiguous: "more than one person",
  malformed: "not a user name",
} as const;
