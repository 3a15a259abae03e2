// Whether those who are bound may still be: a directory tells nobody that it has disabled somebody.
// Invariant: an answer that doesn't come ends nothing; an answer that says no ends every connection.

import { DependencyDown, type Identity, type LookupResult } from "../../core/ports.ts";
import type { Log } from "../../lib/log.ts";
import type { BoundConnections } from "./bound.ts";

/** As long as an answer about somebody holds for a login. */
const EVERY_MS = 60_000;

export interface RecheckOptions {
  readonly bound: BoundConnections;
  readonly log: Log;
  readonly everyMs?: number;
}

/** Until the function returned is called. */
export function startRecheck({ bound, log, everyMs = EVERY_MS }: RecheckOptions): () => void {
  let isRunning = false;

  // One after the other: a thousand people's entries must not be in the way of logins.
  async function check(): Promise<void> {
    for (const { identity, place } of bound.people()) {
      const { people, directory } = place.current;
      if (directory.name !== identity.directory) continue;
      const found = await find(() => people.find(identity.dn));
      if (found === undefined || isStill(identity, found)) continue;
      const ended = bound.revoke(identity);
      const about = { directory: identity.directory, connections: ended };
      log.info(about, "somebody who was bound isn't allowed any more: connections ended");
    }
  }

  const timer = setInterval(() => {
    if (isRunning) return;
    isRunning = true;
    check()
      .catch((error: unknown) => log.error({ err: error }, "those who are bound can't be checked"))
      .finally(() => {
        isRunning = false;
      });
  }, everyMs).unref();
  return () => clearInterval(timer);
}

async function find(ask: () => Promise<LookupResult>): Promise<LookupResult | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof DependencyDown) return undefined;
    throw error;
  }
}

function isStill(identity: Identity, found: LookupResult): boolean {
  if (found.kind === "not-found") return false;
  // An entry that can't be read now says nothing about the person.
  if (found.kind !== "found") return true;
  return found.identity.id === identity.id && found.identity.isDisabled !== true;
}
