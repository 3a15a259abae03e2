// A directory's servers looked at: each of them every now and then, and at once where a login was
// answered otherwise than with an answer. Invariant: what one check found is counted once.

import type { Health } from "./health.ts";
import { NotServing } from "./not-serving.ts";
import type { DirectoryUrl, Settings } from "./options.ts";
import type { CheckDepth, ServerCheck } from "./server-check.ts";

export interface Watch {
  /** Those that serve by a question, the others by our own account; none that is left alone. */
  lookAtAll(): void;
  /** The same promise; when it rejects with NotServing, the servers are looked at. */
  over<T>(question: Promise<T>): Promise<T>;
  /** What checks still find is nobody's news. */
  stop(): void;
}

/** Whoever has a password that only a few servers can't check must not keep all of them busy. */
const LOOK_AGAIN_MS = 1_000;

export function createWatch(
  { urls, timeoutMs, clock }: Pick<Settings, "urls" | "timeoutMs" | "clock">,
  health: Health,
  checkServer: ServerCheck,
): Watch {
  const checking = new Set<string>();
  let lookedAt = -Infinity;
  let isStopped = false;

  async function lookAt(url: DirectoryUrl, depth: CheckDepth): Promise<void> {
    const key = `${depth} ${url.url}`;
    if (checking.has(key) || health.isLeftAlone(url)) return;
    checking.add(key);
    const problem = await checkServer(url, depth, timeoutMs);
    checking.delete(key);
    // That others get an answer says nothing about a server that failed us meanwhile.
    const isNews = depth === "account" || health.isUp(url);
    if (!isStopped && isNews) health.checked(url, problem);
  }

  // A server may answer and yet not serve: only our own account finds out, and only when it matters.
  function lookInto(error: unknown): void {
    if (!(error instanceof NotServing) || isStopped) return;
    const now = clock.monotonic();
    if (now - lookedAt < LOOK_AGAIN_MS) return;
    lookedAt = now;
    for (const url of urls) if (health.isUp(url)) void lookAt(url, "account");
  }

  return {
    lookAtAll() {
      for (const url of urls) {
        void lookAt(url, health.isUp(url) ? "connection" : "account");
      }
    },
    over(question) {
      question.catch(lookInto);
      return question;
    },
    stop() {
      isStopped = true;
    },
  };
}
