// API keys. Invariants: a key is shown once, may never do more than whoever made it, and its owner
// never changes.

import { z } from "zod";

import type { ApiKey } from "../../../core/administrators.ts";
import { PERMISSIONS } from "../../../core/permissions.ts";
import { changeEvent, type ApiContext, type Principal, type Subject } from "./context.ts";
import { makeKey } from "./key-text.ts";
import { ApiError, route, type Route } from "./route.ts";
import { fingerprint } from "./sessions.ts";
import { done, idParams, isoText, isoTextOr } from "./shapes.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const DAYS_DEFAULT = 90;
const DAYS_MAX = 365;
const OVERLAP_HOURS_MAX = 24;

const days = z.int().min(1).max(DAYS_MAX).default(DAYS_DEFAULT);
const view = z.strictObject({
  id: z.string(),
  owner: z.string(),
  label: z.string(),
  scopes: z.array(z.enum(PERMISSIONS)),
  created: z.string(),
  expires: z.string(),
  /** In the future while a rotation's overlap lasts. */
  revoked: z.string().nullable(),
  last_used: z.string().nullable(),
  last_used_from: z.string().nullable(),
});
const made = z.strictObject({ id: z.string(), key: z.string(), expires: z.string() });

const list = route({
  method: "GET",
  path: "/api/keys",
  summary: "Every API key, also those that have ended; never the key itself",
  access: "keys:read",
  result: z.strictObject({ totalCount: z.int(), results: z.array(view) }),
  async handle({ administrators }) {
    const all = await administrators.listKeys();
    return { body: { totalCount: all.length, results: all.map(viewOf) } };
  },
});

const create = route({
  method: "POST",
  path: "/api/keys",
  summary: "Make an API key of one's own; the answer has it, once",
  access: "keys:write",
  isFresh: true,
  body: z.strictObject({
    label: z
      .string()
      .min(1)
      .max(64)
      .regex(/^\P{C}+$/u, "has to be printable"),
    scopes: z.array(z.enum(PERMISSIONS)).min(1).max(PERMISSIONS.length),
    days,
  }),
  result: made,
  async handle(context, { body, ...caller }) {
    const { administrator, permissions } = caller.principal;
    const beyond = body.scopes.find((scope) => !permissions.has(scope));
    if (beyond !== undefined) {
      throw new ApiError(403, `a key can't be given what its maker may not do: ${beyond}`);
    }
    const key = makeKey();
    const expiresAt = context.clock.now() + body.days * DAY_MS;
    const scopes = [...new Set(body.scopes)];
    const { label } = body;
    const subject = { type: "api_key", id: label, username: administrator.username } as const;
    const event = changeEvent(context, caller, "api_key_create", subject, {
      details: { label, scopes: scopes.join(" "), expires: isoText(expiresAt) },
    });
    const row = { owner: administrator.id, label, scopes, hash: fingerprint(key), expiresAt };
    const created = await context.administrators.createKey(row, event);
    if (created === "too-many") throw tooMany();
    return { status: 201, body: { id: String(created.id), key, expires: isoText(expiresAt) } };
  },
});

const rotate = route({
  method: "POST",
  path: "/api/keys/:id/rotate",
  summary: "A new key in the place of an old one, which works on for the overlap; shown once",
  access: "keys:write",
  params: idParams,
  body: z.strictObject({ overlap_hours: z.int().min(0).max(OVERLAP_HOURS_MAX).default(0), days }),
  result: made,
  async handle(context, { params, body, ...caller }) {
    const old = await getOwn(context, params.id, caller.principal);
    const key = makeKey();
    const now = context.clock.now();
    const expiresAt = now + body.days * DAY_MS;
    const endsAt = now + body.overlap_hours * HOUR_MS;
    const event = changeEvent(context, caller, "api_key_rotate", subjectOf(old), {
      changes: [{ field: "key", from: "***", to: "***" }],
      details: { label: old.label, old_key_ends: isoText(endsAt), expires: isoText(expiresAt) },
    });
    const next = { hash: fingerprint(key), expiresAt };
    const created = await context.administrators.rotateKey(old.id, endsAt, next, event);
    if (created === "too-many") throw tooMany();
    if (created === "unknown") {
      throw new ApiError(409, "this key has ended, or was rotated before: make a new one");
    }
    return { status: 201, body: { id: String(created.id), key, expires: isoText(expiresAt) } };
  },
});

const revoke = route({
  method: "DELETE",
  path: "/api/keys/:id",
  summary: "Revoke an API key, whoever owns it; it ends at once",
  access: "keys:write",
  params: idParams,
  result: done,
  async handle(context, { params, ...caller }) {
    const key = await get(context, params.id);
    const event = changeEvent(context, caller, "api_key_revoke", subjectOf(key), {
      details: { label: key.label },
    });
    const outcome = await context.administrators.revokeKey(key.id, event);
    if (outcome === "unknown") throw new ApiError(409, "this key has ended already");
    return { body: {} };
  },
});

function viewOf(key: ApiKey): z.infer<typeof view> {
  return {
    id: String(key.id),
    owner: String(key.owner),
    label: key.label,
    scopes: [...key.scopes],
    created: isoText(key.createdAt),
    expires: isoText(key.expiresAt),
    revoked: isoTextOr(key.revokedAt),
    last_used: isoTextOr(key.lastUsedAt),
    last_used_from: key.lastUsedFrom ?? null,
  };
}

async function get({ administrators }: ApiContext, id: string): Promise<ApiKey> {
  const key = await administrators.findKey(Number(id));
  if (key === undefined) throw new ApiError(404, "there is no such key");
  return key;
}

/**
 * Whoever rotates a key gets the next one: that is as much as making one, so it needs a recent login of
 * its owner; or the key itself, which gains nothing but time.
 */
async function getOwn(context: ApiContext, id: string, principal: Principal): Promise<ApiKey> {
  const key = await get(context, id);
  const { administrator, permissions } = principal;
  const mayHave = key.scopes.every((scope) => permissions.has(scope));
  const isOwn =
    principal.by === "key" ? principal.key.id === key.id : key.owner === administrator.id;
  if (!isOwn || !mayHave) {
    throw new ApiError(403, "a key is rotated by its owner, or by itself");
  }
  if (principal.by === "key" || context.sessions.isFresh(principal.session)) return key;
  throw new ApiError(403, "this needs a login of the last ten minutes: log in again");
}

function subjectOf({ id }: ApiKey): Subject {
  return { type: "api_key", id: String(id) };
}

function tooMany(): ApiError {
  return new ApiError(409, "too many keys: revoke one first");
}

export const KEY_ROUTES: readonly Route[] = [list, create, rotate, revoke];
