// The two steps of the first run, open only to whoever reads the gateway's own console.

import { z } from "zod";

import { issueCredentials } from "../../../core/admin-credentials.ts";
import { Secret } from "../../../lib/secret.ts";
import { changeEvent, type ApiContext } from "./context.ts";
import { ApiError, route, type Route } from "./route.ts";
import { codeText, done, passwordText, tokenText, usernameText } from "./shapes.ts";

const BUSY = { "retry-after": "5" } as const;

async function checkToken(context: ApiContext, token: string): Promise<void> {
  if (await context.setUp.mayBegin(token)) return;
  throw new ApiError(403, "set-up is not open to this token; a new one is printed at every start");
}

const beginSetUp = route({
  method: "POST",
  path: "/api/setup",
  summary: "Begin the set-up: name and password of the first administrator",
  access: "anyone",
  body: z.strictObject({ token: tokenText, username: usernameText, password: passwordText }),
  result: z.strictObject({ secret: z.string(), uri: z.string() }),
  async handle(context, { body }) {
    await checkToken(context, body.token);
    const { passwords, issuer, setUp } = context;
    const { username, password } = body;
    const issued = await issueCredentials(passwords, issuer(), username, password);
    if (issued.kind === "busy") throw new ApiError(503, "busy: try again", BUSY);
    if (issued.kind === "refused") throw new ApiError(400, issued.problem);
    setUp.begin(username, issued.credentials);
    return { body: issued.shown };
  },
});

const confirmSetUp = route({
  method: "POST",
  path: "/api/setup/confirm",
  summary: "End the set-up with a code of the new token; only now the administrator exists",
  access: "anyone",
  body: z.strictObject({ token: tokenText, code: codeText }),
  result: done,
  async handle(context, { body, ...caller }) {
    await checkToken(context, body.token);
    const outcome = await context.setUp.confirm(Secret.of(body.code), (username) => ({
      ...changeEvent(
        context,
        caller,
        "admin_totp_finish_enrollment",
        { type: "admin", id: username, username },
        { details: { role: "administrator", first: true } },
      ),
    }));
    if (outcome === "wrong-code") throw new ApiError(403, "the code is wrong; try the next one");
    if (outcome === "nothing-begun") {
      throw new ApiError(409, "nothing was begun, or it took too long: send /api/setup again");
    }
    return { status: 201, body: {} };
  },
});

export const SET_UP_ROUTES: readonly Route[] = [beginSetUp, confirmSetUp];
