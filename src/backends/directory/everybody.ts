// Everybody whom user_filter could let in, page by page (RFC 2696), over a connection of its own: a
// page leads to the next one only where it came from. Invariant: all of them, or an outage; a list that
// the directory cut short is never taken for the whole.

import { DependencyDown, type Identity } from "../../core/ports.ts";
import { withAnyName } from "../../wire/ldap/filter.ts";
import { RESULT_CODE } from "../../wire/ldap/message.ts";
import { Connection, type Exchange } from "./connection.ts";
import type { Dialer } from "./dialer.ts";
import type { Health } from "./health.ts";
import { identify, identityAttributes } from "./identity.ts";
import type { Settings } from "./options.ts";
import type { KnownAttributes } from "./schema.ts";
import { NO_NAME, search, type Asked, type Found } from "./search.ts";
import { NOBODY } from "./server-check.ts";
import { bindService } from "./service-bind.ts";

/** Below Active Directory's 1,000 (MaxPageSize). */
const PAGE_ENTRIES = 500;
const PAGE_BYTES_MAX = 4 * 1024 * 1024;
/** Nobody waits for a login here, and a directory that is asked for everybody may take its time. */
const PAGE_MS = 30_000;

interface Sources {
  readonly settings: Settings;
  readonly health: Health;
  readonly dialer: Dialer;
  readonly known: () => KnownAttributes | undefined;
}

/** Rejects with DependencyDown. Entries with which nobody can log in are left out, and told. */
export async function* listEverybody(sources: Sources): AsyncGenerator<readonly Identity[]> {
  const { settings, health, dialer } = sources;
  const { clock, dependency } = settings;
  const dialled = await dialer().catch((error: unknown) => {
    const cause = error instanceof Error ? error.message : String(error);
    throw new DependencyDown(dependency, cause, { cause: error });
  });
  const limits = { messageBytesMax: PAGE_BYTES_MAX, isShared: false, renewAt: Infinity };
  const connection = new Connection(dialled, limits, NOBODY);
  try {
    const bound = bindService(connection, settings, health, clock.monotonic() + PAGE_MS);
    await inTime(connection, bound);
    const told = new Set<string>();
    let cookie: Buffer = Buffer.alloc(0);
    do {
      const found = await inTime(connection, askPage(connection, sources, cookie));
      yield identitiesOf(found, settings, told);
      cookie = found.pageCookie ?? Buffer.alloc(0);
    } while (cookie.length > 0);
  } finally {
    connection.end();
  }
}

async function askPage(
  connection: Connection,
  { settings, known }: Sources,
  cookie: Buffer,
): Promise<Found> {
  const { clock, dependency, base, userFilter } = settings;
  const only: Asked = {
    run: (exchange: Exchange) => connection.send(exchange, clock.monotonic()),
  };
  const request = {
    base,
    scope: "whole-subtree",
    filter: withAnyName(userFilter),
    username: NO_NAME,
    attributes: identityAttributes(settings, known()),
    sizeLimit: 0,
    timeLimitSeconds: PAGE_MS / 1_000,
    page: { size: PAGE_ENTRIES, cookie },
  } as const;
  const found = await search(only, dependency, request, clock.monotonic() + PAGE_MS);
  if (found.resultCode === RESULT_CODE.sizeLimitExceeded) {
    const remedy = "raise its size limit for bind_dn, also for paged results";
    throw new DependencyDown(dependency, `it doesn't list all of its people: ${remedy}`);
  }
  if (found.resultCode !== RESULT_CODE.success) {
    const reason = `it answers a search for everybody with result code ${found.resultCode}`;
    throw new DependencyDown(dependency, reason);
  }
  if (found.isCut || found.pageCookie === undefined) {
    throw new DependencyDown(dependency, "it can't list people page by page (RFC 2696)");
  }
  return found;
}

function identitiesOf({ entries }: Found, settings: Settings, told: Set<string>): Identity[] {
  return entries.flatMap((entry) => {
    const identified = identify(entry, settings, undefined);
    if (identified.kind === "identity") return [identified.identity];
    // Once each: there may be as many of them as there are people.
    if (!told.has(identified.problem)) settings.onUnusable(identified.problem);
    told.add(identified.problem);
    return [];
  });
}

/** Whatever `asked` is: without an answer in time the connection is closed, which answers it. */
async function inTime<T>(connection: Connection, asked: Promise<T>): Promise<T> {
  const timer = setTimeout(() => connection.close("no answer in time"), PAGE_MS);
  try {
    return await asked;
  } finally {
    clearTimeout(timer);
  }
}
