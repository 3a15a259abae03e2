// Who else may administer. Invariants: only a login of the last minutes changes this, nobody changes
// themself here, and a password or a key of a token is told once.

import { z } from "zod";

import { issueCredentials, type IssuedCredentials } from "../../../core/admin-credentials.ts";
import type { Administrator } from "../../../core/administrators.ts";
import { ROLES } from "../../../core/permissions.ts";
import { changeEvent, type ApiContext, type Principal, type Subject } from "./context.ts";
import { ApiError, route, type Route } from "./route.ts";
import { done, idParams, isoText, isoTextOr, passwordText, usernameText } from "./shapes.ts";

const STATES = ["active", "suspended"] as const;
const view = z.strictObject({
  id: z.string(),
  username: z.string(),
  role: z.enum(ROLES),
  state: z.enum(STATES),
  locked: z.boolean(),
  /** Always: an administrator without a second factor can't be made. */
  totp_enrolled: z.literal(true),
  api_keys: z.int(),
  created: z.string(),
  password_set: z.string(),
  last_login: z.string().nullable(),
  /** To be sent back with a change. */
  version: z.int(),
});
const issued = z.strictObject({ id: z.string(), secret: z.string(), uri: z.string() });
const version = z.int().min(1);

const list = route({
  method: "GET",
  path: "/api/administrators",
  summary: "Everyone who may administer",
  access: "admins:read",
  result: z.strictObject({ totalCount: z.int(), results: z.array(view) }),
  async handle({ administrators }) {
    const all = await administrators.listAdministrators();
    return { body: { totalCount: all.length, results: all.map(viewOf) } };
  },
});

const show = route({
  method: "GET",
  path: "/api/administrators/:id",
  summary: "One administrator",
  access: "admins:read",
  params: idParams,
  result: view,
  handle: async (context, { params }) => ({ body: viewOf(await get(context, params.id)) }),
});

const create = route({
  method: "POST",
  path: "/api/administrators",
  summary: "Make an administrator; the answer has the token's key, once",
  access: "admins:write",
  isFresh: true,
  body: z.strictObject({ username: usernameText, password: passwordText, role: z.enum(ROLES) }),
  result: issued,
  async handle(context, { body, ...caller }) {
    const { username, role } = body;
    const { credentials, shown } = await issue(context, username, body.password);
    const subject = { type: "admin", id: username, username } as const;
    const event = changeEvent(context, caller, "admin_create", subject, {
      changes: [{ field: "role", from: null, to: role }],
    });
    const created = await context.administrators.createAdministrator(
      { username, role, ...credentials, onlyFirst: false },
      event,
    );
    if (typeof created === "string") throw new ApiError(409, "there is one of that name already");
    return { status: 201, body: { id: String(created.id), ...shown } };
  },
});

const change = route({
  method: "PATCH",
  path: "/api/administrators/:id",
  summary: "Change an administrator's role or state; sessions end at once",
  access: "admins:write",
  isFresh: true,
  params: idParams,
  body: z
    .strictObject({
      version,
      role: z.enum(ROLES).exactOptional(),
      state: z.enum(STATES).exactOptional(),
    })
    .refine((body) => (body.role === undefined) !== (body.state === undefined), {
      error: "has to have either role or state",
    }),
  result: view,
  async handle(context, { params, body, ...caller }) {
    const found = await getOther(context, params.id, caller.principal);
    const { role, state } = body;
    const field = role === undefined ? "state" : "role";
    const changes = [{ field, from: found[field], to: role ?? state }];
    const type =
      state === undefined
        ? "admin_update"
        : state === "suspended"
          ? "admin_suspended"
          : "admin_unsuspend";
    const outcome = await context.administrators.changeAdministrator(
      found.id,
      body.version,
      { ...(role === undefined ? {} : { role }), ...(state === undefined ? {} : { state }) },
      changeEvent(context, caller, type, subjectOf(found), { changes }),
    );
    if (outcome !== "changed") throw refusal(outcome);
    return { body: viewOf(await get(context, params.id)) };
  },
});

