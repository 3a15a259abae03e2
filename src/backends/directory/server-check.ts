// Whether a server is there, found out before a login has to: one connection of its own and one
// question that everybody may ask; of a server that failed us before, our own account and
// the base. Invariant: a server is asked once at a time, so that a wrong password counts once there.

import { RESULT_CODE } from "../../wire/ldap/message.ts";
import { Connection, type ConnectionOwner, type Exchange } from "./connection.ts";
import { dial } from "./dial.ts";
import type { Health } from "./health.ts";
import type { DirectoryUrl, Settings } from "./options.ts";
import { ANY_ENTRY, NO_NAME, search } from "./search.ts";
import { bindService } from "./service-bind.ts";

const ANSWER_BYTES_MAX = 64 * 1024;
/** RFC 4512 §5.1: the root, or the base, without the long list of what it holds. */
const ENTRY = { scope: "base-object", filter: ANY_ENTRY, attributes: ["1.1"] } as const;
/** Any other answer, even a refusal, comes from a server that works (RFC 4511 §4.1.9). */
const NOT_NOW: ReadonlySet<number> = new Set([RESULT_CODE.busy, RESULT_CODE.unavailable]);

/** "connection": does it answer? "account": does it serve us? */
export type CheckDepth = "connection" | "account";

/** Resolves to what is wrong with it; undefined: nothing. Never rejects. */
export type ServerCheck = (
  url: DirectoryUrl,
  depth: CheckDepth,
  timeoutMs: number,
) => Promise<string | undefined>;

/** What a server says about our own account, `health` learns from it. */
export function createServerCheck(settings: Settings, health: Health): ServerCheck {
  const underWay = new Map<string, Promise<string | undefined>>();
  return (url, depth, timeoutMs) => {
    const key = `${depth} ${url.url}`;
    const running = underWay.get(key);
    if (running !== undefined) return running;
    const checked = check(url, depth, timeoutMs, settings, health).finally(() => {
      underWay.delete(key);
    });
    underWay.set(key, checked);
    return checked;
  };
}

async function check(
  url: DirectoryUrl,
  depth: CheckDepth,
  timeoutMs: number,
  settings: Settings,
  health: Health,
): Promise<string | undefined> {
  const { clock, secureContext } = settings;
  const deadlineAt = clock.monotonic() + timeoutMs;
  try {
    const socket = await dial(url, secureContext, timeoutMs);
    const limits = { messageBytesMax: ANSWER_BYTES_MAX, isShared: false, renewAt: deadlineAt };
    const connection = new Connection({ url, socket }, limits, NOBODY);
    const leftMs = Math.max(0, deadlineAt - clock.monotonic());
    const timer = setTimeout(() => connection.close("no answer in time"), leftMs);
    try {
      if (depth === "connection") return await askRoot(connection, settings, deadlineAt);
      await bindService(connection, settings, health, deadlineAt);
      return await askBase(connection, settings, health, deadlineAt);
    } finally {
      clearTimeout(timer);
      connection.end();
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function askRoot(
  connection: Connection,
  settings: Settings,
  deadlineAt: number,
): Promise<string | undefined> {
  const resultCode = await read("", connection, settings, deadlineAt);
  return NOT_NOW.has(resultCode) ? `it answers with result code ${resultCode}` : undefined;
}

// A server whose root answers may have lost what is below it: being filled anew, or cut off.
async function askBase(
  connection: Connection,
  settings: Settings,
  health: Health,
  deadlineAt: number,
): Promise<string | undefined> {
  const { base } = settings;
  const resultCode = await read(base, connection, settings, deadlineAt);
  if (resultCode === RESULT_CODE.success) {
    health.admitted(connection.url);
    return undefined;
  }
  const problem = `it answers a read of ${base} with result code ${resultCode}`;
  health.refused(connection.url, problem, "other");
  return problem;
}

async function read(
  base: string,
  connection: Connection,
  settings: Settings,
  deadlineAt: number,
): Promise<number> {
  const { clock, dependency, timeLimitSeconds } = settings;
  const only = { run: (exchange: Exchange) => connection.send(exchange, clock.monotonic()) };
  const request = { ...ENTRY, base, sizeLimit: 1, timeLimitSeconds, username: NO_NAME };
  return (await search(only, dependency, request, deadlineAt)).resultCode;
}

/** For a connection that is used by one conversation only. */
export const NOBODY: ConnectionOwner = {
  onFree: () => undefined,
  onClosed(_, unanswered, reason) {
    for (const exchange of unanswered) exchange.fail(reason);
  },
};
