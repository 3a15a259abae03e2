// Our own account at one server. Invariant: a server that refuses it is known for it before anything
// else is put to it.

import { DependencyDown, type BindResult } from "../../core/ports.ts";
import { BindExchange } from "./bind.ts";
import type { Connection } from "./connection.ts";
import type { Health } from "./health.ts";
import { NotServing } from "./not-serving.ts";
import type { Settings } from "./options.ts";

/** Rejects unless the server takes it, and then `health` knows. `deadlineAt`: monotonic ms. */
export async function bindService(
  connection: Connection,
  settings: Settings,
  health: Health,
  deadlineAt: number,
): Promise<void> {
  const { clock, dependency, bindDn: dn, bindPassword: password } = settings;
  const { url } = connection;
  let result: BindResult;
  try {
    result = await new Promise<BindResult>((resolve, reject) => {
      const exchange = new BindExchange({ dependency, dn, password, deadlineAt }, resolve, reject);
      connection.send(exchange, clock.monotonic());
    });
  } catch (error) {
    if (error instanceof NotServing) health.refused(url, error.message, "other");
    else health.broken(url, error instanceof Error ? error.message : String(error));
    throw error;
  }
  if (result.kind === "right") return;
  const cause = result.kind === "wrong" ? "wrong password" : result.reason;
  const reason = `it refuses bind_dn, the gateway's own account: ${cause}`;
  health.refused(url, reason, result.kind === "wrong" ? "wrong-password" : "other");
  throw new DependencyDown(dependency, reason);
}
