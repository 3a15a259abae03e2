// Which of a directory's URLs is used: the one that worked last, else the next that does.
// Invariant: all URLs together get no more time than one login has.

import type { Socket } from "node:net";

import { dial } from "./dial.ts";
import type { DirectoryUrl, Settings } from "./options.ts";

export interface Dialer {
  /** Rejects with the cause of every URL. */
  dial(): Promise<{ readonly url: DirectoryUrl; readonly socket: Socket }>;
  /** It took a connection and doesn't answer: the next one is tried first from now on. */
  distrust(url: DirectoryUrl): void;
}

export function createDialer(
  settings: Pick<Settings, "urls" | "secureContext" | "timeoutMs">,
): Dialer {
  const { urls, secureContext, timeoutMs } = settings;
  let preferred = 0;
  return {
    async dial() {
      const causes: string[] = [];
      const ordered = [...urls.slice(preferred), ...urls.slice(0, preferred)];
      for (const url of ordered) {
        try {
          const socket = await dial(url, secureContext, timeoutMs / urls.length);
          preferred = urls.indexOf(url);
          return { url, socket };
        } catch (error) {
          causes.push(`${url.url}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
      throw new Error(causes.join("; "));
    },
    distrust(url) {
      if (urls[preferred] === url) preferred = (preferred + 1) % urls.length;
    },
  };
}
