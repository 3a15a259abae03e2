// Administrators at an operator's hand: for the first one, and for whoever has lost everything.
// Invariant: a password or a key is told once, to the operator who asked.

import { issueCredentials, type IssuedCredentials } from "../../core/admin-credentials.ts";
import type { Administrator } from "../../core/administrators.ts";
import { auditText, type EventDraft, type EventType } from "../../core/audit.ts";
import type { Handler } from "./bind.ts";
import { adminEvent, type Call, type ControlContext } from "./context.ts";
import type {
  adminCreate,
  adminList,
  adminReset,
  adminSuspend,
  adminUnlock,
} from "./operations.ts";
import { OperationError } from "./protocol.ts";

type Issued = Extract<IssuedCredentials, { kind: "issued" }>;

export const createAdministrator: Handler<typeof adminCreate> = async (context, args, call) => {
  const { username, role } = args;
  const { credentials, shown } = await issue(context, username, args.password);
  const created = await context.administrators.createAdministrator(
    { username, role, ...credentials, onlyFirst: false },
    eventOf(context, call, "admin_create", username, { details: { role } }),
  );
  if (created === "name-taken") {
    const hint = "a new password and token: gatehouse admin reset";
    throw new OperationError("refused", `there is an administrator "${username}" already`, hint);
  }
  return { username, ...shown };
};

export const listAdministrators: Handler<typeof adminList> = async (context, _args, call) => {
  const all = await context.administrators.listAdministrators();
  for (const { id, username, role, state, lastLoginAt, lockedUntil, keys } of all) {
    await call.item({ id, username, role, state, lastLoginAt, lockedUntil, keys });
  }
  return { administrators: all.length };
};

export const resetAdministrator: Handler<typeof adminReset> = async (context, args, call) => {
  const found = await getAdministrator(context, args.username);
  const { credentials, shown } = await issue(context, found.username, args.password);
  const event = eventOf(context, call, "admin_password_change", found);
  const outcome = await context.administrators.resetAdministrator(found.id, credentials, event);
  if (outcome === "unknown") throw unknownAdministrator(args.username);
  return { username: found.username, ...shown };
};

export const suspendAdministrator: Handler<typeof adminSuspend> = async (context, args, call) => {
  const found = await getAdministrator(context, args.username);
  const { username, id, generation } = found;
  const state = args.suspended ? "suspended" : "active";
  if (found.state === state) return { username };
  const type = args.suspended ? "admin_suspended" : "admin_unsuspend";
  const changes = [{ field: "state", from: found.state, to: state }];
  const event = eventOf(context, call, type, found, { changes });
  const { administrators } = context;
  const outcome = await administrators.changeAdministrator(id, generation, { state }, event);
  if (outcome === "changed") return { username };
  if (outcome === "unknown") throw unknownAdministrator(username);
  if (outcome === "changed-meanwhile") {
    throw new OperationError("refused", `"${username}" was changed meanwhile`, "try again");
  }
  const hint = "make another one first: gatehouse admin create";
  throw new OperationError("refused", `"${username}" is the last active administrator`, hint);
};

export const unlockAdministrator: Handler<typeof adminUnlock> = async (context, args, call) => {
  const found = await getAdministrator(context, args.username);
  const event = eventOf(context, call, "admin_unlocked", found);
  const outcome = await context.administrators.unlockAdministrator(found.id, event);
  if (outcome === "unknown") throw unknownAdministrator(args.username);
  return { username: found.username, outcome };
};

async function issue(context: ControlContext, username: string, password: string): Promise<Issued> {
  const issued = await issueCredentials(context.passwords, context.issuer, username, password);
  if (issued.kind === "issued") return issued;
  if (issued.kind === "refused") throw new OperationError("usage", issued.problem);
  throw new OperationError("unavailable", "the gateway is busy with other logins", "try again");
}

async function getAdministrator(context: ControlContext, username: string): Promise<Administrator> {
  const found = await context.administrators.findAdministratorByName(username);
  if (found === undefined) throw unknownAdministrator(username);
  return found;
}

function unknownAdministrator(username: string): OperationError {
  const hint = "see: gatehouse admin list";
  return new OperationError("refused", `there is no administrator "${username}"`, hint);
}

/** `about`: by name alone while there is none of that name yet. */
function eventOf(
  context: ControlContext,
  call: Pick<Call<never>, "operator">,
  type: EventType,
  about: Administrator | string,
  extra: Pick<EventDraft, "details" | "changes"> = {},
): EventDraft {
  const named = typeof about === "string" ? { id: about, username: about } : about;
  return {
    ...adminEvent(context, call, type, undefined, extra),
    service: "directory",
    resource: { type: "admin", id: auditText(String(named.id)) },
    username: auditText(named.username),
  };
}
