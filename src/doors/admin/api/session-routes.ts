// Logging in and out. Invariants: password and code come together or not at all, and every failure
// gets the same answer.

import { z } from "zod";

import { PERMISSIONS, permissionsOf, ROLES } from "../../../core/permissions.ts";
import { Secret } from "../../../lib/secret.ts";
import { changeEvent, type ApiContext, type Caller, type Principal } from "./context.ts";
import { COOKIE } from "./sessions.ts";
import { ApiError, route, type Route } from "./route.ts";
import { codeText, done, isoText, passwordText, usernameText } from "./shapes.ts";

const body = z.strictObject({ username: usernameText, password: passwordText, code: codeText });

const whoView = z.strictObject({
  id: z.string(),
  username: z.string(),
  role: z.enum(ROLES),
  permissions: z.array(z.enum(PERMISSIONS)),
});
const sessionView = z.strictObject({
  administrator: whoView,
  /** To be sent as x-csrf-token with every change. */
  csrf_token: z.string(),
  expires_at: z.string(),
});

const REFUSED = "user name, password or code is wrong, or the account is locked or suspended";

const begin = route({
  method: "POST",
  path: "/api/sessions",
  summary: "Log in with password and code; the cookie is the session",
  access: "anyone",
  body,
  result: sessionView,
  // What can't be a password or a code is a wrong one: it counts.
  async onMisfit(context, misfit, caller) {
    const named = z.looseObject({ username: usernameText }).safeParse(misfit);
    if (!named.success) return;
    const { username } = named.data;
    await logIn(context, { username, password: undefined, code: undefined }, caller);
  },
  async handle(context, { body: typed, ...caller }) {
    const administrator = await logIn(
      context,
      {
        username: typed.username,
        password: Secret.of(typed.password),
        code: Secret.of(typed.code),
      },
      caller,
    );
    if (administrator === undefined) throw new ApiError(401, REFUSED);
    const { id, session } = context.sessions.begin(administrator);
    const cookie = { "set-cookie": COOKIE.set(id) };
    return { status: 201, headers: cookie, body: viewOf(administrator, session) };
  },
});

async function logIn(
  { login }: ApiContext,
  claim: Parameters<ApiContext["login"]>[0],
  { clientIp, requestId }: Caller,
): Promise<Principal["administrator"] | undefined> {
  const verdict = await login(claim, { clientIp, requestId });
  if (verdict.kind === "busy") {
    throw new ApiError(503, "too many logins at once: try again", { "retry-after": "5" });
  }
  return verdict.kind === "accepted" ? verdict.administrator : undefined;
}

function getSession(principal: Principal): Extract<Principal, { by: "session" }>["session"] {
  if (principal.by === "session") return principal.session;
  throw new ApiError(409, "an API key has no session");
}

const show = route({
  method: "GET",
  path: "/api/sessions/current",
  summary: "Who is logged in, and what they may do",
  access: "signed-in",
  result: sessionView,
  async handle(_context, { principal }) {
    return { body: viewOf(principal.administrator, getSession(principal)) };
  },
});

const end = route({
  method: "DELETE",
  path: "/api/sessions/current",
  summary: "Log out",
  access: "signed-in",
  result: done,
  async handle(context, caller) {
    const { administrator } = caller.principal;
    context.sessions.end(getSession(caller.principal));
    const subject = { type: "admin", id: String(administrator.id) } as const;
    await context.record(changeEvent(context, caller, "admin_logout", subject));
    return { headers: { "set-cookie": COOKIE.end }, body: {} };
  },
});

function viewOf(
  { id, username, role }: Principal["administrator"],
  { csrfToken, endsAt }: { readonly csrfToken: string; readonly endsAt: number },
): z.infer<typeof sessionView> {
  const permissions = [...permissionsOf(role)];
  const administrator = { id: String(id), username, role, permissions };
  return { administrator, csrf_token: csrfToken, expires_at: isoText(endsAt) };
}

export const SESSION_ROUTES: readonly Route[] = [begin, show, end];
