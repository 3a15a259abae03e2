// The gateway itself: how it is, reading its configuration again, a login through it.

import { Secret } from "../../lib/secret.ts";
import type { Handler } from "./bind.ts";
import type { ControlContext, Gateway } from "./context.ts";
import type { health, reload, testLogin } from "./operations.ts";
import { OperationError } from "./protocol.ts";

export const showHealth: Handler<typeof health> = (context) => getGateway(context).health();

export const reloadConfiguration: Handler<typeof reload> = async (context) => {
  const gateway = getGateway(context);
  try {
    return { notes: [...(await gateway.reload())] };
  } catch (error) {
    const message = error instanceof Error ? error.message : "the configuration has errors";
    throw new OperationError("configuration", message, "the old configuration stays in force");
  }
};

export const tryLogin: Handler<typeof testLogin> = async (context, args) => {
  const { client, username } = args;
  const state = args.state === undefined ? undefined : Buffer.from(args.state, "base64");
  const password = Secret.of(args.password);
  const tried = await getGateway(context).tryLogin(client, { username, password, state });
  if (tried === undefined) {
    const hint = "use a name from radius.clients: gatehouse check lists them";
    throw new OperationError("usage", `there is no RADIUS client ${client}`, hint);
  }
  const { reply, reason, attributes } = tried;
  return {
    reply,
    attributes: [...attributes],
    ...(reason === undefined ? {} : { reason }),
    ...(tried.state === undefined ? {} : { state: tried.state.toString("base64") }),
  };
};

function getGateway(context: ControlContext): Gateway {
  if (context.gateway !== undefined) return context.gateway;
  throw new OperationError("unavailable", "no gateway is running", "start it: gatehouse run");
}
