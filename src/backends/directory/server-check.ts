// Whether a server is there, found out before a login has to: one connection of its own and one
// question that everybody may ask. Invariant: it takes no longer than one login may.

import { RESULT_CODE } from "../../wire/ldap/message.ts";
import { Connection, type ConnectionOwner, type Exchange } from "./connection.ts";
import { dial } from "./dial.ts";
import type { DirectoryUrl, Settings } from "./options.ts";
import { ANY_ENTRY, NO_NAME, search } from "./search.ts";

const ANSWER_BYTES_MAX = 64 * 1024;
/** RFC 4512 §5.1: the root, without the long list of what it supports. */
const ROOT = { base: "", scope: "base-object", filter: ANY_ENTRY, attributes: ["1.1"] } as const;
/** Any other answer, even a refusal, comes from a server that works (RFC 4511 §4.1.9). */
const NOT_NOW: ReadonlySet<number> = new Set([RESULT_CODE.busy, RESULT_CODE.unavailable]);

/** Resolves to what is wrong with it; undefined: it answers. Never rejects. */
export async function checkServer(
  url: DirectoryUrl,
  settings: Settings,
): Promise<string | undefined> {
  const { clock, dependency, secureContext, timeoutMs, timeLimitSeconds } = settings;
  const deadlineAt = clock.monotonic() + timeoutMs;
  try {
    const socket = await dial(url, secureContext, timeoutMs);
    const limits = { messageBytesMax: ANSWER_BYTES_MAX, isShared: false, renewAt: deadlineAt };
    const connection = new Connection({ url, socket }, limits, NOBODY);
    const leftMs = Math.max(0, deadlineAt - clock.monotonic());
    const timer = setTimeout(() => connection.close("no answer in time"), leftMs);
    try {
      const only = { run: (exchange: Exchange) => connection.send(exchange, clock.monotonic()) };
      const request = { ...ROOT, sizeLimit: 1, timeLimitSeconds, username: NO_NAME };
      const { resultCode } = await search(only, dependency, request, deadlineAt);
      return NOT_NOW.has(resultCode) ? `it answers with result code ${resultCode}` : undefined;
    } finally {
      clearTimeout(timer);
      connection.end();
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** For a connection that is used by one conversation only. */
export const NOBODY: ConnectionOwner = {
  onFree: () => undefined,
  onClosed(_, unanswered, reason) {
    for (const exchange of unanswered) exchange.fail(reason);
  },
};