const reset = route({
  method: "POST",
  path: "/api/administrators/:id/reset",
  summary: "A new password and a new token; the answer has the token's key, once",
  access: "admins:write",
  isFresh: true,
  params: idParams,
  body: z.strictObject({ password: passwordText }),
  result: issued,
  async handle(context, { params, body, ...caller }) {
    const found = await getOther(context, params.id, caller.principal);
    const { credentials, shown } = await issue(context, found.username, body.password);
    const masked = { from: "***", to: "***" };
    const event = changeEvent(context, caller, "admin_password_change", subjectOf(found), {
      changes: [
        { field: "password", ...masked },
        { field: "totp", ...masked },
      ],
    });
    const { administrators } = context;
    const outcome = await administrators.resetAdministrator(found.id, credentials, event);
    if (outcome === "unknown") throw refusal(outcome);
    return { body: { id: params.id, ...shown } };
  },
});

const unlock = route({
  method: "POST",
  path: "/api/administrators/:id/unlock",
  summary: "End the lock after five wrong attempts",
  access: "admins:write",
  params: idParams,
  result: z.strictObject({ outcome: z.enum(["unlocked", "not-locked"]) }),
  async handle(context, { params, ...caller }) {
    const found = await get(context, params.id);
    const event = changeEvent(context, caller, "admin_unlocked", subjectOf(found));
    const outcome = await context.administrators.unlockAdministrator(found.id, event);
    if (outcome === "unknown") throw refusal(outcome);
    return { body: { outcome } };
  },
});

const remove = route({
  method: "DELETE",
  path: "/api/administrators/:id",
  summary: "Delete an administrator with all API keys",
  access: "admins:write",
  isFresh: true,
  params: idParams,
  body: z.strictObject({ version }),
  result: done,
  async handle(context, { params, body, ...caller }) {
    const found = await getOther(context, params.id, caller.principal);
    const { administrators } = context;
    const event = changeEvent(context, caller, "admin_delete", subjectOf(found));
    const outcome = await administrators.deleteAdministrator(found.id, body.version, event);
    if (outcome !== "deleted") throw refusal(outcome);
    return { body: {} };
  },
});

function viewOf(administrator: Administrator): z.infer<typeof view> {
  const { id, username, role, state, lockedUntil, keys, generation } = administrator;
  return {
    id: String(id),
    username,
    role,
    state,
    locked: lockedUntil !== undefined,
    totp_enrolled: true,
    api_keys: keys,
    created: isoText(administrator.createdAt),
    password_set: isoText(administrator.passwordSetAt),
    last_login: isoTextOr(administrator.lastLoginAt),
    version: generation,
  };
}

async function get({ administrators }: ApiContext, id: string): Promise<Administrator> {
  const found = await administrators.findAdministrator(Number(id));
  if (found === undefined) throw refusal("unknown");
  return found;
}

/** Who could change their own role, state or token would do so with a stolen session. */
async function getOther(
  context: ApiContext,
  id: string,
  { administrator }: Principal,
): Promise<Administrator> {
  const found = await get(context, id);
  if (found.id !== administrator.id) return found;
  throw new ApiError(409, "nobody does this to themself: ask another administrator");
}

function subjectOf({ id, username }: Administrator): Subject {
  return { type: "admin", id: String(id), username };
}

async function issue(
  { passwords, issuer }: ApiContext,
  username: string,
  password: string,
): Promise<Extract<IssuedCredentials, { kind: "issued" }>> {
  const made = await issueCredentials(passwords, issuer(), username, password);
  if (made.kind === "issued") return made;
  if (made.kind === "refused") throw new ApiError(400, made.problem);
  throw new ApiError(503, "busy: try again", { "retry-after": "5" });
}

function refusal(why: "unknown" | "changed-meanwhile" | "last-administrator"): ApiError {
  if (why === "unknown") return new ApiError(404, "there is no such administrator");
  if (why === "last-administrator") {
    return new ApiError(409, "the last active administrator stays: make another one first");
  }
  return new ApiError(409, "somebody changed this meanwhile: read it again, then send its version");
}

export const ADMINISTRATOR_ROUTES: readonly Route[] = [
  list,
  show,
  create,
  change,
  reset,
  unlock,
  remove,
];
