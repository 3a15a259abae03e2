// What the LDAP door's clients ask may take as long as it likes while the server lives: where somebody
// waits and nothing comes, the server is asked something else. Invariants: a server that answers
// nothing keeps nobody longer than the directory's deadline; one that answers anybody cuts nobody off.

import type { Health } from "./health.ts";
import type { DirectoryUrl, Settings } from "./options.ts";
import type { RelayConnection } from "./relay-connection.ts";
import type { ServerCheck } from "./server-check.ts";

export interface Silence {
  /** Called every now and then. */
  sweep(nowMs: number): void;
}

/** How late silence may be noticed: each look is at every connection there is. */
const LOOK_MS = 200;

export function createSilence(
  { clock, timeoutMs }: Pick<Settings, "clock" | "timeoutMs">,
  health: Pick<Health, "hangs">,
  checkServer: ServerCheck,
  connections: ReadonlySet<RelayConnection>,
): Silence {
  /** The first half of the deadline is for an answer, the second for any sign of life. */
  const patienceMs = timeoutMs / 2;
  const asked = new Set<DirectoryUrl>();
  let lookAt = 0;

  async function ask(url: DirectoryUrl, begunAt: number): Promise<void> {
    asked.add(url);
    const problem = await checkServer(url, "connection", patienceMs);
    asked.delete(url);
    const nowMs = clock.monotonic();
    const there = [...connections].filter((connection) => connection.url === url);
    for (const connection of there) connection.look(nowMs);
    const silent = there.filter(({ silentSince }) => silentSince <= begunAt);
    // A server that takes no more connections than it has may well serve those.
    if (problem === undefined || there.some(({ heardAt }) => heardAt > begunAt)) {
      for (const connection of silent) connection.silentSince = nowMs;
    } else if (silent.length > 0) {
      health.hangs(url);
      for (const connection of silent) connection.fail("no answer in time");
    }
  }

  return {
    sweep(nowMs) {
      if (nowMs < lookAt) return;
      lookAt = nowMs + LOOK_MS;
      for (const connection of connections) {
        connection.look(nowMs);
        const { url, silentSince } = connection;
        if (silentSince + patienceMs <= nowMs && !asked.has(url)) void ask(url, nowMs);
      }
    },
  };
}
