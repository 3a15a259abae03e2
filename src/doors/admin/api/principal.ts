// Who is asking: from the session's cookie or an API key, as of now. Invariants: a suspended
// administrator is nobody, a key may never do more than its owner, and a request that carries both a
// key and a cookie is judged by the key alone.

import type { IncomingHttpHeaders } from "node:http";

import type { ApiKey } from "../../../core/administrators.ts";
import { permissionsOf } from "../../../core/permissions.ts";
import { ExpiringMap } from "../../../lib/expiring-map.ts";
import { changeEvent, type ApiContext, type Caller, type Principal } from "./context.ts";
import { KEY_FORM } from "./key-text.ts";
import { ApiError } from "./route.ts";
import { COOKIE, fingerprint, verifyCsrfToken } from "./sessions.ts";

/** Between two notes of a key's use, and two events of one that ended. */
const NOTED_MS = 60_000;
const NOTED_MAX = 10_000;

export interface Gatekeeper {
  /** Undefined: nobody known. Throws ApiError for a key or a session that is none any more. */
  identify(headers: IncomingHttpHeaders, caller: Caller): Promise<Principal | undefined>;
}

export function createGatekeeper(context: ApiContext): Gatekeeper {
  const noted = new ExpiringMap<number, true>({ lifetimeMs: NOTED_MS, entriesMax: NOTED_MAX });
  const told = new ExpiringMap<number, true>({ lifetimeMs: NOTED_MS, entriesMax: NOTED_MAX });

  /** True once a minute and key. */
  function isFirst(map: ExpiringMap<number, true>, { id }: ApiKey): boolean {
    const now = context.clock.monotonic();
    if (map.find(id, now) !== undefined) return false;
    map.set(id, true, now);
    return true;
  }

  async function byKey(text: string, caller: Caller): Promise<Principal> {
    const refused = new ApiError(401, "the API key is not valid: wrong, expired or revoked");
    if (!KEY_FORM.test(text)) throw refused;
    // Found by the hash of 256 random bits: how long that takes tells nothing of any key.
    const held = await context.administrators.findKeyByHash(fingerprint(text));
    if (held === undefined) throw refused;
    const { key, owner } = held;
    const now = context.clock.now();
    const isOver = key.expiresAt <= now || (key.revokedAt ?? Infinity) <= now;
    if (isOver || owner.state !== "active") {
      if (isFirst(told, key)) await context.record(oldKeyEvent(context, caller, held));
      throw refused;
    }
    if (isFirst(noted, key)) await context.administrators.useKey(key.id, caller.clientIp);
    const may = permissionsOf(owner.role);
    const permissions = new Set(key.scopes.filter((scope) => may.has(scope)));
    return { by: "key", administrator: owner, key, permissions };
  }

  async function bySession(id: string): Promise<Principal | undefined> {
    const session = context.sessions.find(id);
    if (session === undefined) return undefined;
    const administrator = await context.administrators.findAdministrator(session.administrator);
    const isLive =
      administrator?.state === "active" && administrator.generation === session.generation;
    if (!isLive) {
      context.sessions.end(session);
      return undefined;
    }
    return {
      by: "session",
      administrator,
      session,
      permissions: permissionsOf(administrator.role),
    };
  }

  return {
    async identify(headers, caller) {
      const key = headers["x-api-key"];
      if (typeof key === "string") return byKey(key, caller);
      const id = COOKIE.read(headers);
      return id === undefined ? undefined : bySession(id);
    },
  };
}

type Held = NonNullable<Awaited<ReturnType<ApiContext["administrators"]["findKeyByHash"]>>>;

function oldKeyEvent(
  context: ApiContext,
  caller: Caller,
  { key, owner }: Held,
): ReturnType<typeof changeEvent> {
  const subject = { type: "api_key", id: String(key.id) } as const;
  const event = changeEvent(context, caller, "admin_old_api_key_attempt", subject);
  const by = { type: "admin", id: String(owner.id) } as const;
  return { ...event, success: false, initiated_by: by, auth_method: "api key" };
}

/**
 * A change that a session asks for has to come from our own pages: with the token that only they were
 * given, and with what browsers say of a request's origin (Fetch Metadata, RFC 6454).
 */
export function checkOrigin(
  { origin: own }: Pick<ApiContext, "origin">,
  headers: IncomingHttpHeaders,
  principal: Principal | undefined,
): void {
  if (principal?.by === "key") return;
  const { origin, "sec-fetch-site": site, "x-csrf-token": token } = headers;
  const isForeign = (origin ?? own) !== own || (site ?? "same-origin") !== "same-origin";
  if (isForeign) throw new ApiError(403, "the request comes from another site");
  if (principal === undefined) return;
  if (origin === undefined && site === undefined) {
    throw new ApiError(403, `send the header "origin: ${own}" with changes`);
  }
  if (typeof token === "string" && verifyCsrfToken(principal.session, token)) return;
  throw new ApiError(403, "the header x-csrf-token is missing or wrong; the login's answer has it");
}
