// A connection to one of a directory's servers: the first that takes one, those that answer first.
// Invariant: all servers together get no more time than one login has.

import { dial } from "./dial.ts";
import type { Dialled } from "./connection.ts";
import type { Health } from "./health.ts";
import type { Settings } from "./options.ts";

/** Resolves to one that is encrypted where the URL says so. Rejects with the cause of every URL. */
export type Dialer = () => Promise<Dialled>;

export function createDialer(
  settings: Pick<Settings, "urls" | "secureContext" | "timeoutMs">,
  health: Health,
): Dialer {
  const { urls, secureContext, timeoutMs } = settings;
  return async () => {
    const causes: string[] = [];
    for (const url of health.candidates()) {
      try {
        return { url, socket: await dial(url, secureContext, timeoutMs / urls.length) };
      } catch (error) {
        const cause = error instanceof Error ? error.message : String(error);
        health.unreachable(url, cause);
        causes.push(`${url.url}: ${cause}`);
      }
    }
    throw new Error(causes.join("; "));
  };
}
