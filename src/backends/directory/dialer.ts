// A connection to one of a directory's servers: the first that takes one, those that answer first.
// Invariants: all servers together get no more time than one login has; a server of which something
// bad is known is asked whether it is well before anybody's password is sent to it.

import { dial } from "./dial.ts";
import type { Dialled } from "./connection.ts";
import type { Health } from "./health.ts";
import type { DirectoryUrl, Settings } from "./options.ts";
import type { ServerCheck } from "./server-check.ts";

/** Resolves to one that is encrypted where the URL says so. Rejects with the cause of every URL. */
export type Dialer = () => Promise<Dialled>;

export function createDialer(
  settings: Pick<Settings, "urls" | "secureContext" | "timeoutMs" | "clock">,
  health: Health,
  checkServer: ServerCheck,
): Dialer {
  const { urls, secureContext, timeoutMs, clock } = settings;

  // A bind that hangs may be answered, and counted, when nobody waits any more: after an outage that
  // would lock whoever tried several times. So the first question to such a server is another one.
  async function connect(url: DirectoryUrl): Promise<Dialled> {
    const deadlineAt = clock.monotonic() + timeoutMs / urls.length;
    if (!health.isUp(url)) {
      const problem = await checkServer(url, "account", timeoutMs / urls.length);
      if (problem !== undefined) throw new Error(problem);
    }
    const leftMs = Math.max(1, deadlineAt - clock.monotonic());
    return { url, socket: await dial(url, secureContext, leftMs) };
  }

  return async () => {
    const causes: string[] = [];
    for (const url of health.candidates()) {
      // Since the list was made, it may have refused somebody else's attempt.
      if (health.isLeftAlone(url)) continue;
      try {
        return await connect(url);
      } catch (error) {
        const cause = error instanceof Error ? error.message : String(error);
        health.unreachable(url, cause);
        causes.push(`${url.url}: ${cause}`);
      }
    }
    throw new Error(causes.join("; ") || health.problem);
  };
}
