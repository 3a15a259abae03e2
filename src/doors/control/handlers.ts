// The table of operations: which function answers which name. Used by the socket's server, and by
// commands themselves while no gateway runs.

import { DependencyDown } from "../../core/ports.ts";
import {
  createAdministrator,
  listAdministrators,
  resetAdministrator,
  suspendAdministrator,
  unlockAdministrator,
} from "./administrators.ts";
import { bind, type Bound } from "./bind.ts";
import type { Call, ControlContext } from "./context.ts";
import { queryEvents, verifyEvents } from "./events.ts";
import { reloadConfiguration, showHealth, tryLogin } from "./health.ts";
import { backUp, rotateKey } from "./keys.ts";
import * as operations from "./operations.ts";
import { OperationError } from "./protocol.ts";
import { requireFactor } from "./requirements.ts";
import { enrollToken, importTokens, listTokens, replaceRecovery, resetToken } from "./tokens.ts";
import { grantBypass, lockUser, relinkUsers, revokeBypass, showUser, unlockUser } from "./users.ts";

const TABLE: readonly Bound[] = [
  bind(operations.tokenImport, importTokens),
  bind(operations.tokenEnroll, enrollToken),
  bind(operations.tokenRecovery, replaceRecovery),
  bind(operations.tokenReset, resetToken),
  bind(operations.tokenList, listTokens),
  bind(operations.userShow, showUser),
  bind(operations.userUnlock, unlockUser),
  bind(operations.userLock, lockUser),
  bind(operations.userRequire, requireFactor),
  bind(operations.userBypass, grantBypass),
  bind(operations.userBypassRevoke, revokeBypass),
  bind(operations.userRelink, relinkUsers),
  bind(operations.adminCreate, createAdministrator),
  bind(operations.adminList, listAdministrators),
  bind(operations.adminReset, resetAdministrator),
  bind(operations.adminSuspend, suspendAdministrator),
  bind(operations.adminUnlock, unlockAdministrator),
  bind(operations.eventsQuery, queryEvents),
  bind(operations.eventsVerify, verifyEvents),
  bind(operations.keyRotate, rotateKey),
  bind(operations.backup, backUp),
  bind(operations.testLogin, tryLogin),
  bind(operations.health, showHealth),
  bind(operations.reload, reloadConfiguration),
];

const BY_NAME: ReadonlyMap<string, Bound> = new Map(TABLE.map((bound) => [bound.name, bound]));

/** Does one operation. Throws OperationError for what an operator can understand and mend. */
export async function runOperation(
  context: ControlContext,
  name: string,
  args: unknown,
  call: Call<unknown>,
): Promise<unknown> {
  const bound = BY_NAME.get(name);
  if (bound === undefined) {
    throw new OperationError(
      "usage",
      "the gateway does not know this operation",
      "use the gatehouse command that belongs to the running gateway",
    );
  }
  try {
    return await bound.run(context, args, call);
  } catch (error) {
    if (!(error instanceof DependencyDown)) throw error;
    throw new OperationError(
      "unavailable",
      `${error.dependency} can't answer: ${error.message}`,
      "nothing was changed; try again, or look at: gatehouse health",
    );
  }
}
